// LOOKUP and PREFIX_LOOKUP (spec 05, 9 and 10): all keys of a bucket in one read of its store,
// whose values are copied once, into the answer. Those of prefixes are copied out of the walk
// first. The first lookup of a bucket on a shard asks the owner, which opens the store; after that
// the shard of the connection reads it itself. What is not in memory is read on the blocking pool:
// a shard never waits for the disk.
#include <unordered_set>

#include "format/kv_batch.h"
#include "server/disk_reads.h"
#include "server/handlers.h"
#include "server/rows.h"
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
  replica::ReadableRows rows{};  // from its owner, for the next time
};

// The replica with its store open. `api_version`: of the client's request.
runtime::Task<Result<std::shared_ptr<replica::Replica>>> OpenedReplica(ServerShard& owner,
                                                                       TableBucket bucket,
                                                                       int16_t api_version) {
  auto replica = owner.replicas.Find(bucket, owner.catalog);
  if (!replica) co_return Fail(replica.error());
  STROM_CO_TRY_VOID(CheckKeyFormat((*replica)->table(), api_version));
  if (!(*replica)->store_is_open()) {
    STROM_CO_TRY_VOID(co_await (*replica)->OpenStore());
  }
  co_return std::move(*replica);
}

void LookUp(LookupPart& part, std::shared_ptr<const kv::Store> store, DiskReads& disk) {
  disk.TryMemory(std::move(store), part.keys.size(),
                 [&part](const kv::Store& from) { part.found = from.Get(part.keys); });
}

runtime::Task<bool> LookUpOnOwner(ServerShard& owner, std::vector<LookupPart*> parts,
                                  int16_t api_version) {
  DiskReads disk;
  for (LookupPart* part : parts) {
    auto replica = co_await OpenedReplica(owner, part->bucket, api_version);
    if (!replica) {
      part->found = Fail(replica.error());
      continue;
    }
    part->rows = (*replica)->readable_rows();
    LookUp(*part, part->rows.store, disk);
  }
  co_await disk.Run(owner);
  co_return true;
}

// Reads what this shard knows where to find; the parts that are left.
template <class Part, class Read>
std::vector<Part*> ReadHere(ServerShard& home, std::vector<Part>& parts, Read read) {
  std::vector<Part*> left;
  for (Part& part : parts) {
    const auto known = home.known_rows.find(part.bucket);
    auto store = known == home.known_rows.end() ? nullptr : known->second.store.lock();
    if (!store) {
      left.push_back(&part);
    } else {
      store->MarkUsed();
      read(part, replica::ReadableRows{std::move(store), known->second.table});
    }
  }
  return left;
}

// Remembers where rows are that their owners told. Not of a table that was dropped meanwhile: its
// entries have been taken out already.
template <class Part>
void Remember(ServerShard& home, const std::vector<Part*>& parts) {
  for (Part* part : parts) {
    if (part->rows.store && home.catalog.FindTable(part->bucket.table) != nullptr) {
      home.known_rows.insert_or_assign(part->bucket, KnownRows{part->rows.store, part->rows.table});
    }
    part->rows = {};
  }
}

// --- insert_if_not_exists (spec 05, 9) ---

// A bucket with missing keys: the batch that inserts them, and what reading them again gave.
struct InsertPart {
  LookupPart* part = nullptr;
  Bytes batch{};
  std::vector<int32_t> targets{};  // of the batch: the key's columns
  PutPart put{};
  std::vector<std::optional<Bytes>> values{};
};

// The batch that inserts each missing key once; nothing is missing: an empty one.
Result<Bytes> BatchOfMissing(replica::Replica& replica, const LookupPart& part) {
  format::KvBatchBuilder builder;
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < part.keys.size(); ++i) {
    if ((*part.found)->values()[i] || !seen.insert(AsText(part.keys[i])).second) continue;
    STROM_TRY(const Bytes row, replica.rows().table().RowOfKey(part.keys[i]));
    builder.Add(part.keys[i], row);
  }
  if (seen.empty()) return Bytes{};
  return builder.Finish(replica.rows().table().layout().latest().id);
}

runtime::Task<bool> MakeInserts(ServerShard& owner, std::vector<InsertPart*> parts,
                                int16_t api_version) {
  for (InsertPart* insert : parts) {
    LookupPart& part = *insert->part;
    auto replica = co_await OpenedReplica(owner, part.bucket, api_version);
    auto batch = replica ? BatchOfMissing(**replica, part) : Result<Bytes>(Fail(replica.error()));
    if (!batch) {
      part.found = Fail(batch.error());
      continue;
    }
    insert->batch = std::move(*batch);
    const auto columns = (*replica)->rows().table().key_targets();
    insert->targets.assign(columns.begin(), columns.end());
  }
  co_return true;
}

runtime::Task<bool> ReadInserted(ServerShard& owner, std::vector<InsertPart*> parts,
                                 int16_t api_version) {
  for (InsertPart* insert : parts) {
    LookupPart& part = *insert->part;
    auto replica = co_await OpenedReplica(owner, part.bucket, api_version);
    auto values = replica ? (*replica)->rows().ReadThroughBuffer(part.keys)
                          : Result<std::vector<std::optional<Bytes>>>(Fail(replica.error()));
    if (!values) {
      part.found = Fail(values.error());
    } else {
      insert->values = std::move(*values);
    }
  }
  co_return true;
}

Status CheckInsert(const wire::LookupRequest& request) {
  if (!request.acks || !request.timeout_ms) {
    return Fail(ErrorCode::kUnknownServerError,
                "A lookup with insert_if_not_exists needs acks and timeout_ms.");
  }
  for (const wire::LookupBucket& bucket : request.buckets) {
    if (bucket.original_partition_name) {
      return Fail(ErrorCode::kInvalidTable,
                  "A lookup of historical rows cannot insert what it does not find.");
    }
  }
  return CheckAcks(*request.acks);
}

// Inserts what the buckets in `parts` did not have, and reads it. After an error of a bucket its
// part carries it.
runtime::Task<void> InsertMissing(ServerShard& home, const wire::LookupRequest& request,
                                  std::vector<InsertPart>& inserts, int16_t api_version) {
  const auto bucket_of = [](InsertPart* insert) { return insert->part->bucket; };
  co_await ForEachOwner(home, Pointers(inserts), bucket_of,
                        [api_version](ServerShard& owner, std::vector<InsertPart*> owned) {
                          return MakeInserts(owner, std::move(owned), api_version);
                        });
  std::erase_if(inserts, [](const InsertPart& insert) { return insert.batch.empty(); });
  if (inserts.empty()) co_return;
  std::vector<PutPart*> puts;
  for (InsertPart& insert : inserts) {
    insert.put = {insert.part->bucket, insert.batch};
    puts.push_back(&insert.put);
  }
  co_await PutRows(home, puts,
                   {.acks = *request.acks,
                    .timeout = WaitOf(*request.timeout_ms, home.settings()),
                    .target_columns = inserts.front().targets,
                    .api_version = api_version});
  std::vector<InsertPart*> inserted;
  for (InsertPart& insert : inserts) {
    if (insert.put.offset) {
      inserted.push_back(&insert);
    } else {
      insert.part->found = Fail(insert.put.offset.error());
    }
  }
  co_await ForEachOwner(home, inserted, bucket_of,
                        [api_version](ServerShard& owner, std::vector<InsertPart*> owned) {
                          return ReadInserted(owner, std::move(owned), api_version);
                        });
}

// --- prefixes ---

struct PrefixPart {
  TableBucket bucket;
  std::span<const ByteView> prefixes;
  Status status{};
  std::vector<size_t> counts{};
  std::vector<Bytes> values{};
  replica::ReadableRows rows{};  // from its owner, for the next time
};

bool StartsWith(ByteView key, ByteView prefix) {
  return key.size() >= prefix.size() && std::memcmp(key.data(), prefix.data(), prefix.size()) == 0;
}

Status ScanPrefixes(const kv::Store& store, PrefixPart& part) {
  const auto cursor = store.Scan();
  size_t bytes = 0;
  part.counts.clear();
  part.values.clear();
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

void LookUpPrefixes(PrefixPart& part, std::shared_ptr<const kv::Store> store, DiskReads& disk) {
  disk.TryMemory(std::move(store), part.prefixes.size(),
                 [&part](const kv::Store& from) { part.status = ScanPrefixes(from, part); });
}

runtime::Task<bool> ScanOnOwner(ServerShard& owner, std::vector<PrefixPart*> parts,
                                int16_t api_version) {
  DiskReads disk;
  for (PrefixPart* part : parts) {
    auto replica = co_await OpenedReplica(owner, part->bucket, api_version);
    if (!replica) {
      part->status = Fail(replica.error());
      continue;
    }
    part->rows = (*replica)->readable_rows();
    LookUpPrefixes(*part, part->rows.store, disk);
  }
  co_await disk.Run(owner);
  co_return true;
}

}  // namespace

runtime::Task<Response> HandleLookup(RequestContext& request) {
  const int32_t id = request.header.request_id;
  const int16_t version = request.header.api_version;
  auto parsed = wire::ParseLookup(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  if (parsed->insert_if_not_exists) {
    if (Status valid = CheckInsert(*parsed); !valid) {
      co_return wire::EncodeError(id, valid.error());
    }
  }
  std::vector<LookupPart> parts;
  parts.reserve(parsed->buckets.size());
  for (const wire::LookupBucket& entry : parsed->buckets) {
    parts.push_back({{parsed->table_id, entry.partition, entry.bucket}, entry.keys});
  }
  DiskReads disk;
  const std::vector<LookupPart*> left =
      ReadHere(request.home, parts, [&](LookupPart& part, const replica::ReadableRows& rows) {
        const Status known = CheckKeyFormat(*rows.table, version);
        if (known) {
          LookUp(part, rows.store, disk);
        } else {
          part.found = Fail(known.error());
        }
      });
  co_await disk.Run(request.home);
  co_await ForEachOwner(
      request.home, left, [](LookupPart* part) { return part->bucket; },
      [version](ServerShard& owner, std::vector<LookupPart*> owned) {
        return LookUpOnOwner(owner, std::move(owned), version);
      });
  Remember(request.home, left);
  for (const LookupPart& part : parts)
    request.home.metrics.looked_up_keys.Add(part.keys.size());
  std::vector<InsertPart> inserts;
  if (parsed->insert_if_not_exists) {
    for (LookupPart& part : parts) {
      if (part.found) inserts.push_back({.part = &part});
    }
    co_await InsertMissing(request.home, *parsed, inserts, version);
  }
  std::unordered_map<const LookupPart*, std::vector<std::optional<ByteView>>> inserted;
  for (InsertPart& insert : inserts) {
    if (!insert.part->found) continue;
    auto& views = inserted[insert.part];
    for (const auto& value : insert.values)
      views.push_back(value ? std::optional<ByteView>(*value) : std::nullopt);
  }
  std::vector<wire::LookupResult> results;
  results.reserve(parts.size());
  for (const LookupPart& part : parts) {
    wire::LookupResult& result = results.emplace_back();
    result.partition = part.bucket.partition;
    result.bucket = part.bucket.bucket;
    const auto read_again = inserted.find(&part);
    if (!part.found) {
      result.error = part.found.error();
    } else if (read_again != inserted.end()) {
      result.values = read_again->second;
    } else {
      result.values = (*part.found)->values();
    }
  }
  co_return wire::EncodeLookupResponse(id, results);
}

runtime::Task<Response> HandlePrefixLookup(RequestContext& request) {
  const int32_t id = request.header.request_id;
  const int16_t version = request.header.api_version;
  auto parsed = wire::ParsePrefixLookup(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  std::vector<PrefixPart> parts;
  parts.reserve(parsed->buckets.size());
  for (const wire::LookupBucket& entry : parsed->buckets) {
    parts.push_back({{parsed->table_id, entry.partition, entry.bucket}, entry.keys});
  }
  DiskReads disk;
  const std::vector<PrefixPart*> left =
      ReadHere(request.home, parts, [&](PrefixPart& part, const replica::ReadableRows& rows) {
        part.status = CheckKeyFormat(*rows.table, version);
        if (part.status) LookUpPrefixes(part, rows.store, disk);
      });
  co_await disk.Run(request.home);
  co_await ForEachOwner(
      request.home, left, [](PrefixPart* part) { return part->bucket; },
      [version](ServerShard& owner, std::vector<PrefixPart*> owned) {
        return ScanOnOwner(owner, std::move(owned), version);
      });
  Remember(request.home, left);
  for (const PrefixPart& part : parts)
    request.home.metrics.looked_up_keys.Add(part.prefixes.size());
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
