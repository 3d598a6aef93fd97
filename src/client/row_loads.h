// The loads of primary-key tables: writing rows of generated keys, and looking them up. Key k
// belongs to bucket k mod buckets in both, so that no hash decides how even the load is; servers
// store what a request names (spec 03, 9.2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "client/load.h"
#include "format/row_codec.h"

namespace strom::client {

// A table with a primary key "id" BIGINT; then half BIGINT, half STRING. With `grouped` the key is
// ("grp", "id"), both BIGINT, and the bucket key "grp", so that all rows of a group can be looked
// up by their prefix. `properties` are table.* options as JSON members, without braces, and may be
// empty.
std::string GeneratedKeyedTable(int columns, int buckets, bool grouped,
                                const std::string& properties);

// Which key of a bucket comes next.
class KeySequence {
 public:
  // In order from 0 and around, or at random; `keys` of them.
  KeySequence(int64_t keys, bool random) : keys_(keys), random_(random) {}
  int64_t Next();

 private:
  int64_t keys_;
  bool random_;
  int64_t next_ = 0;
  uint64_t state_ = 0x9e3779b97f4a7c15;
};

// Upserts (or deletes) of rows with fresh values.
class PutLoad : public Load {
 public:
  struct Options {
    TableId table;
    size_t buckets = 1;
    int32_t acks = -1;
    SchemaId schema{1};
    int columns = 10;
    int rows = 1000;  // a request
    int64_t keys = 1'000'000;
    bool random = false;
    bool deletes = false;
    std::vector<int32_t> target_columns;  // empty: whole rows
    int64_t group = 0;                    // rows of a group; 0: the table is not grouped
  };
  explicit PutLoad(Options options);

  std::optional<LoadRequest> Next(size_t slot) override;
  Result<Yield> Judge(size_t slot, ByteView body) override;

 private:
  const Options options_;
  std::vector<KeySequence> keys_;  // by bucket
  size_t turn_ = 0;
  std::vector<format::DataType> types_;
  int64_t stamp_ = 0;
};

// Lookups of keys, or of whole groups by their prefix. A key, or a row of a group, that is not
// there is an error unless `may_miss`.
class LookupLoad : public Load {
 public:
  struct Options {
    TableId table;
    size_t buckets = 1;
    int keys_per_request = 1;
    int64_t keys = 1'000'000;
    bool may_miss = false;
    int64_t group = 0;      // as the rows were put
    bool prefixes = false;  // a request asks for groups instead of keys
  };
  explicit LookupLoad(Options options);

  std::optional<LoadRequest> Next(size_t slot) override;
  Result<Yield> Judge(size_t slot, ByteView body) override;

 private:
  const Options options_;
  std::vector<KeySequence> keys_;  // by bucket
};

}  // namespace strom::client
