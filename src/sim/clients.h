// What the clients of a scenario do, each over and over until it is told to stop. All on one
// machine, so they share the model without care.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/sim.h"
#include "server/test_client.h"
#include "sim/cluster.h"
#include "sim/model.h"
#include "sim/row_table.h"

namespace strom::sim {

struct SharedState {
  SharedState(runtime::SimWorld& in_world, SimServer& of_server)
      : world(in_world), server(of_server) {}

  runtime::SimWorld& world;
  SimServer& server;
  bool stopping = false;
  std::string violation;  // the first one

  // Of rows that are appended, and of rows with keys; made in the first life.
  TableId table{-1};
  std::vector<BucketModel> buckets;
  std::optional<RowTable> row_table;
  TableId row_table_id{-1};
  std::vector<RowModel> row_buckets;
  // Statements: names whose last change was acknowledged, and whether they are there. The ids
  // that were ever given out.
  std::map<std::string, bool> tables;
  std::map<int64_t, std::string> table_ids;
  // Names with a statement that got no answer: it may still take effect in that life of the server.
  std::map<std::string, uint64_t> unsettled;
  int writers = 0;

  void Violate(std::string what) {
    if (violation.empty() && !what.empty()) violation = std::move(what);
  }
  bool over() const { return stopping || !violation.empty(); }
  bool has_tables() const { return table.value >= 0 && (!row_table || row_table_id.value >= 0); }
};

// Appends to one bucket, one row at a time. With a writer id it repeats what it got no answer for.
runtime::Task<void> WriteRows(SharedState& shared, int32_t bucket, bool idempotent);
// Reads a bucket again and again, from the front or from where it was, waiting for more.
runtime::Task<void> ReadRows(SharedState& shared, int32_t bucket);
runtime::Task<void> ReadChanges(SharedState& shared, int32_t bucket);
// Creates and drops tables of its own.
runtime::Task<void> ChangeTables(SharedState& shared, int client);
// Changes rows of one bucket, a few with each batch, and looks up what it wrote.
runtime::Task<void> WriteKeys(SharedState& shared, int32_t bucket, bool idempotent);
// Looks up keys of a bucket.
runtime::Task<void> LookUpKeys(SharedState& shared, int32_t bucket);
// Sends what is no request.
runtime::Task<void> SendGarbage(SharedState& shared);

// All rows of a bucket from its log start on; an error if that fails.
struct WholeBucket {
  Offset start;
  std::vector<ReadRow> rows;
};
runtime::Task<Result<WholeBucket>> ReadBucket(server::TestClient& client, TableId table,
                                              int32_t bucket);
// The same of a bucket of rows with keys, and its table.
struct WholeTable {
  Offset start;
  std::vector<RowChange> changelog;
  KeyRows rows;
  std::optional<int64_t> row_count;
};
runtime::Task<Result<WholeTable>> ReadRowBucket(SharedState& shared, server::TestClient& client,
                                                int32_t bucket);
// Whether offsets by timestamp are right for what ReadBucket found.
runtime::Task<void> CheckTimestamps(SharedState& shared, server::TestClient& client, int32_t bucket,
                                    const std::vector<ReadRow>& rows);

}  // namespace strom::sim
