// The requests on primary-key tables that are worth parsing without copies: PUT_KV, LOOKUP and
// PREFIX_LOOKUP (spec 05, 2, 9 and 10). Keys and records are views on the request; the values of an
// answer are copied once, into it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/frame.h"

namespace strom::wire {

inline constexpr size_t kMaxTargetColumns = 16384;
inline constexpr size_t kMaxKeysPerRequest = 1'000'000;

struct PutKvBucket {
  std::optional<PartitionId> partition;
  BucketId bucket;
  ByteView records;  // one KV batch
};

struct PutKvRequest {
  int32_t acks = 0;
  TableId table_id;
  int32_t timeout_ms = 0;
  std::vector<int32_t> target_columns;  // positions; empty: all
  bool overwrite = false;               // agg_mode 1
  std::vector<PutKvBucket> buckets;
};

// kCorruptMessage when `body` is no such request or lacks a required field; kUnknownServerError
// beyond a limit.
Result<PutKvRequest> ParsePutKv(ByteView body);

struct PutKvResult {
  std::optional<PartitionId> partition;
  BucketId bucket;
  Result<Offset> log_end_offset;
  float pressure = 0;  // left out when 0
};

OutgoingFrame EncodePutKvResponse(int32_t request_id, std::span<const PutKvResult> results);

struct LookupBucket {
  std::optional<PartitionId> partition;
  BucketId bucket;
  std::optional<std::string_view> original_partition_name;
  std::vector<ByteView> keys;
};

// LOOKUP, and PREFIX_LOOKUP whose fields are a subset of it.
struct LookupRequest {
  TableId table_id;
  std::vector<LookupBucket> buckets;
  bool insert_if_not_exists = false;
  std::optional<int32_t> acks;
  std::optional<int32_t> timeout_ms;
};

Result<LookupRequest> ParseLookup(ByteView body);
Result<LookupRequest> ParsePrefixLookup(ByteView body);

// The values of one bucket, in the order of its keys; nothing for a key that is not there. The
// views must hold until the answer is encoded.
struct LookupResult {
  std::optional<PartitionId> partition;
  BucketId bucket;
  std::optional<Error> error;
  std::span<const std::optional<ByteView>> values;
};

OutgoingFrame EncodeLookupResponse(int32_t request_id, std::span<const LookupResult> results);

// The values of one bucket's prefixes: value_counts[i] of the values belong to prefix i.
struct PrefixLookupResult {
  std::optional<PartitionId> partition;
  BucketId bucket;
  std::optional<Error> error;
  std::vector<size_t> value_counts;
  std::vector<ByteView> values;
};

OutgoingFrame EncodePrefixLookupResponse(int32_t request_id,
                                         std::span<const PrefixLookupResult> results);

}  // namespace strom::wire
