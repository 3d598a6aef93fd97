// FETCH_LOG (spec 04, 7): reads all buckets of a request on their shards; an answer that is too
// small parks until a high watermark moves or time is out.
#include "wire/fetch.h"
#include "base/log.h"
#include "server/handlers.h"
#include "server/scatter.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/message.h"
#include "wire/predicate.h"

namespace strom::server {
namespace {

struct FetchPart {
  TableBucket bucket;
  const wire::FetchTable* table;
  int64_t fetch_offset;
  int32_t max_fetch_bytes;
  Result<replica::BucketRead> read = replica::BucketRead{};
};

// Where a parked request hangs on one shard.
struct Parking {
  ServerShard* shard;
  std::unique_ptr<replica::ParkedFetch> fetch;
};

uint64_t NonNegative(int32_t bytes) {
  return bytes < 0 ? 0 : static_cast<uint64_t>(bytes);
}

// The filter of a request for this table, if it has one that can be used (spec 02, 8.2).
std::optional<format::Predicate> FilterOf(const wire::FetchTable& request,
                                          const metadata::TableInfo& table) {
  if (!request.filter_predicate || table.log_format != format::LogFormat::kArrow) {
    return std::nullopt;
  }
  const auto schema = table.schemas.find(SchemaId(*request.filter_schema_id));
  if (schema == table.schemas.end()) return std::nullopt;
  auto predicate = wire::ParsePredicate(*request.filter_predicate, *schema->second);
  if (predicate) return std::move(*predicate);
  Log(LogLevel::kDebug, "fetch.filter_ignored",
      {{"table", table.path}, {"reason", predicate.error().message}});
  return std::nullopt;
}

runtime::Task<bool> ReadOnOwner(ServerShard& owner, std::vector<FetchPart*> parts,
                                uint64_t max_bytes) {
  uint64_t left = max_bytes;
  bool something_read = false;
  for (FetchPart* part : parts) {
    auto replica = owner.replicas.Find(part->bucket, owner.catalog);
    if (!replica) {
      part->read = Fail(replica.error());
      continue;
    }
    const replica::BucketReadRequest request{
        .fetch_offset = part->fetch_offset,
        .max_bytes = std::min(left, NonNegative(part->max_fetch_bytes)),
        .at_least_one = !something_read,
        .projected = part->table->projection_enabled,
        .projected_fields = part->table->projected_fields};
    if (auto filter = FilterOf(*part->table, (*replica)->table())) {
      part->read = co_await (*replica)->ReadFiltered(request, std::move(*filter));
      if (part->read) owner.metrics.filtered_bytes.Add(part->read->skipped_bytes);
      owner.metrics.range_cache_bytes.Set(static_cast<int64_t>(owner.range_cache.bytes()));
    } else {
      part->read = (*replica)->Read(request);
    }
    owner.metrics.head_cache_bytes.Set(static_cast<int64_t>(owner.head_cache.bytes()));
    if (!part->read || part->read->size_bytes == 0) continue;
    something_read = true;
    left -= std::min(left, part->read->size_bytes);
  }
  co_return true;
}

// Hangs the request on the replicas it read; fires at once if one has moved since.
runtime::Task<Parking> ParkOnOwner(ServerShard& owner, std::vector<FetchPart*> parts,
                                   std::shared_ptr<replica::FetchWaiter> waiter) {
  auto fetch = std::make_unique<replica::ParkedFetch>(waiter);
  for (FetchPart* part : parts) {
    if (!part->read) continue;  // 12 or 21: the answer keeps the error
    auto replica = owner.replicas.Find(part->bucket, owner.catalog);
    if (!replica || (*replica)->high_watermark() != part->read->high_watermark) {
      fetch->Fire();
      continue;
    }
    fetch->HangOn(std::move(*replica));
  }
  co_return Parking{&owner, std::move(fetch)};
}

void TakeDown(ServerShard& home, std::vector<Parking> parked) {
  for (Parking& parking : parked) {
    if (parking.shard == &home) continue;  // destroyed here
    parking.shard->shard.Post([fetch = std::move(parking.fetch)] {});
  }
}

// Every shard read with the whole budget; cuts the sum back to what the request allows.
void EnforceBudget(std::vector<FetchPart>& parts, uint64_t max_bytes) {
  uint64_t left = max_bytes;
  bool something_kept = false;
  for (FetchPart& part : parts) {
    if (!part.read || part.read->size_bytes == 0) continue;
    if (something_kept && part.read->size_bytes > left) {
      part.read->ranges.clear();
      part.read->size_bytes = 0;
      part.read->filtered_end_offset.reset();
      continue;
    }
    something_kept = true;
    left -= std::min(left, part.read->size_bytes);
  }
}

// One part per bucket; of a bucket named twice the last entry counts (spec 01, 12).
std::vector<FetchPart> MakeParts(const wire::FetchLogRequest& request, uint64_t turn) {
  std::vector<FetchPart> parts;
  std::unordered_map<TableBucket, size_t> seen;
  for (const wire::FetchTable& table : request.tables) {
    for (const wire::FetchBucket& entry : table.buckets) {
      FetchPart part{{table.table_id, entry.partition, entry.bucket},
                     &table,
                     entry.fetch_offset,
                     entry.max_fetch_bytes};
      auto [known, fresh] = seen.try_emplace(part.bucket, parts.size());
      if (fresh) {
        parts.push_back(std::move(part));
      } else {
        parts[known->second] = std::move(part);
      }
    }
  }
  // The budget goes to a different bucket first each time, so that none starves.
  if (parts.size() > 1) {
    std::ranges::rotate(parts, parts.begin() + static_cast<ptrdiff_t>(turn % parts.size()));
  }
  return parts;
}

struct ReadState {
  uint64_t bytes = 0;
  bool filtered_on = false;  // a bucket moved on without data
  bool failed = false;       // an error that must be answered at once
  size_t readable = 0;       // buckets that may get data while the request waits
};

ReadState StateOf(const std::vector<FetchPart>& parts) {
  ReadState state;
  for (const FetchPart& part : parts) {
    if (part.read) {
      ++state.readable;
      state.bytes += part.read->size_bytes;
      state.filtered_on |= part.read->filtered_end_offset.has_value();
    } else {
      const ErrorCode code = part.read.error().code;
      state.failed |=
          code != ErrorCode::kNotLeaderOrFollower && code != ErrorCode::kUnknownTableOrBucket;
    }
  }
  return state;
}

Response MakeResponse(const RequestContext& request, std::vector<FetchPart>& parts) {
  std::vector<wire::FetchResult> results;
  results.reserve(parts.size());
  for (FetchPart& part : parts) {
    wire::FetchResult& result = results.emplace_back();
    result.bucket = part.bucket;
    if (!part.read) {
      result.error = part.read.error();
      continue;
    }
    result.high_watermark = part.read->high_watermark;
    result.filtered_end_offset = part.read->filtered_end_offset;
    result.records = part.read->ranges;
  }
  Response response = wire::EncodeFetchLogResponse(request.header.request_id, results);
  for (FetchPart& part : parts) {
    if (!part.read || part.read->size_bytes == 0) continue;
    request.home.metrics.fetched_bytes.Add(part.read->size_bytes);
    response.KeepAlive(std::make_shared<const replica::BucketRead>(std::move(*part.read)));
  }
  return response;
}

}  // namespace

runtime::Task<Response> HandleFetchLog(RequestContext& request) {
  auto parsed = wire::ParseFetchLog(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  for (const wire::FetchTable& table : parsed->tables) {
    if (table.filter_predicate && table.filter_schema_id.value_or(-1) < 0) {
      co_return wire::EncodeError(
          request.header.request_id,
          Error{ErrorCode::kUnknownServerError,
                fmt::format("The filter for table {} names no schema: set filter_schema_id.",
                            table.table_id)});
    }
  }
  ServerShard& home = request.home;
  const uint64_t max_bytes = NonNegative(parsed->max_bytes);
  // min_bytes absent: answer at once; max_wait_ms absent: 100 ms (spec 04, 7.1).
  const uint64_t min_bytes = parsed->min_bytes ? NonNegative(*parsed->min_bytes) : 0;
  const auto max_wait = std::clamp(std::chrono::milliseconds(parsed->max_wait_ms.value_or(100)),
                                   std::chrono::milliseconds(0), home.settings().max_wait);
  const runtime::Instant deadline = home.shard.Now() + max_wait;
  std::vector<FetchPart> parts = MakeParts(*parsed, home.fetch_turn++);

  auto pointers = [&parts] {
    std::vector<FetchPart*> all;
    all.reserve(parts.size());
    for (FetchPart& part : parts)
      all.push_back(&part);
    return all;
  };
  auto bucket_of = [](FetchPart* part) { return part->bucket; };
  std::optional<size_t> readable_before;
  for (;;) {
    co_await ForEachOwner(home, pointers(), bucket_of,
                          [max_bytes](ServerShard& owner, std::vector<FetchPart*> owned) {
                            return ReadOnOwner(owner, std::move(owned), max_bytes);
                          });
    const ReadState state = StateOf(parts);
    // A bucket that went away while the request waited is news, too.
    const bool lost = state.readable == 0 || state.readable < readable_before.value_or(0);
    if (state.bytes >= min_bytes || state.filtered_on || state.failed || lost ||
        home.shard.Now() >= deadline || request.session.closed()) {
      break;
    }
    readable_before = state.readable;
    auto waiter = std::make_shared<replica::FetchWaiter>(home.shard);
    request.session.AddWaiter(waiter);
    std::vector<Parking> parked = co_await ForEachOwner(
        home, pointers(), bucket_of, [waiter](ServerShard& owner, std::vector<FetchPart*> owned) {
          return ParkOnOwner(owner, std::move(owned), waiter);
        });
    home.metrics.parked_fetches.Add(1);
    const bool woken = co_await waiter->WaitUntil(deadline);
    home.metrics.parked_fetches.Add(-1);
    request.session.RemoveWaiter(waiter);
    TakeDown(home, std::move(parked));
    if (!woken || request.session.closed()) break;  // nothing has moved: the answer stands
  }
  EnforceBudget(parts, max_bytes);
  co_return MakeResponse(request, parts);
}

}  // namespace strom::server
