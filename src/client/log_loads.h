// The loads of log tables: appending one batch again and again, and reading from the beginning.
#pragma once

#include <vector>

#include "base/ids.h"
#include "client/hot_messages.h"
#include "client/load.h"

namespace strom::client {

// Appends `batch`, of `rows` rows, round robin to the buckets.
class ProduceLoad : public Load {
 public:
  struct Options {
    TableId table;
    size_t buckets = 1;
    int32_t acks = -1;
    Bytes batch;
    int rows = 0;
  };
  explicit ProduceLoad(Options options) : options_(std::move(options)) {}

  std::optional<LoadRequest> Next(size_t slot) override;
  Result<Yield> Judge(size_t slot, ByteView body) override;

 private:
  const Options options_;
  size_t turn_ = 0;
};

// Each slot reads its share of the buckets from the beginning to where they end by then; every one
// of them when there are fewer buckets than slots.
class FetchLoad : public Load {
 public:
  struct Options {
    TableId table;
    size_t buckets = 1;
    size_t slots = 1;
    std::vector<int32_t> columns;  // ascending positions; empty: all
    int32_t max_bytes = 16 << 20;
    int passes = 1;       // how often; 0: without end
    bool follow = false;  // stays at the end of its first bucket and waits there for more
  };
  explicit FetchLoad(Options options);

  std::optional<LoadRequest> Next(size_t slot) override;
  Result<Yield> Judge(size_t slot, ByteView body) override;

 private:
  struct Reader {
    size_t first_bucket = 0;
    size_t bucket = 0;
    Offset from;
    int passes_done = 0;
  };
  void GoOn(Reader& reader) const;

  const Options options_;
  size_t stride_ = 1;  // between the buckets of a slot
  std::vector<Reader> readers_;
};

}  // namespace strom::client
