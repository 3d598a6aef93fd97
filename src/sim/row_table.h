// The primary-key table of a scenario, as its clients see it: requests for one bucket, and what
// their answers hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/row_codec.h"
#include "runtime/random.h"
#include "server/test_client.h"
#include "sim/row_model.h"

namespace strom::sim {

class RowTable {
 public:
  // How the table keeps its changelog and whether it numbers its rows is drawn from `random`.
  RowTable(runtime::RandomSource& random, int32_t buckets, std::optional<int64_t> ttl_ms);

  const RowRules& rules() const { return rules_; }
  runtime::Task<Result<TableId>> Create(server::TestClient& client, std::string name) const;

  // The end of the changelog with the batch in it.
  runtime::Task<Result<Offset>> Put(server::TestClient& client, TableId table, int32_t bucket,
                                    const std::vector<KeyChange>& batch, WriterId writer,
                                    int32_t sequence) const;
  runtime::Task<Result<std::vector<std::optional<KeyRow>>>> LookUp(
      server::TestClient& client, TableId table, int32_t bucket,
      const std::vector<int32_t>& keys) const;
  // The whole bucket; its answers hold about `batch_bytes` each.
  runtime::Task<Result<KeyRows>> Scan(server::TestClient& client, TableId table, int32_t bucket,
                                      int32_t batch_bytes) const;
  // Nothing for a table that does not count.
  runtime::Task<Result<std::optional<int64_t>>> CountRows(server::TestClient& client, TableId table,
                                                          int32_t bucket) const;

  // The changes in what a fetch from `from` gave; kCorruptRecord when a batch or an offset is
  // wrong.
  Result<std::vector<RowChange>> ParseChanges(ByteView records, Offset from) const;

 private:
  Bytes KeyOf(int32_t key) const;
  Result<std::pair<int32_t, KeyRow>> RowOf(const format::Row& values) const;
  Result<std::pair<int32_t, KeyRow>> StoredRow(ByteView value) const;

  RowRules rules_;
  format::LogFormat log_format_{};
  format::RowFormat row_format_{};
  format::Schema schema_;
  std::vector<format::DataType> types_;
  std::string json_;
};

}  // namespace strom::sim
