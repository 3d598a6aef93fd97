// Other reads of logs: LIST_OFFSETS and GET_TABLE_STATS (spec 04, 7.4 and 9.7), LIMIT_SCAN of log
// tables (spec 05, 10).
#include "format/value_batch.h"
#include "server/cold.h"
#include "server/disk_reads.h"
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

// Rows of one bucket as far as they are committed.
runtime::Task<Result<int64_t>> CountRows(replica::Replica& replica) {
  if (!replica.table().has_primary_key) {
    co_return replica.high_watermark() - replica.log_start_offset();
  }
  STROM_CO_TRY_VOID(co_await replica.OpenStore());
  if (!replica.rows().table().layout().full_image) {
    co_return Fail(ErrorCode::kInvalidTable,
                   "Table {} does not count its rows, because its changelog does not say which "
                   "are new (table.changelog.image = WAL).",
                   replica.table().path);
  }
  co_return replica.rows().position().row_count;
}

runtime::Task<bool> CountOnOwner(ServerShard& owner, std::vector<OffsetPart*> parts) {
  for (OffsetPart* part : parts) {
    auto replica = owner.replicas.Find(part->bucket, owner.catalog);
    if (!replica) {
      part->offset = Fail(replica.error());
      continue;
    }
    Result<int64_t> count = co_await CountRows(**replica);
    part->offset = count ? Result<Offset>(Offset(*count)) : Fail(count.error());
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

// Of a log table its last batches, of a primary-key table a value batch.
struct LimitScanAnswer {
  std::optional<replica::BucketRead> log;
  std::optional<Bytes> rows;
};

constexpr size_t kMaxLimitScanBytes = size_t{256} << 20;

Result<Bytes> FirstRows(const kv::Store& store, int32_t limit) {
  format::ValueBatchBuilder builder;
  const auto cursor = store.Scan();
  for (cursor->Seek({}); cursor->valid() && builder.record_count() < limit; cursor->Next()) {
    builder.Add(cursor->value());
    if (builder.size_bytes() > kMaxLimitScanBytes) {
      return Fail(ErrorCode::kRecordTooLarge,
                  "The first {} rows pass {} bytes; ask for fewer, or scan in batches.", limit,
                  kMaxLimitScanBytes);
    }
  }
  STROM_TRY_VOID(cursor->status());
  return builder.Finish();
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
                 int32_t limit) -> runtime::Task<Result<LimitScanAnswer>> {
    auto replica = shard.replicas.Find(wanted, shard.catalog);
    if (!replica) co_return Fail(replica.error());
    if (!(*replica)->table().has_primary_key) {
      STROM_CO_TRY(replica::BucketRead read, (*replica)->LimitScan(limit));
      co_return LimitScanAnswer{std::move(read), std::nullopt};
    }
    STROM_CO_TRY_VOID(co_await (*replica)->OpenStore());
    Result<Bytes> rows = Bytes();
    DiskReads disk;
    disk.TryMemory((*replica)->readable_rows().store, 0,
                   [&](const kv::Store& store) { rows = FirstRows(store, limit); });
    co_await disk.Run(shard);
    if (!rows) co_return Fail(rows.error());
    co_return LimitScanAnswer{std::nullopt, std::move(*rows)};
  };
  Result<LimitScanAnswer> read =
      co_await runtime::CallOn(owner.shard, [&] { return scan(owner, bucket, parsed->limit()); });
  if (!read) co_return wire::EncodeError(id, read.error());
  if (read->rows) {
    pb::LimitScanResponse response;
    response.set_is_log_table(false);
    response.set_records(read->rows->data(), read->rows->size());
    co_return wire::EncodeSuccess(id, response);
  }
  Bytes head;
  wire::FieldWriter(head).Int(3, 1);  // is_log_table
  co_return WithRecords(id, std::move(head), 4, std::move(*read->log));
}

}  // namespace strom::server
