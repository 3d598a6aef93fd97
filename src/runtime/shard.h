// A shard: one thread (or, simulated, one virtual thread) that owns buckets, connections and
// timers. What a shard owns is touched only by code running on it; others send it work with Post
// or CallOn. All time, timers, files, sockets and randomness come from the current shard, so a
// whole server runs unchanged on the real runtime (real.h) and on the simulated one (sim.h).
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>

#include "base/ids.h"
#include "base/result.h"
#include "runtime/task.h"

namespace strom::runtime {

class FileSystem;
class Network;

using ShardId = StrongId<struct ShardIdTag, int32_t>;
using Duration = std::chrono::nanoseconds;

// Monotonic time of a runtime; unrelated to the wall clock and never steps back.
struct Clock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;
};
using Instant = Clock::time_point;

// Work runs once on its shard and is destroyed there.
using Work = std::move_only_function<void()>;
using TimerId = uint64_t;  // 0 is never a timer

class Shard {
 public:
  virtual ~Shard() = default;

  virtual ShardId id() const = 0;
  virtual int shard_count() const = 0;
  // Any shard of the same runtime.
  virtual Shard& peer(ShardId id) = 0;

  // Queues work. From any thread; order between one sender and one receiver is kept. Wake-ups are
  // batched: many posts between two turns of the receiver cost one.
  virtual void Post(Work work) = 0;

  // The rest only on this shard's own thread.
  virtual Instant Now() = 0;
  // Wall clock. May step either way.
  virtual Timestamp WallClock() = 0;
  virtual uint64_t Random() = 0;
  virtual TimerId StartTimer(Instant at, Work work) = 0;
  // No effect once the timer has fired.
  virtual void CancelTimer(TimerId id) = 0;
  // Runs `blocking` on the bounded blocking pool, then `done` here. The pool's queue is unbounded
  // in length but every caller awaits, so its length is bounded by what is in flight.
  virtual void RunBlocking(Work blocking, Work done) = 0;
  virtual FileSystem& files() = 0;
  virtual Network& network() = 0;
};

// The shard whose work is running; aborts outside of one.
Shard& ThisShard();
// Null outside of a shard.
Shard* ThisShardOrNull();

// co_await Sleep(…): at least that long, then on with the same shard.
struct Sleep {
  Duration duration;
  bool await_ready() const noexcept { return duration.count() < 0; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    Shard& shard = ThisShard();
    shard.StartTimer(shard.Now() + duration, [waiting] { waiting.resume(); });
  }
  void await_resume() const noexcept {}
};

// Lets everything queued on this shard run first.
struct Yield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    ThisShard().Post([waiting] { waiting.resume(); });
  }
  void await_resume() const noexcept {}
};

// auto r = co_await OnBlockingPool([&]{ return Slow(); }); The function runs on another thread: it
// must touch nothing that belongs to a shard.
template <class F>
Task<std::invoke_result_t<F>> OnBlockingPool(F function) {
  using R = std::invoke_result_t<F>;
  struct Awaiter {
    F& function;
    std::optional<R> result{};
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
      ThisShard().RunBlocking([this] { result.emplace(function()); },
                              [waiting] { waiting.resume(); });
    }
    R await_resume() { return std::move(*result); }
  };
  co_return co_await Awaiter{function};
}

// Runs `function` (returning Task<R>) on `target` and resumes here with its result. On the own
// shard it is a plain call. The function object lives until the call is over.
template <class F>
auto CallOn(Shard& target, F function) -> std::invoke_result_t<F> {
  using TaskType = std::invoke_result_t<F>;
  using R = decltype(std::declval<TaskType>().operator co_await().await_resume());
  if (&target == &ThisShard()) co_return co_await function();
  struct Awaiter {
    Shard& target;
    F& function;
    std::optional<R> result{};
    bool await_ready() const noexcept { return false; }
    static Task<void> Run(Awaiter* self, std::coroutine_handle<> waiting, Shard* home) {
      self->result.emplace(co_await self->function());
      home->Post([waiting] { waiting.resume(); });
    }
    void await_suspend(std::coroutine_handle<> waiting) {
      Shard* home = &ThisShard();
      target.Post([this, waiting, home] { Spawn(Run(this, waiting, home)); });
    }
    R await_resume() { return std::move(*result); }
  };
  co_return co_await Awaiter{target, function};
}

}  // namespace strom::runtime
