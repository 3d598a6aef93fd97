// PRODUCE_LOG and FETCH_LOG from the client's side, without a copy of the records (spec 04, 5 and
// 7.1). Pure functions; usable on any shard.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace strom::client {

struct ProduceTarget {
  TableId table;
  BucketId bucket;
  int32_t acks = -1;
  int32_t timeout_ms = 30'000;
};

// What precedes `records_bytes` bytes of records in the body of a request for one bucket.
Bytes ProducePrefix(const ProduceTarget& target, size_t records_bytes);
// The base offset, or the error of the bucket.
Result<Offset> ParseProduceAnswer(ByteView body);

struct FetchTarget {
  TableId table;
  BucketId bucket;
  Offset from;
  int32_t max_bytes = 16 << 20;
  std::vector<int32_t> columns;  // ascending positions; empty: all
  int32_t max_wait_ms = 0;       // for min_bytes = 1; 0: answer at once
};

Bytes FetchBody(const FetchTarget& target);

struct Fetched {
  Offset high_watermark;
  Offset next;          // where to read on; the offset that was asked for if nothing came
  int64_t records = 0;  // in whole batches
  uint64_t bytes = 0;   // of whole batches
};
// A batch that is cut off at the end counts as not there. Fails with the error of the bucket, and
// when the records are to be read from remote storage.
Result<Fetched> ParseFetchAnswer(ByteView body, Offset from);

}  // namespace strom::client
