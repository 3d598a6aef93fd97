// FETCH_LOG: the request as views, the answer as ranges of segments between the few bytes that
// describe them. No record byte is touched (spec 02, 6; spec 04, 7.1).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/frame.h"

namespace strom::wire {

inline constexpr int32_t kNoFollower = -1;
inline constexpr size_t kMaxProjectedFields = 100'000;

struct FetchBucket {
  std::optional<PartitionId> partition;
  BucketId bucket;
  int64_t fetch_offset = 0;
  int32_t max_fetch_bytes = 0;
};

struct FetchTable {
  TableId table_id;
  bool projection_enabled = false;
  std::vector<int32_t> projected_fields;
  std::vector<FetchBucket> buckets;
  std::optional<ByteView> filter_predicate;  // an encoded PbPredicate
  std::optional<int32_t> filter_schema_id;
};

struct FetchLogRequest {
  int32_t follower_server_id = kNoFollower;
  int32_t max_bytes = 0;
  std::vector<FetchTable> tables;
  std::optional<int32_t> max_wait_ms;
  std::optional<int32_t> min_bytes;
  int32_t read_preference = 0;
};

// `body` outlives the request. kCorruptMessage when it is none or lacks a required field.
Result<FetchLogRequest> ParseFetchLog(ByteView body);

struct FetchResult {
  TableBucket bucket;
  std::optional<Error> error;
  // On success:
  Offset high_watermark;
  std::optional<Offset> filtered_end_offset;
  std::span<const ByteView> records;  // may be empty, is always sent
};

// Results of one table follow each other in the answer whatever their order here. The bytes behind
// `records` must stay valid as long as the frame; KeepAlive holds their owners.
OutgoingFrame EncodeFetchLogResponse(int32_t request_id, std::span<const FetchResult> results);

}  // namespace strom::wire
