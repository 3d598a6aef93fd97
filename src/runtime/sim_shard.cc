#include "runtime/sim_shard.h"

#include "base/check.h"
#include "runtime/shard_scope.h"
#include "runtime/sim_network.h"

namespace strom::runtime::internal {
namespace {

// Of the wall clock at the start of a world: a day in 2025.
constexpr int64_t kWallClockStartMs = 1'750'000'000'000;
constexpr Duration kMaxBlockingDelay = std::chrono::milliseconds(2);

}  // namespace

SimShard::SimShard(SimWorld& world, SimMachine& machine, ShardId id, int shard_count)
    : world_(world),
      machine_(machine),
      id_(id),
      queues_(static_cast<size_t>(shard_count) + 1),
      network_(MakeSimNetwork(*this)) {}

SimShard::~SimShard() = default;

void SimShard::Post(Work work) {
  // All shards of this thread are simulated ones.
  const auto* sender = static_cast<SimShard*>(ThisShardOrNull());
  const bool outside = sender == nullptr || &sender->machine_ != &machine_;
  queues_[outside ? queues_.size() - 1 : static_cast<size_t>(sender->id_.value)].push_back(
      std::move(work));
}

Timestamp SimShard::WallClock() {
  const Duration since_start = world_.now().time_since_epoch() + machine_.wall_offset_;
  return Timestamp(kWallClockStartMs +
                   std::chrono::duration_cast<std::chrono::milliseconds>(since_start).count());
}

void SimShard::RunBlocking(Work blocking, Work done) {
  world_.At(world_.now() + world_.RandomDelay(kMaxBlockingDelay),
            [this, blocking = std::move(blocking), done = std::move(done)]() mutable {
              blocking();
              // Both are destroyed on the shard, where what they refer to is at home.
              Post([blocking = std::move(blocking), done = std::move(done)]() mutable { done(); });
            });
}

bool SimShard::HasWork(size_t source) const {
  if (source < queues_.size()) return !queues_[source].empty();
  return timers_.next() && *timers_.next() <= world_.now();
}

void SimShard::RunFrom(size_t source) {
  const ShardScope scope(this);
  if (source == queues_.size()) {
    Work work = timers_.TakeDue(world_.now());
    work();
    return;
  }
  Work work = std::move(queues_[source].front());
  queues_[source].pop_front();
  work();
}

void SimShard::Drop() {
  const ShardScope scope(this);
  for (auto& queue : queues_)
    queue.clear();
  while (timers_.TakeDue(Instant::max())) {
  }
}

}  // namespace strom::runtime::internal
