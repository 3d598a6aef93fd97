// A virtual thread. Internal to the simulated runtime (sim.h).
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "runtime/shard.h"
#include "runtime/sim.h"
#include "runtime/timer_queue.h"

namespace strom::runtime::internal {

class SimShard final : public Shard {
 public:
  SimShard(SimWorld& world, SimMachine& machine, ShardId id, int shard_count);
  ~SimShard() override;

  ShardId id() const override { return id_; }
  int shard_count() const override { return machine_.shard_count(); }
  Shard& peer(ShardId id) override { return machine_.shard(id.value); }
  void Post(Work work) override;
  Instant Now() override { return world_.now(); }
  Timestamp WallClock() override;
  uint64_t Random() override { return world_.random().Next(); }
  TimerId StartTimer(Instant at, Work work) override { return timers_.Add(at, std::move(work)); }
  void CancelTimer(TimerId id) override { timers_.Cancel(id); }
  void RunBlocking(Work blocking, Work done) override;
  FileSystem& files() override { return machine_.files(); }
  Network& network() override { return *network_; }

  SimWorld& world() { return world_; }
  SimMachine& machine() { return machine_; }

  // Sources of work: one queue for each sender (order is kept within it only) and the timers.
  size_t source_count() const { return queues_.size() + 1; }
  bool HasWork(size_t source) const;
  void RunFrom(size_t source);
  std::optional<Instant> next_timer() const { return timers_.next(); }
  // Drops what is queued, as the real runtime does when it stops.
  void Drop();

 private:
  SimWorld& world_;
  SimMachine& machine_;
  const ShardId id_;
  std::vector<std::deque<Work>> queues_;  // by sending shard; the last one: from outside
  TimerQueue timers_;
  std::unique_ptr<Network> network_;
};

}  // namespace strom::runtime::internal
