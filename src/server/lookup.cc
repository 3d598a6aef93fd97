// LOOKUP and PREFIX_LOOKUP (spec 05, 9 and 10): all keys of a bucket in one read of its store;
// values are copied once, into the answer.
#include "server/handlers.h"
#include "server/scatter.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/kv.h"
#include "wire/message.h"

namespace strom::server {
namespace {

// An answer in one frame; more than this is asked for by mistake.
constexpr size_t kMaxPrefixValueBytes = size_t{256} << 20;

struct LookupPart {
  TableBucket bucket;
  std::span<const ByteView> keys;
  Result<std::unique_ptr<kv::FoundValues>> found = nullptr;
};

// The replica with its store open.
runtime::Task<Result<std::shared_ptr<replica::Replica>>> OpenedReplica(ServerShard& owner,
                                                                       TableBucket bucket) {
  auto replica = owner.replicas.Find(bucket, owner.catalog);
  if (!replica) co_return Fail(replica.error());
  if (!(*replica)->store_is_open()) {
    STROM_CO_TRY_VOID(co_await (*replica)->OpenStore());
  }
  co_return std::move(*replica);
}

runtime::Task<bool> LookUpOnOwner(ServerShard& owner, std::vector<LookupPart*> parts) {
  for (LookupPart* part : parts) {
    auto replica = co_await OpenedReplica(owner, part->bucket);
    if (!replica) {
      part->found = Fail(replica.error());
      continue;
    }
    part->found = (*replica)->rows().store().Get(part->keys);
  }
  co_return true;
}

struct PrefixPart {
  TableBucket bucket;
  std::span<const ByteView> prefixes;
  Status status{};
  std::vector<size_t> counts{};
  std::vector<Bytes> values{};
};

bool StartsWith(ByteView key, ByteView prefix) {
  return key.size() >= prefix.size() && std::memcmp(key.data(), prefix.data(), prefix.size()) == 0;
}

Status ScanPrefixes(const kv::Store& store, PrefixPart& part) {
  const auto cursor = store.Scan();
  size_t bytes = 0;
  for (const ByteView prefix : part.prefixes) {
    if (prefix.empty()) {
      return Fail(ErrorCode::kCorruptRecord,
                  "A prefix for {} is empty: it would be the whole bucket. Use a limit scan.",
                  part.bucket);
    }
    const size_t before = part.values.size();
    for (cursor->Seek(prefix); cursor->valid() && StartsWith(cursor->key(), prefix);
         cursor->Next()) {
      const ByteView value = cursor->value();
      bytes += value.size();
      if (bytes > kMaxPrefixValueBytes) {
        return Fail(ErrorCode::kRecordTooLarge,
                    "The rows with the prefixes asked of {} pass {} bytes; ask for fewer.",
                    part.bucket, kMaxPrefixValueBytes);
      }
      part.values.emplace_back(value.begin(), value.end());
    }
    STROM_TRY_VOID(cursor->status());
    part.counts.push_back(part.values.size() - before);
  }
  return {};
}

runtime::Task<bool> ScanOnOwner(ServerShard& owner, std::vector<PrefixPart*> parts) {
  for (PrefixPart* part : parts) {
    auto replica = co_await OpenedReplica(owner, part->bucket);
    part->status =
        replica ? ScanPrefixes((*replica)->rows().store(), *part) : Status(Fail(replica.error()));
  }
  co_return true;
}

template <class Part>
std::vector<Part*> Pointers(std::vector<Part>& parts) {
  std::vector<Part*> pointers;
  pointers.reserve(parts.size());
  for (Part& part : parts)
    pointers.push_back(&part);
  return pointers;
}

}  // namespace

runtime::Task<Response> HandleLookup(RequestContext& request) {
  const int32_t id = request.header.request_id;
  auto parsed = wire::ParseLookup(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  std::vector<LookupPart> parts;
  parts.reserve(parsed->buckets.size());
  for (const wire::LookupBucket& entry : parsed->buckets) {
    parts.push_back({{parsed->table_id, entry.partition, entry.bucket}, entry.keys});
  }
  co_await ForEachOwner(
      request.home, Pointers(parts), [](LookupPart* part) { return part->bucket; },
      [](ServerShard& owner, std::vector<LookupPart*> owned) {
        return LookUpOnOwner(owner, std::move(owned));
      });
  std::vector<wire::LookupResult> results;
  results.reserve(parts.size());
  for (const LookupPart& part : parts) {
    wire::LookupResult& result = results.emplace_back();
    result.partition = part.bucket.partition;
    result.bucket = part.bucket.bucket;
    if (part.found) {
      result.values = (*part.found)->values();
    } else {
      result.error = part.found.error();
    }
  }
  co_return wire::EncodeLookupResponse(id, results);
}

runtime::Task<Response> HandlePrefixLookup(RequestContext& request) {
  const int32_t id = request.header.request_id;
  auto parsed = wire::ParsePrefixLookup(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  std::vector<PrefixPart> parts;
  parts.reserve(parsed->buckets.size());
  for (const wire::LookupBucket& entry : parsed->buckets) {
    parts.push_back({{parsed->table_id, entry.partition, entry.bucket}, entry.keys});
  }
  co_await ForEachOwner(
      request.home, Pointers(parts), [](PrefixPart* part) { return part->bucket; },
      [](ServerShard& owner, std::vector<PrefixPart*> owned) {
        return ScanOnOwner(owner, std::move(owned));
      });
  std::vector<wire::PrefixLookupResult> results;
  results.reserve(parts.size());
  for (PrefixPart& part : parts) {
    wire::PrefixLookupResult& result = results.emplace_back();
    result.partition = part.bucket.partition;
    result.bucket = part.bucket.bucket;
    if (!part.status) {
      result.error = part.status.error();
      continue;
    }
    result.value_counts = std::move(part.counts);
    result.values.assign(part.values.begin(), part.values.end());
  }
  co_return wire::EncodePrefixLookupResponse(id, results);
}

}  // namespace strom::server
