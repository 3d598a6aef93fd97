// A shard of the real runtime: a thread with a queue of work, an inbox, timers and an epoll.
// One turn: take the inbox, fire due timers, run what is queued, look at the descriptors. Work
// for other shards is collected while one piece of work runs and handed over when it returns: all
// requests of one read cross together and cost at most one wake-up.
#pragma once

#include <atomic>
#include <vector>

#include "runtime/blocking_pool.h"
#include "runtime/idle_policy.h"
#include "runtime/random.h"
#include "runtime/reactor.h"
#include "runtime/timer_queue.h"
#include "runtime/work_queue.h"

namespace strom::runtime::internal {

class RealShard;

// What the shards of one runtime share. Outlives them.
struct RealShared {
  explicit RealShared(int blocking_threads) : pool(blocking_threads) {}

  std::vector<RealShard*> shards;
  BlockingPool pool;
  FileSystem* files = nullptr;
  Duration poll_before_block{};
};

class RealShard final : public Shard {
 public:
  RealShard(ShardId id, RealShared& shared);
  ~RealShard() override;

  ShardId id() const override { return id_; }
  int shard_count() const override { return static_cast<int>(shared_.shards.size()); }
  Shard& peer(ShardId id) override;
  void Post(Work work) override;
  Instant Now() override;
  Timestamp WallClock() override;
  uint64_t Random() override { return random_.Next(); }
  TimerId StartTimer(Instant at, Work work) override;
  void CancelTimer(TimerId id) override;
  void RunBlocking(Work blocking, Work done) override;
  FileSystem& files() override { return *shared_.files; }
  Network& network() override { return *network_; }

  Reactor& reactor() { return reactor_; }
  // Runs until RequestStop; what is still queued then is dropped.
  void Loop();
  // From any thread.
  void RequestStop();

 private:
  WorkNode* MakeNode(Work work);
  void RecycleNode(WorkNode* node);
  void Receive(const Outbox& batch);
  void HandOver();
  void Turn();
  void RunDueTimers();
  void WaitForWork();
  bool SomethingToDo();

  const ShardId id_;
  RealShared& shared_;
  std::atomic<bool> stopping_{false};
  WorkQueue queue_;
  TimerQueue timers_;
  Reactor reactor_;
  std::unique_ptr<Network> network_;
  RandomSource random_;
  IdlePolicy idle_policy_;
  Instant busy_since_{};            // when it last had nothing to do
  std::vector<Outbox> outboxes_;    // by receiver
  std::vector<int> full_outboxes_;  // receivers with something in their outbox
  WorkNode* spare_nodes_ = nullptr;
  int spare_count_ = 0;

  // Touched by other threads: on cache lines of their own.
  alignas(64) Inbox inbox_;
  alignas(64) std::atomic<bool> sleeping_{false};
};

}  // namespace strom::runtime::internal
