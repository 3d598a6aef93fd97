// PRODUCE_LOG (spec 04, 5): each bucket's bytes go to the shard that owns it, all buckets of one
// shard together; the answer leaves when every bucket is decided.
#include <unordered_set>

#include "server/handlers.h"
#include "server/rows.h"
#include "server/scatter.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/message.h"
#include "wire/produce.h"

namespace strom::server {
namespace {

struct ProducePart {
  TableBucket bucket;
  MutableByteView records;
  Result<Offset> base_offset = Offset(-1);
};

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
      part->base_offset = Fail(replica.error());
      continue;
    }
    if (owner.writes_refused) {
      part->base_offset = Fail(DiskFullError(owner, part->bucket));
      continue;
    }
    Result<replica::Appended> appended = (*replica)->Append(part->records, now);
    if (!appended) {
      part->base_offset = Fail(appended.error());
      continue;
    }
    part->base_offset = appended->base_offset;
    owner.metrics.produced_bytes.Add(part->records.size());
    if (acks == wire::kAcksAll) {
      waits.push_back({part, std::move(*replica), appended->required_offset});
    }
  }
  const runtime::Instant deadline = owner.shard.Now() + timeout;
  for (Wait& wait : waits) {
    Status committed = co_await wait.replica->AwaitHighWatermark(wait.required, deadline);
    if (!committed) wait.part->base_offset = Fail(committed.error());
  }
  co_return true;
}

// One part per bucket. A bucket named twice gets one answer and nothing is applied (spec 01, 12).
std::vector<ProducePart> MakeParts(const wire::ProduceLogRequest& request) {
  std::vector<ProducePart> parts;
  parts.reserve(request.buckets.size());
  std::unordered_map<TableBucket, size_t> seen;
  for (const wire::ProduceBucket& entry : request.buckets) {
    const TableBucket bucket{request.table_id, entry.partition, entry.bucket};
    if (request.buckets.size() > 1) {
      auto [known, fresh] = seen.try_emplace(bucket, parts.size());
      if (!fresh) {
        parts[known->second].base_offset =
            Fail(ErrorCode::kUnknownServerError,
                 "The request names {} more than once; nothing was written to it.", bucket);
        continue;
      }
    }
    parts.push_back({bucket, entry.records});
  }
  return parts;
}

}  // namespace

runtime::Task<Response> HandleProduceLog(RequestContext& request) {
  auto parsed = wire::ParseProduceLog(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  if (parsed->acks < wire::kAcksAll || parsed->acks > 1) {
    co_return wire::EncodeError(
        request.header.request_id,
        Error{ErrorCode::kInvalidRequiredAcks,
              fmt::format("Invalid required acks {}: use -1, 0 or 1.", parsed->acks)});
  }
  std::vector<ProducePart> parts = MakeParts(*parsed);
  const auto timeout = std::clamp(std::chrono::milliseconds(parsed->timeout_ms),
                                  std::chrono::milliseconds(0), request.home.settings().max_wait);
  std::vector<ProducePart*> to_append;
  to_append.reserve(parts.size());
  for (ProducePart& part : parts) {
    if (part.base_offset) to_append.push_back(&part);
  }
  co_await ForEachOwner(
      request.home, std::move(to_append), [](ProducePart* part) { return part->bucket; },
      [acks = parsed->acks, timeout](ServerShard& owner, std::vector<ProducePart*> owned) {
        return AppendOnOwner(owner, std::move(owned), acks, timeout);
      });

  std::vector<wire::ProduceResult> results;
  results.reserve(parts.size());
  for (ProducePart& part : parts) {
    results.push_back({part.bucket.partition, part.bucket.bucket, std::move(part.base_offset)});
  }
  co_return wire::EncodeProduceLogResponse(request.header.request_id, results);
}

}  // namespace strom::server
