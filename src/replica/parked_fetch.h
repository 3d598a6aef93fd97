// A fetch that found too little waits here for the high watermark of any of its buckets to move.
//
// A request may read buckets of several shards. Each shard it visits keeps one ParkedFetch, hung
// on the replicas it read; the first to advance fires the shared FetchWaiter, which wakes the
// connection's shard. That shard then reads again everywhere and takes the ParkedFetches down.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "runtime/shard.h"
#include "runtime/sync.h"

namespace strom::replica {

class Replica;

// Shared by the shards of one waiting request; the event belongs to the request's home shard.
class FetchWaiter {
 public:
  explicit FetchWaiter(runtime::Shard& home) : home_(home) {}

  // From any shard, any number of times; the first counts.
  static void Fire(const std::shared_ptr<FetchWaiter>& waiter) {
    if (waiter->fired_.exchange(true, std::memory_order_acq_rel)) return;
    waiter->home_.Post([waiter] { waiter->woken_.Notify(); });
  }

  // On the home shard. True if something fired before `deadline`.
  runtime::Task<bool> WaitUntil(runtime::Instant deadline) {
    if (fired_.load(std::memory_order_acquire)) co_return true;
    co_await woken_.WaitUntil(deadline);
    co_return fired_.load(std::memory_order_acquire);
  }

 private:
  runtime::Shard& home_;
  std::atomic<bool> fired_{false};
  runtime::Event woken_;
};

// One shard's part of a parked request. Lives and dies on that shard.
class ParkedFetch {
 public:
  explicit ParkedFetch(std::shared_ptr<FetchWaiter> waiter) : waiter_(std::move(waiter)) {}
  ParkedFetch(const ParkedFetch&) = delete;
  // Takes itself off its replicas.
  ~ParkedFetch();

  void HangOn(std::shared_ptr<Replica> replica);
  void Fire() { FetchWaiter::Fire(waiter_); }

 private:
  std::shared_ptr<FetchWaiter> waiter_;
  std::vector<std::shared_ptr<Replica>> replicas_;
};

}  // namespace strom::replica
