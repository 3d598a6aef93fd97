// Other reads of logs: LIST_OFFSETS and GET_TABLE_STATS (spec 04, 7.4 and 9.7), LIMIT_SCAN of log
// tables (spec 05, 10).
#include "server/cold.h"
#include "server/handlers.h"
#include "server/scatter.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/error_text.h"
#include "wire/field_writer.h"
#include "wire/messages.pb.h"

namespace strom::server {
namespace {

namespace pb = wire::pb;

// One bucket of a request and what was found.
struct OffsetPart {
  TableBucket bucket;
  Result<Offset> offset = Offset(0);
};

struct OffsetQuery {
  int32_t type = 0;
  std::optional<int64_t> timestamp_ms;
};

std::vector<OffsetPart*> Pointers(std::vector<OffsetPart>& parts) {
  std::vector<OffsetPart*> pointers;
  pointers.reserve(parts.size());
  for (OffsetPart& part : parts)
    pointers.push_back(&part);
  return pointers;
}

runtime::Task<bool> ListOnOwner(ServerShard& owner, std::vector<OffsetPart*> parts,
                                OffsetQuery query) {
  const Timestamp now = owner.shard.WallClock();
  for (OffsetPart* part : parts) {
    auto replica = owner.replicas.Find(part->bucket, owner.catalog);
    part->offset = replica ? (*replica)->ListOffset(query.type, query.timestamp_ms, now)
                           : Result<Offset>(Fail(replica.error()));
  }
  co_return true;
}

runtime::Task<bool> CountOnOwner(ServerShard& owner, std::vector<OffsetPart*> parts) {
  for (OffsetPart* part : parts) {
    auto replica = owner.replicas.Find(part->bucket, owner.catalog);
    if (!replica) {
      part->offset = Fail(replica.error());
    } else {
      part->offset = Offset((*replica)->high_watermark() - (*replica)->log_start_offset());
    }
  }
  co_return true;
}

// A frame of a success whose body is `head`, then the field `records` of the ranges.
Response WithRecords(int32_t request_id, Bytes head, uint32_t records_field,
                     replica::BucketRead read) {
  wire::FieldWriter(head).Length(records_field, read.size_bytes);
  const uint64_t length = wire::kResponseHeaderBytes + head.size() + read.size_bytes;
  if (length > wire::kMaxResponseLength) return wire::EncodeTooLarge(request_id);
  Bytes front;
  AppendBig(front, static_cast<int32_t>(length));
  AppendBig(front, static_cast<uint8_t>(wire::ResponseType::kSuccess));
  AppendBig(front, request_id);
  Append(front, head);
  auto kept = std::make_shared<const replica::BucketRead>(std::move(read));
  std::vector<ByteView> pieces{front};
  for (const ByteView range : kept->ranges)
    pieces.push_back(range);
  Response response(std::move(front), std::move(pieces));
  response.KeepAlive(kept);
  return response;
}

}  // namespace

runtime::Task<Response> HandleListOffsets(RequestContext& request) {
  auto parsed = wire::ParseMessage<pb::ListOffsetsRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  std::vector<OffsetPart> parts;
  std::unordered_set<int32_t> seen;
  for (const int32_t bucket : parsed->bucket_id()) {
    if (!seen.insert(bucket).second) continue;
    TableBucket key{TableId(parsed->table_id()), std::nullopt, BucketId(bucket)};
    if (parsed->has_partition_id()) key.partition = PartitionId(parsed->partition_id());
    parts.push_back({key});
  }
  OffsetQuery query{parsed->offset_type(), std::nullopt};
  if (parsed->has_starttimestamp()) query.timestamp_ms = parsed->starttimestamp();
  co_await ForEachOwner(
      request.home, Pointers(parts), [](OffsetPart* part) { return part->bucket; },
      [query](ServerShard& owner, std::vector<OffsetPart*> owned) {
        return ListOnOwner(owner, std::move(owned), query);
      });
  pb::ListOffsetsResponse response;
  for (const OffsetPart& part : parts) {
    pb::PbListOffsetsRespForBucket& entry = *response.add_buckets_resp();
    entry.set_bucket_id(part.bucket.bucket.value);
    if (part.offset) {
      entry.set_offset(part.offset->value);
    } else {
      wire::SetError(part.offset.error(), entry);
    }
  }
  co_return wire::EncodeSuccess(request.header.request_id, response);
}

runtime::Task<Response> HandleGetTableStats(RequestContext& request) {
  auto parsed = wire::ParseMessage<pb::GetTableStatsRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  std::vector<OffsetPart> parts;
  std::unordered_set<TableBucket> seen;
  for (const pb::PbTableStatsReqForBucket& entry : parsed->buckets_req()) {
    TableBucket key{TableId(parsed->table_id()), std::nullopt, BucketId(entry.bucket_id())};
    if (entry.has_partition_id()) key.partition = PartitionId(entry.partition_id());
    if (seen.insert(key).second) parts.push_back({key});
  }
  co_await ForEachOwner(
      request.home, Pointers(parts), [](OffsetPart* part) { return part->bucket; },
      [](ServerShard& owner, std::vector<OffsetPart*> owned) {
        return CountOnOwner(owner, std::move(owned));
      });
  pb::GetTableStatsResponse response;
  for (const OffsetPart& part : parts) {
    pb::PbTableStatsRespForBucket& entry = *response.add_buckets_resp();
    if (part.bucket.partition) entry.set_partition_id(part.bucket.partition->value);
    entry.set_bucket_id(part.bucket.bucket.value);
    if (part.offset) {
      entry.set_row_count(part.offset->value);
    } else {
      wire::SetError(part.offset.error(), entry);
    }
  }
  co_return wire::EncodeSuccess(request.header.request_id, response);
}

// Errors travel as an error frame: Java does not read them elsewhere (spec 05, 10).
runtime::Task<Response> HandleLimitScan(RequestContext& request) {
  const int32_t id = request.header.request_id;
  auto parsed = wire::ParseMessage<pb::LimitScanRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  TableBucket bucket{TableId(parsed->table_id()), std::nullopt, BucketId(parsed->bucket_id())};
  if (parsed->has_partition_id()) bucket.partition = PartitionId(parsed->partition_id());
  ServerShard& owner = request.home.OwnerOf(bucket);
  auto scan = [](ServerShard& shard, TableBucket wanted,
                 int32_t limit) -> runtime::Task<Result<replica::BucketRead>> {
    auto replica = shard.replicas.Find(wanted, shard.catalog);
    if (!replica) co_return Fail(replica.error());
    co_return (*replica)->LimitScan(limit);
  };
  Result<replica::BucketRead> read =
      co_await runtime::CallOn(owner.shard, [&] { return scan(owner, bucket, parsed->limit()); });
  if (!read) co_return wire::EncodeError(id, read.error());
  Bytes head;
  wire::FieldWriter(head).Int(3, 1);  // is_log_table
  co_return WithRecords(id, std::move(head), 4, std::move(*read));
}

}  // namespace strom::server
