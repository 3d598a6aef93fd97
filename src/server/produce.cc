// PRODUCE_LOG (spec 04, 5): each bucket's bytes go to the shard that owns it, all buckets of one
// shard together; the answer leaves when every bucket is decided.
#include "wire/produce.h"
#include "server/handlers.h"
#include "server/scatter.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "server/writes.h"
#include "wire/message.h"

namespace strom::server {
namespace {

using ProducePart = WritePart<MutableByteView>;

// Appends in request order before the first wait: two requests of one connection that reach a
// bucket one after the other are appended in that order.
runtime::Task<bool> AppendOnOwner(ServerShard& owner, std::vector<ProducePart*> parts, int32_t acks,
                                  std::chrono::milliseconds timeout) {
  struct Wait {
    ProducePart* part;
    std::shared_ptr<replica::Replica> replica;
    Offset required;
  };
  std::vector<Wait> waits;
  const Timestamp now = owner.shard.WallClock();
  for (ProducePart* part : parts) {
    auto replica = owner.replicas.Find(part->bucket, owner.catalog);
    if (!replica) {
      part->offset = Fail(replica.error());
      continue;
    }
    if (Status writable = CheckDisk(owner, part->bucket); !writable) {
      part->offset = Fail(writable.error());
      continue;
    }
    Result<replica::Appended> appended = (*replica)->Append(part->records, now);
    if (!appended) {
      part->offset = Fail(appended.error());
      continue;
    }
    part->offset = appended->base_offset;
    owner.metrics.produced_bytes.Add(part->records.size());
    if (acks == wire::kAcksAll) {
      waits.push_back({part, std::move(*replica), appended->required_offset});
    }
  }
  const runtime::Instant deadline = owner.shard.Now() + timeout;
  for (Wait& wait : waits) {
    Status committed = co_await wait.replica->AwaitHighWatermark(wait.required, deadline);
    if (!committed) wait.part->offset = Fail(committed.error());
  }
  co_return true;
}

}  // namespace

runtime::Task<Response> HandleProduceLog(RequestContext& request) {
  auto parsed = wire::ParseProduceLog(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  if (Status valid = CheckAcks(parsed->acks); !valid) {
    co_return wire::EncodeError(request.header.request_id, valid.error());
  }
  std::vector<ProducePart> parts = MakeParts<MutableByteView>(parsed->table_id, parsed->buckets);
  const auto timeout = WaitOf(parsed->timeout_ms, request.home.settings());
  co_await ForEachOwner(
      request.home, Undecided(parts), [](ProducePart* part) { return part->bucket; },
      [acks = parsed->acks, timeout](ServerShard& owner, std::vector<ProducePart*> owned) {
        return AppendOnOwner(owner, std::move(owned), acks, timeout);
      });

  std::vector<wire::ProduceResult> results;
  results.reserve(parts.size());
  for (ProducePart& part : parts) {
    results.push_back({part.bucket.partition, part.bucket.bucket, std::move(part.offset)});
  }
  co_return wire::EncodeProduceLogResponse(request.header.request_id, results);
}

}  // namespace strom::server
