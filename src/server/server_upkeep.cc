// What a server does by the clock: sweeps, rolls, expiry, checkpoints.
#include <malloc.h>

#include "base/log.h"
#include "replica/replica.h"
#include "server/server.h"
#include "server/session.h"

namespace strom::server {
namespace {

constexpr std::chrono::seconds kStaleSweepInterval{1};
constexpr std::chrono::seconds kRollCheckInterval{60};
constexpr std::chrono::seconds kSnapshotCheckInterval{1};
constexpr uint64_t kManyStores = 32;

struct Offsets {
  log::OffsetMap recovery_points;
  log::OffsetMap high_watermarks;
};

runtime::Task<Offsets> CollectOffsets(ServerShard& shard) {
  Offsets offsets;
  for (const auto& [bucket, replica] : shard.replicas.all()) {
    offsets.recovery_points[bucket] = replica->log().recovery_point();
    offsets.high_watermarks[bucket] = replica->high_watermark();
  }
  co_return offsets;
}

runtime::Task<Result<log::LogFactsMap>> CollectFacts(ServerShard& shard) {
  log::LogFactsMap all;
  for (const auto& [bucket, replica] : shard.replicas.all()) {
    STROM_CO_TRY(all[bucket], replica->log().Facts());
  }
  co_return all;
}

}  // namespace

void Server::RollOldSegments(ServerShard& shard) {
  for (const auto& [bucket, replica] : shard.replicas.all()) {
    if (replica->log().failure()) continue;
    Status rolled =
        replica->log().RollIfOlderThan(settings_.segment_max_age.count(), shard.shard.WallClock());
    if (!rolled) {
      Log(LogLevel::kError, "log.roll_failed",
          {{"bucket", bucket}, {"reason", rolled.error().message}});
    }
  }
}

// With thousands of buckets requests must not wait for all of them.
runtime::Task<void> Server::ForEachReplica(ServerShard& shard, Upkeep upkeep) {
  std::vector<std::shared_ptr<replica::Replica>> replicas;
  for (const auto& [bucket, replica] : shard.replicas.all())
    replicas.push_back(replica);
  for (const auto& replica : replicas) {
    if (shard.stopping) co_return;
    co_await (this->*upkeep)(shard, replica);
    co_await runtime::Yield();
  }
}

runtime::Task<void> Server::CloseIdleLog(ServerShard& shard,
                                         std::shared_ptr<replica::Replica> replica) {
  Status closed = co_await replica->CloseLogIfIdle(shard.shard.WallClock());
  if (!closed) {
    Log(LogLevel::kWarn, "log.idle_not_closed",
        {{"bucket", replica->bucket()}, {"reason", closed.error().message}});
  }
}

runtime::Task<void> Server::CloseIdleStore(ServerShard& shard,
                                           std::shared_ptr<replica::Replica> replica) {
  const auto closed = co_await replica->CloseStoreIfIdle();
  if (!closed) {
    Log(LogLevel::kWarn, "kv.idle_not_closed",
        {{"bucket", replica->bucket()}, {"reason", closed.error().message}});
  } else if (*closed) {
    shard.metrics.closed_stores.Add();
  }
}

runtime::Task<void> Server::ApplyRetention(ServerShard& shard,
                                           std::shared_ptr<replica::Replica> replica) {
  // A segment that was closed by its age and not by an append: nobody else syncs it.
  if (replica->log().has_unsynced_segments()) {
    (void)co_await replica->log().SyncFinishedSegments();
  }
  const Result<size_t> deleted = co_await replica->ApplyRetention(
      shard.shard.WallClock(), settings_.roll_expired_active_segment);
  if (!deleted) {
    Log(LogLevel::kError, "log.retention_failed",
        {{"bucket", replica->bucket()}, {"reason", deleted.error().message}});
  } else if (*deleted > 0) {
    shard.metrics.expired_segments.Add(*deleted);
    Log(LogLevel::kInfo, "log.segments_expired",
        {{"bucket", replica->bucket()},
         {"segments", *deleted},
         {"start_offset", replica->log_start_offset()}});
  }
}

runtime::Task<void> Server::TakeSnapshot(ServerShard& shard,
                                         std::shared_ptr<replica::Replica> replica) {
  const auto taken = co_await replica->TakeSnapshot();
  if (!taken) {
    // Nothing depends on it: the next one will hold the same.
    shard.metrics.failed_snapshots.Add();
    Log(LogLevel::kError, "kv.snapshot_failed",
        {{"bucket", replica->bucket()},
         {"table", replica->table().path},
         {"reason", taken.error().message}});
  } else if (*taken) {
    shard.metrics.snapshots.Add();
    shard.metrics.snapshot_bytes.Add(static_cast<uint64_t>(**taken));
    Log(LogLevel::kInfo, "kv.snapshot_taken",
        {{"bucket", replica->bucket()}, {"uploaded_bytes", **taken}});
  }
}

// The first one of a bucket comes at a moment of its own, so that they do not come together; then
// one each interval.
runtime::Task<void> Server::SnapshotLoop(ServerShard& shard) {
  const runtime::Duration interval = settings_.kv_snapshot_interval;
  std::unordered_map<TableBucket, runtime::Instant> due;
  while (!shard.stopping) {
    co_await shard.stop.WaitUntil(shard.shard.Now() +
                                  std::min<runtime::Duration>(kSnapshotCheckInterval, interval));
    std::vector<std::shared_ptr<replica::Replica>> open;
    for (const auto& [bucket, replica] : shard.replicas.all()) {
      if (replica->store_is_open()) open.push_back(replica);
    }
    for (const auto& replica : open) {
      if (shard.stopping) co_return;
      const TableBucket& bucket = replica->bucket();
      const auto [at, is_new] = due.try_emplace(bucket);
      if (is_new) {
        const auto spread = runtime::Duration(std::hash<TableBucket>()(bucket) %
                                              static_cast<uint64_t>(interval.count()));
        at->second = shard.shard.Now() + spread;
      }
      if (shard.shard.Now() < at->second) continue;
      co_await TakeSnapshot(shard, replica);
      due[bucket] = shard.shard.Now() + interval;
    }
    std::erase_if(due,
                  [&](const auto& entry) { return !shard.replicas.all().contains(entry.first); });
  }
}

runtime::Task<void> Server::CoordinatorUpkeep() {
  runtime::Instant next_leases = home_.Now() + settings_.lease_check_interval;
  runtime::Instant next_producers = home_.Now() + settings_.producer_offsets_check_interval;
  while (!stopping_) {
    co_await stop_.WaitUntil(std::min(next_leases, next_producers));
    if (stopping_) co_return;
    const runtime::Instant now = home_.Now();
    Result<size_t> gone(0);
    if (now >= next_leases) {
      next_leases = now + settings_.lease_check_interval;
      gone = co_await coordinator_->snapshots().DropExpiredLeases(home_.WallClock());
    }
    if (now >= next_producers && gone) {
      next_producers = now + settings_.producer_offsets_check_interval;
      gone = co_await coordinator_->producers().DropExpired(home_.WallClock());
    }
    if (!gone) {
      Log(LogLevel::kWarn, "coordinator.upkeep_failed", {{"reason", gone.error().message}});
    }
  }
}

runtime::Task<void> Server::DiskGuard() {
  while (!stopping_) {
    runtime::FileSystem& files = home_.files();
    const auto usage =
        co_await runtime::OnBlockingPool([&] { return files.Usage(settings_.data_dir); });
    // A failed look changes nothing.
    if (usage && usage->total_bytes > 0 && !stopping_) {
      const double used =
          1 - static_cast<double>(usage->available_bytes) / static_cast<double>(usage->total_bytes);
      const bool full =
          used >= (disk_full_ ? settings_.disk_write_recover + 1e-9 : settings_.disk_write_limit);
      if (full != disk_full_) {
        disk_full_ = full;
        Log(full ? LogLevel::kError : LogLevel::kInfo,
            full ? "disk.writes_refused" : "disk.writes_taken_again",
            {{"data_dir", settings_.data_dir}, {"used_ratio", fmt::format("{:.3f}", used)}});
        for (auto& shard : shards_) {
          shard->shard.Post([shard = shard.get(), full] {
            shard->writes_refused = full;
            shard->metrics.writes_refused.Set(full ? 1 : 0);
          });
        }
      }
    }
    co_await stop_.WaitUntil(home_.Now() + settings_.disk_check_interval);
  }
}

runtime::Task<void> Server::ShardUpkeep(ServerShard& shard) {
  runtime::Instant next_expiry = shard.shard.Now() + settings_.writer_expiration_check_interval;
  runtime::Instant next_roll = shard.shard.Now() + kRollCheckInterval;
  runtime::Instant next_retention = shard.shard.Now() + settings_.retention_interval;
  runtime::Instant next_scan_sweep = shard.shard.Now() + settings_.scans.sweep_interval;
  runtime::Instant next_close = shard.shard.Now();
  runtime::Instant next_store_close = shard.shard.Now();
  const bool closes_idle = settings_.close_idle_interval.count() > 0;
  const bool closes_idle_stores = settings_.close_idle_store_interval.count() > 0;
  runtime::Duration turn = kStaleSweepInterval;
  turn = std::min<runtime::Duration>(turn, settings_.retention_interval);
  if (closes_idle) turn = std::min<runtime::Duration>(turn, settings_.close_idle_interval);
  if (closes_idle_stores)
    turn = std::min<runtime::Duration>(turn, settings_.close_idle_store_interval);
  while (!shard.stopping) {
    co_await shard.stop.WaitUntil(shard.shard.Now() + turn);
    const runtime::Instant now = shard.shard.Now();
    for (Session* session : shard.sessions)
      session->CloseIfStale(now);
    shard.metrics.open_stores.Set(std::ranges::count_if(
        shard.replicas.all(), [](const auto& entry) { return entry.second->store_is_open(); }));
    if (now >= next_roll) {
      next_roll = now + kRollCheckInterval;
      RollOldSegments(shard);
    }
    if (now >= next_scan_sweep) {
      next_scan_sweep = now + settings_.scans.sweep_interval;
      shard.scans.Sweep();
      shard.metrics.scanners.Set(static_cast<int64_t>(shard.scans.size()));
    }
    if (now >= next_retention) {
      next_retention = now + settings_.retention_interval;
      co_await ForEachReplica(shard, &Server::ApplyRetention);
    }
    if (closes_idle && now >= next_close) {
      next_close = now + settings_.close_idle_interval;
      co_await ForEachReplica(shard, &Server::CloseIdleLog);
    }
    if (closes_idle_stores && now >= next_store_close) {
      next_store_close = now + settings_.close_idle_store_interval;
      const uint64_t closed_before = shard.metrics.closed_stores.value();
      co_await ForEachReplica(shard, &Server::CloseIdleStore);
      if (shard.metrics.closed_stores.value() >= closed_before + kManyStores) {
        // What they used is free, but all over the heap: the allocator gives it back when asked.
        co_await runtime::OnBlockingPool([] { return ::malloc_trim(0); });
      }
    }
    if (now < next_expiry) continue;
    next_expiry = now + settings_.writer_expiration_check_interval;
    for (const auto& [bucket, replica] : shard.replicas.all()) {
      replica->log().ExpireWriters(shard.shard.WallClock());
    }
  }
}

runtime::Task<void> Server::CheckpointLoop() {
  while (!stopping_) {
    const bool stopped = co_await stop_.WaitUntil(home_.Now() + settings_.checkpoint_interval);
    if (stopped || stopping_) co_return;
    Status written = co_await Checkpoint();
    if (!written) {
      Log(LogLevel::kError, "checkpoint.failed", {{"reason", written.error().message}});
    }
  }
}

runtime::Task<Status> Server::Checkpoint() {
  Offsets all;
  for (Offsets& offsets : co_await OnEveryShard(CollectOffsets)) {
    all.recovery_points.merge(offsets.recovery_points);
    all.high_watermarks.merge(offsets.high_watermarks);
  }
  log::LogDirectory& directory = *directory_;
  co_return co_await runtime::OnBlockingPool([&directory, &all]() -> Status {
    STROM_TRY_VOID(directory.WriteRecoveryPoints(all.recovery_points));
    return directory.WriteHighWatermarks(all.high_watermarks);
  });
}

runtime::Task<Status> Server::MarkClean() {
  log::LogFactsMap all;
  for (Result<log::LogFactsMap>& facts : co_await OnEveryShard(CollectFacts)) {
    if (!facts) co_return Fail(facts.error());
    all.merge(*facts);
  }
  co_return directory_->MarkClean(all);
}

}  // namespace strom::server
