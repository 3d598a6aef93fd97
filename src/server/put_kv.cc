// PUT_KV (spec 05, 2): each bucket's batch goes to the shard that owns it, all buckets of one shard
// together; the answer leaves when every bucket is decided.
#include "format/kv_batch.h"
#include "kv/memory_reads.h"
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

// Clients that know PUT_KV up to version 1 take 72 for the end of the world (spec 05, 11).
Error ForVersion(Error error, int16_t put_kv_version) {
  if (error.code == ErrorCode::kStorageBackpressure && put_kv_version < 2) {
    error.code = ErrorCode::kKvStorage;
  }
  return error;
}

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
  const auto batch = format::ParseKvBatch(records);
  if (!batch) co_return Status{};  // the write itself says what is wrong with it
  while (replica.rows().ids_left() < batch->record_count) {
    const int64_t count = replica.table().ids_at_once;
    STROM_CO_TRY(const int64_t first, co_await runtime::CallOn(server.coordinator_shard(), [&] {
                   return server.coordinator().TakeIds(table, column, count);
                 }));
    // The bucket may have gone meanwhile.
    STROM_CO_TRY_VOID(co_await replica.OpenStore());
    replica.rows().AddIds(first, first + count - 1);
  }
  co_return Status{};
}

// Reads what a write will read, so that it finds it in memory. Blocking.
void ReadOldRows(const kv::Store& store, ByteView records) {
  const auto batch = format::ParseKvBatch(records);
  if (!batch) return;
  std::vector<ByteView> keys;
  for (format::KvRecordWalk walk(*batch); !walk.done();) {
    const auto record = walk.Next();
    if (!record) return;  // the write itself says what is wrong with it
    keys.push_back(record->key);
  }
  (void)store.Get(keys);
}

// Applies the batch once what it needs is in memory; `held` is taken to wait for the disk.
runtime::Task<Result<replica::Appended>> Apply(ServerShard& owner, replica::Replica& replica,
                                               const PutPart& part, const kv::PutOptions& options,
                                               std::optional<runtime::AsyncMutex::Held>& held) {
  {
    const kv::MemoryReads only;
    auto appended = replica.Put(part.records, options, owner.shard.WallClock());
    if (!only.missed()) co_return appended;
  }
  if (!held) held.emplace(co_await replica.order_lock().Lock());
  STROM_CO_TRY_VOID(co_await replica.OpenStore());
  co_await runtime::OnBlockingPool([store = replica.readable_rows().store, records = part.records] {
    ReadOldRows(*store, records);
    return true;
  });
  STROM_CO_TRY_VOID(co_await replica.OpenStore());
  co_return replica.Put(part.records, options, owner.shard.WallClock());
}

// One bucket, up to its append. Nothing is waited for once the store is open, ids are there and
// old rows are in memory, or it is waited for under the lock, so that two requests of one
// connection are applied in the order in which they came.
runtime::Task<bool> PutOne(ServerShard& owner, PutPart& part, const PutRequest& request,
                           std::vector<PutWait>& waits) {
  auto replica = owner.replicas.Find(part.bucket, owner.catalog);
  if (!replica) {
    part.offset = Fail(replica.error());
    co_return false;
  }
  if (Status known = CheckKeyFormat((*replica)->table(), request.api_version); !known) {
    part.offset = Fail(known.error());
    co_return false;
  }
  if (Status writable = CheckDisk(owner, part.bucket); !writable) {
    part.offset = Fail(writable.error());
    co_return false;
  }
  if (!(*replica)->store_is_open()) {
    Status opened = co_await (*replica)->OpenStore();
    if (!opened) {
      part.offset = Fail(opened.error());
      co_return false;
    }
  }
  std::optional<runtime::AsyncMutex::Held> held;
  const bool takes_ids = (*replica)->rows().has_auto_increment();
  if (takes_ids || (*replica)->order_lock().locked()) {
    held.emplace(co_await (*replica)->order_lock().Lock());
    Status ready = co_await (*replica)->OpenStore();
    if (ready && takes_ids) ready = co_await AddIds(owner, **replica, part.records);
    if (!ready) {
      part.offset = Fail(ready.error());
      co_return false;
    }
  }
  const kv::PutOptions options{request.target_columns, request.overwrite};
  auto appended = co_await Apply(owner, **replica, part, options, held);
  if (!appended) {
    part.offset = Fail(ForVersion(appended.error(), request.api_version));
    co_return false;
  }
  part.offset = appended->required_offset;
  part.pressure = (*replica)->Pressure();
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
    if (!committed) wait.part->offset = Fail(committed.error());
  }
  co_return true;
}

}  // namespace

Status CheckKeyFormat(const metadata::TableInfo& table, int16_t api_version) {
  if (!table.needs_new_keys || api_version > 0) return {};
  return Fail(ErrorCode::kUnsupportedVersion,
              "Keys of table {} are encoded in a way (table.kv.format-version 2) that this client "
              "does not know; use a newer one.",
              table.path);
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
  if (Status valid = CheckAcks(parsed->acks); !valid) {
    co_return wire::EncodeError(id, valid.error());
  }
  std::vector<PutPart> parts = MakeParts<ByteView>(parsed->table_id, parsed->buckets);
  PutRequest put{.acks = parsed->acks,
                 .timeout = WaitOf(parsed->timeout_ms, request.home.settings()),
                 .target_columns = parsed->target_columns,
                 .overwrite = parsed->overwrite,
                 .api_version = request.header.api_version};
  co_await PutRows(request.home, Undecided(parts), put);
  std::vector<wire::PutKvResult> results;
  results.reserve(parts.size());
  for (PutPart& part : parts) {
    results.push_back(
        {part.bucket.partition, part.bucket.bucket, std::move(part.offset), part.pressure});
  }
  co_return wire::EncodePutKvResponse(id, results);
}

}  // namespace strom::server
