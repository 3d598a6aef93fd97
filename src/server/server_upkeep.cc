// What a server does by the clock: sweeps, rolls, expiry, checkpoints.
#include "base/log.h"
#include "replica/replica.h"
#include "server/server.h"
#include "server/session.h"

namespace strom::server {
namespace {

constexpr std::chrono::seconds kStaleSweepInterval{1};
constexpr std::chrono::seconds kRollCheckInterval{60};

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

runtime::Task<void> Server::ShardUpkeep(ServerShard& shard) {
  runtime::Instant next_expiry = shard.shard.Now() + settings_.writer_expiration_check_interval;
  runtime::Instant next_roll = shard.shard.Now() + kRollCheckInterval;
  while (!shard.stopping) {
    co_await shard.stop.WaitUntil(shard.shard.Now() + kStaleSweepInterval);
    const runtime::Instant now = shard.shard.Now();
    for (Session* session : shard.sessions)
      session->CloseIfStale(now);
    if (now >= next_roll) {
      next_roll = now + kRollCheckInterval;
      RollOldSegments(shard);
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
  std::vector<runtime::Task<Offsets>> visits;
  for (auto& shard : shards_) {
    visits.push_back(
        runtime::CallOn(shard->shard, [shard = shard.get()] { return CollectOffsets(*shard); }));
  }
  Offsets all;
  for (Offsets& offsets : co_await runtime::WhenAll(std::move(visits))) {
    all.recovery_points.merge(offsets.recovery_points);
    all.high_watermarks.merge(offsets.high_watermarks);
  }
  log::LogDirectory& directory = *directory_;
  co_return co_await runtime::OnBlockingPool([&directory, &all]() -> Status {
    STROM_TRY_VOID(directory.WriteRecoveryPoints(all.recovery_points));
    return directory.WriteHighWatermarks(all.high_watermarks);
  });
}

}  // namespace strom::server
