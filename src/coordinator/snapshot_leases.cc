// Leases on snapshots (spec 05, 12; spec 06, 16.3).
#include "coordinator/snapshot_registry.h"
#include "metadata/names.h"
#include "runtime/shard.h"

namespace strom::coordinator {

using metadata::SnapshotLease;
using metadata::Transaction;

namespace {

constexpr int64_t kMaxDurationMs = int64_t{366} * 24 * 3600 * 1000;

Result<Timestamp> ExpiryOf(int64_t duration_ms, Timestamp now) {
  if (duration_ms > 0 && duration_ms <= kMaxDurationMs) return Timestamp(now.ms + duration_ms);
  return Fail(ErrorCode::kInvalidProducerId,
              "A lease cannot be taken for {} ms: the duration is between 1 and {}.", duration_ms,
              kMaxDurationMs);
}

}  // namespace

runtime::Task<Status> SnapshotRegistry::Store(std::string id, SnapshotLease lease) {
  Transaction transaction;
  transaction.puts.push_back({metadata::path::Lease(id), metadata::WriteLease(lease)});
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  leases_[std::move(id)] = std::move(lease);
  co_return Status{};
}

runtime::Task<Result<SnapshotRegistry::BucketSnapshots>> SnapshotRegistry::AcquireLease(
    std::string id, int64_t duration_ms, BucketSnapshots snapshots) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  STROM_CO_TRY_VOID(metadata::CheckLeaseId(id));
  const auto known = leases_.find(id);
  SnapshotLease lease = known == leases_.end() ? SnapshotLease{} : known->second;
  STROM_CO_TRY(lease.expires, ExpiryOf(duration_ms, runtime::ThisShard().WallClock()));
  BucketSnapshots missing;
  for (const auto& [bucket, snapshot] : snapshots) {
    STROM_CO_TRY_VOID(CheckTable(bucket));
    if (Exists(bucket, snapshot)) {
      lease.snapshots[bucket] = snapshot;
    } else {
      missing.emplace_back(bucket, snapshot);
    }
  }
  STROM_CO_TRY_VOID(co_await Store(std::move(id), std::move(lease)));
  co_return missing;
}

runtime::Task<Status> SnapshotRegistry::ReleaseLease(std::string id,
                                                     std::vector<TableBucket> buckets) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  for (const TableBucket& bucket : buckets)
    STROM_CO_TRY_VOID(CheckTable(bucket));
  const auto known = leases_.find(id);
  if (known == leases_.end()) co_return Status{};
  SnapshotLease lease = known->second;
  size_t released = 0;
  for (const TableBucket& bucket : buckets)
    released += lease.snapshots.erase(bucket);
  if (released == 0) co_return Status{};
  if (!lease.snapshots.empty()) co_return co_await Store(std::move(id), std::move(lease));
  Transaction transaction;
  transaction.deletes.push_back(metadata::path::Lease(id));
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  leases_.erase(id);
  co_return Status{};
}

runtime::Task<Status> SnapshotRegistry::DropLease(std::string id) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  if (!leases_.contains(id)) co_return Status{};
  Transaction transaction;
  transaction.deletes.push_back(metadata::path::Lease(id));
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  leases_.erase(id);
  co_return Status{};
}

runtime::Task<Result<size_t>> SnapshotRegistry::DropExpiredLeases(Timestamp now) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  std::vector<std::string> expired;
  Transaction transaction;
  for (const auto& [id, lease] : leases_) {
    if (lease.expires >= now) continue;
    expired.push_back(id);
    transaction.deletes.push_back(metadata::path::Lease(id));
  }
  if (expired.empty()) co_return size_t{0};
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  for (const std::string& id : expired)
    leases_.erase(id);
  co_return expired.size();
}

}  // namespace strom::coordinator
