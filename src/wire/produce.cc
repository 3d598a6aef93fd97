#include "wire/produce.h"

#include "wire/error_text.h"
#include "wire/fields.h"
#include "wire/message.h"
#include "wire/messages.pb.h"

namespace strom::wire {
namespace {

constexpr auto kVarint = WireType::kVarint;
constexpr auto kBytes = WireType::kBytes;

// The same bytes, writable: `view` lies inside `whole`.
MutableByteView Writable(MutableByteView whole, ByteView view) {
  if (view.empty()) return {};
  return whole.subspan(static_cast<size_t>(view.data() - whole.data()), view.size());
}

Result<ProduceBucket> ParseBucket(ByteView bytes, MutableByteView body) {
  std::optional<int64_t> partition;
  std::optional<int32_t> bucket;
  std::optional<ByteView> records;
  FieldReader fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        partition = fields.Int64();
        break;
      case Tag(2, kVarint):
        bucket = fields.Int32();
        break;
      case Tag(3, kBytes):
        records = fields.bytes();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("PbProduceLogReqForBucket", fields);
  ProduceBucket parsed;
  if (partition) parsed.partition = PartitionId(*partition);
  STROM_TRY(const int32_t id, Require(bucket, "PbProduceLogReqForBucket.bucket_id"));
  parsed.bucket = BucketId(id);
  STROM_TRY(const ByteView view, Require(records, "PbProduceLogReqForBucket.records"));
  parsed.records = Writable(body, view);
  return parsed;
}

}  // namespace

Result<ProduceLogRequest> ParseProduceLog(MutableByteView body) {
  ProduceLogRequest request;
  std::optional<int32_t> acks;
  std::optional<int64_t> table_id;
  std::optional<int32_t> timeout_ms;
  FieldReader fields(body);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        acks = fields.Int32();
        break;
      case Tag(2, kVarint):
        table_id = fields.Int64();
        break;
      case Tag(3, kVarint):
        timeout_ms = fields.Int32();
        break;
      case Tag(4, kBytes): {
        if (request.buckets.size() == kMaxBucketsPerRequest) {
          return TooMany("buckets", kMaxBucketsPerRequest);
        }
        STROM_TRY(ProduceBucket bucket, ParseBucket(fields.bytes(), body));
        request.buckets.push_back(bucket);
        break;
      }
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("ProduceLogRequest", fields);
  STROM_TRY(request.acks, Require(acks, "ProduceLogRequest.acks"));
  STROM_TRY(const int64_t id, Require(table_id, "ProduceLogRequest.table_id"));
  request.table_id = TableId(id);
  STROM_TRY(request.timeout_ms, Require(timeout_ms, "ProduceLogRequest.timeout_ms"));
  return request;
}

OutgoingFrame EncodeProduceLogResponse(int32_t request_id, std::span<const ProduceResult> results) {
  pb::ProduceLogResponse response;
  for (const ProduceResult& result : results) {
    pb::PbProduceLogRespForBucket& entry = *response.add_buckets_resp();
    if (result.partition) entry.set_partition_id(result.partition->value);
    entry.set_bucket_id(result.bucket.value);
    if (result.base_offset) {
      entry.set_base_offset(result.base_offset->value);
    } else {
      SetError(result.base_offset.error(), entry);
    }
  }
  return EncodeSuccess(request_id, response);
}

}  // namespace strom::wire
