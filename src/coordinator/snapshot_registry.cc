#include "coordinator/snapshot_registry.h"

#include <algorithm>

#include "metadata/documents.h"

namespace strom::coordinator {

using metadata::Document;
using metadata::SnapshotHandle;
using metadata::Transaction;
namespace path = metadata::path;

runtime::Task<Status> SnapshotRegistry::Load() {
  STROM_CO_TRY(const std::vector<Document> tablets,
               co_await store_.List(std::string(path::kTablets)));
  for (const Document& document : tablets) {
    if (Status taken = Take(document); !taken) {
      co_return Fail(ErrorCode::kStorage, "The metadata document {} is unreadable: {}",
                     document.key, taken.error().message);
    }
  }
  for (auto& [bucket, known] : buckets_) {
    std::ranges::sort(known.handles, {}, &SnapshotHandle::id);
    if (!known.handles.empty()) {
      known.next_id = std::max(known.next_id, known.handles.back().id + 1);
    }
  }
  STROM_CO_TRY(const std::vector<Document> leases,
               co_await store_.List(std::string(path::kLeases)));
  for (const Document& document : leases) {
    auto lease = metadata::ReadLease(document.content);
    if (!lease) {
      co_return Fail(ErrorCode::kStorage, "The metadata document {} is unreadable: {}",
                     document.key, lease.error().message);
    }
    leases_[document.key.substr(path::kLeases.size())] = std::move(*lease);
  }
  co_return Status{};
}

Status SnapshotRegistry::Take(const Document& document) {
  const auto key = metadata::ParseSnapshotKey(document.key);
  if (!key) return {};
  Bucket& bucket = buckets_[key->bucket];
  if (!key->snapshot_id) {
    STROM_TRY(const int64_t next, metadata::ReadCounter(document.content));
    bucket.next_id = next;
    return {};
  }
  STROM_TRY(SnapshotHandle handle, metadata::ReadSnapshotHandle(document.content));
  bucket.handles.push_back(std::move(handle));
  return {};
}

const SnapshotRegistry::Handles& SnapshotRegistry::Of(const TableBucket& bucket) const {
  static const Handles kNone;
  const auto found = buckets_.find(bucket);
  return found == buckets_.end() ? kNone : found->second.handles;
}

bool SnapshotRegistry::IsLeased(const TableBucket& bucket, int64_t snapshot_id) const {
  return std::ranges::any_of(leases_, [&](const auto& lease) {
    const auto found = lease.second.snapshots.find(bucket);
    return found != lease.second.snapshots.end() && found->second == snapshot_id;
  });
}

bool SnapshotRegistry::Exists(const TableBucket& bucket, int64_t snapshot_id) const {
  const Handles& handles = Of(bucket);
  return std::ranges::find(handles, snapshot_id, &SnapshotHandle::id) != handles.end();
}

runtime::Task<Result<SnapshotRegistry::Handles>> SnapshotRegistry::Register(
    TableBucket bucket, SnapshotHandle snapshot) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  STROM_CO_TRY_VOID(CheckTable(bucket));
  Handles kept = Of(bucket);
  kept.push_back(snapshot);
  Transaction transaction;
  transaction.puts.push_back(
      {path::Snapshot(bucket, snapshot.id), metadata::WriteSnapshotHandle(snapshot)});
  transaction.puts.push_back(
      {path::SnapshotCounter(bucket), metadata::WriteCounter(snapshot.id + 1)});
  const size_t newest = kept.size() - std::min(kept.size(), num_retained_);
  size_t at = 0;
  std::erase_if(kept, [&](const SnapshotHandle& handle) {
    if (at++ >= newest || IsLeased(bucket, handle.id)) return false;
    transaction.deletes.push_back(path::Snapshot(bucket, handle.id));
    return true;
  });
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  buckets_[bucket].handles = kept;
  co_return kept;
}

runtime::Task<Status> SnapshotRegistry::Unregister(TableBucket bucket, int64_t snapshot_id) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  Transaction transaction;
  transaction.deletes.push_back(path::Snapshot(bucket, snapshot_id));
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  std::erase_if(buckets_[bucket].handles,
                [&](const SnapshotHandle& handle) { return handle.id == snapshot_id; });
  co_return Status{};
}

Status SnapshotRegistry::CheckTable(const TableBucket& bucket) const {
  const auto table = catalog_.FindTable(bucket.table);
  if (table == nullptr) {
    return Fail(ErrorCode::kUnknownTableOrBucket, "There is no table with the id {}.",
                bucket.table);
  }
  if (!table->has_primary_key) {
    return Fail(ErrorCode::kNonPrimaryKeyTable,
                "Table {} has no primary key, so there are no snapshots of it.", table->path);
  }
  if (bucket.partition || bucket.bucket.value < 0 || bucket.bucket.value >= table->bucket_count) {
    return Fail(ErrorCode::kUnknownTableOrBucket, "Table {} has {} buckets and no {}.", table->path,
                table->bucket_count, ToString(bucket));
  }
  return {};
}

void SnapshotRegistry::AddDeletes(const metadata::TableInfo& table,
                                  Transaction& transaction) const {
  for (int32_t b = 0; b < table.bucket_count; ++b) {
    const TableBucket bucket{table.id, std::nullopt, BucketId(b)};
    const auto known = buckets_.find(bucket);
    if (known == buckets_.end()) continue;
    transaction.deletes.push_back(path::SnapshotCounter(bucket));
    for (const SnapshotHandle& handle : known->second.handles)
      transaction.deletes.push_back(path::Snapshot(bucket, handle.id));
  }
}

void SnapshotRegistry::Forget(const metadata::TableInfo& table) {
  for (int32_t b = 0; b < table.bucket_count; ++b)
    buckets_.erase({table.id, std::nullopt, BucketId(b)});
}

}  // namespace strom::coordinator
