// PUT_KV (spec 05, 2): each bucket's batch goes to the shard that owns it, all buckets of one shard
// together; the answer leaves when every bucket is decided.
#include "server/handlers.h"
#include "server/rows.h"
#include "server/scatter.h"
#include "server/server.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/kv.h"
#include "wire/message.h"
#include "wire/produce.h"

namespace strom::server {
namespace {

struct PutWait {
  PutPart* part;
  std::shared_ptr<replica::Replica> replica;
  Offset required;
};

// Takes numbers for the auto-increment column until there is one for each record.
runtime::Task<Status> AddIds(ServerShard& owner, replica::Replica& replica, ByteView records) {
  const kv::TableLayout& layout = replica.rows().table().layout();
  const format::Schema& schema = *layout.latest().schema;
  const int32_t column = schema.columns[*layout.auto_increment_column].id;
  const TableId table = replica.bucket().table;
  Server& server = owner.server;
  while (replica.MissingIds(records) > 0) {
    const int64_t count = replica.ids_at_once();
    STROM_CO_TRY(const int64_t first, co_await runtime::CallOn(server.coordinator_shard(), [&] {
                   return server.coordinator().TakeIds(table, column, count);
                 }));
    // The bucket may have gone meanwhile.
    STROM_CO_TRY_VOID(co_await replica.OpenStore());
    replica.rows().AddIds(first, first + count - 1);
  }
  co_return Status{};
}

// One bucket, up to its append. Nothing is waited for once the store is open and ids are there, so
// that two requests of one connection are applied in the order in which they came.
runtime::Task<bool> PutOne(ServerShard& owner, PutPart& part, const PutRequest& request,
                           std::vector<PutWait>& waits) {
  auto replica = owner.replicas.Find(part.bucket, owner.catalog);
  if (!replica) {
    part.end_offset = Fail(replica.error());
    co_return false;
  }
  if (owner.writes_refused) {
    part.end_offset = Fail(DiskFullError(owner, part.bucket));
    co_return false;
  }
  if (!(*replica)->store_is_open()) {
    Status opened = co_await (*replica)->OpenStore();
    if (!opened) {
      part.end_offset = Fail(opened.error());
      co_return false;
    }
  }
  std::optional<runtime::AsyncMutex::Held> held;
  if ((*replica)->rows().has_auto_increment()) {
    held.emplace(co_await (*replica)->ids_lock().Lock());
    Status added = co_await (*replica)->OpenStore();
    if (added) added = co_await AddIds(owner, **replica, part.records);
    if (!added) {
      part.end_offset = Fail(added.error());
      co_return false;
    }
  }
  const kv::PutOptions options{request.target_columns, request.overwrite};
  auto appended = (*replica)->Put(part.records, options, owner.shard.WallClock());
  if (!appended) {
    part.end_offset = Fail(ForVersion(appended.error(), request.api_version));
    co_return false;
  }
  part.end_offset = appended->required_offset;
  owner.metrics.put_bytes.Add(part.records.size());
  if (request.acks == wire::kAcksAll) {
    waits.push_back({&part, std::move(*replica), appended->required_offset});
  }
  co_return true;
}

runtime::Task<bool> PutOnOwner(ServerShard& owner, std::vector<PutPart*> parts,
                               const PutRequest& request) {
  std::vector<PutWait> waits;
  for (PutPart* part : parts)
    co_await PutOne(owner, *part, request, waits);
  const runtime::Instant deadline = owner.shard.Now() + request.timeout;
  for (PutWait& wait : waits) {
    Status committed = co_await wait.replica->AwaitHighWatermark(wait.required, deadline);
    if (!committed) wait.part->end_offset = Fail(committed.error());
  }
  co_return true;
}

}  // namespace

Error DiskFullError(ServerShard& owner, const TableBucket& bucket) {
  return Error{
      ErrorCode::kDiskWriteLocked,
      fmt::format("The disk of '{}' is {:.0f} % full or more, so nothing is written to "
                  "{}. Free some space, or shorten table.log.ttl; reads go on.",
                  owner.settings().data_dir, owner.settings().disk_write_limit * 100, bucket)};
}

// Clients that know PUT_KV up to version 1 take 72 for the end of the world (spec 05, 11).
Error ForVersion(Error error, int16_t put_kv_version) {
  if (error.code == ErrorCode::kStorageBackpressure && put_kv_version < 2) {
    error.code = ErrorCode::kKvStorage;
  }
  return error;
}

runtime::Task<void> PutRows(ServerShard& home, std::vector<PutPart*> parts, PutRequest request) {
  co_await ForEachOwner(
      home, std::move(parts), [](PutPart* part) { return part->bucket; },
      [&request](ServerShard& owner, std::vector<PutPart*> owned) {
        return PutOnOwner(owner, std::move(owned), request);
      });
}

runtime::Task<Response> HandlePutKv(RequestContext& request) {
  const int32_t id = request.header.request_id;
  auto parsed = wire::ParsePutKv(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  if (parsed->acks < wire::kAcksAll || parsed->acks > 1) {
    co_return wire::EncodeError(
        id, Error{ErrorCode::kInvalidRequiredAcks,
                  fmt::format("Invalid required acks {}: use -1, 0 or 1.", parsed->acks)});
  }
  std::vector<PutPart> parts;
  parts.reserve(parsed->buckets.size());
  std::unordered_map<TableBucket, size_t> seen;
  for (const wire::PutKvBucket& entry : parsed->buckets) {
    const TableBucket bucket{parsed->table_id, entry.partition, entry.bucket};
    auto [known, fresh] = seen.try_emplace(bucket, parts.size());
    if (fresh) {
      parts.push_back({bucket, entry.records});
      continue;
    }
    parts[known->second].end_offset =
        Fail(ErrorCode::kUnknownServerError,
             "The request names {} more than once; nothing was written to it.", bucket);
  }
  std::vector<PutPart*> to_put;
  for (PutPart& part : parts) {
    if (part.end_offset) to_put.push_back(&part);
  }
  PutRequest put{
      .acks = parsed->acks,
      .timeout = std::clamp(std::chrono::milliseconds(parsed->timeout_ms),
                            std::chrono::milliseconds(0), request.home.settings().max_wait),
      .target_columns = parsed->target_columns,
      .overwrite = parsed->overwrite,
      .api_version = request.header.api_version};
  co_await PutRows(request.home, std::move(to_put), put);
  std::vector<wire::PutKvResult> results;
  results.reserve(parts.size());
  for (PutPart& part : parts) {
    results.push_back({part.bucket.partition, part.bucket.bucket, std::move(part.end_offset)});
  }
  co_return wire::EncodePutKvResponse(id, results);
}

}  // namespace strom::server
