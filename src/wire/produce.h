// PRODUCE_LOG without a copy: the records of each bucket are views on the request (spec 04, 5).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/frame.h"

namespace strom::wire {

inline constexpr int32_t kAcksAll = -1;
inline constexpr size_t kMaxBucketsPerRequest = 100'000;

struct ProduceBucket {
  std::optional<PartitionId> partition;
  BucketId bucket;
  MutableByteView records;  // zero or more batches; the leader patches their headers in place
};

struct ProduceLogRequest {
  int32_t acks = 0;
  TableId table_id;
  int32_t timeout_ms = 0;
  std::vector<ProduceBucket> buckets;
};

// kCorruptMessage when `body` is no such request or lacks a required field.
Result<ProduceLogRequest> ParseProduceLog(MutableByteView body);

struct ProduceResult {
  std::optional<PartitionId> partition;
  BucketId bucket;
  Result<Offset> base_offset;
};

OutgoingFrame EncodeProduceLogResponse(int32_t request_id, std::span<const ProduceResult> results);

}  // namespace strom::wire
