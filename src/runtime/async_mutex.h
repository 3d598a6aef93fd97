// Mutual exclusion of coroutines of one shard, in the order they asked. Not thread-safe.
//   auto held = co_await mutex.Lock();   // until `held` goes
#pragma once

#include <coroutine>
#include <deque>
#include <utility>

#include "base/check.h"
#include "runtime/shard.h"

namespace strom::runtime {

class AsyncMutex {
 public:
  class [[nodiscard]] Held {
   public:
    explicit Held(AsyncMutex* mutex) : mutex_(mutex) {}
    Held(Held&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (mutex_) mutex_->Unlock();
    }

   private:
    AsyncMutex* mutex_;
  };

  AsyncMutex() = default;
  AsyncMutex(const AsyncMutex&) = delete;
  ~AsyncMutex() { STROM_CHECK(!locked_ && waiting_.empty()); }

  bool locked() const { return locked_; }

  auto Lock() {
    struct Awaiter {
      AsyncMutex& mutex;
      bool await_ready() const noexcept { return !std::exchange(mutex.locked_, true); }
      void await_suspend(std::coroutine_handle<> waiting) { mutex.waiting_.push_back(waiting); }
      Held await_resume() { return Held(&mutex); }
    };
    return Awaiter{*this};
  }

 private:
  // The mutex stays locked while it changes hands, so nobody overtakes the one who waited.
  void Unlock() {
    if (waiting_.empty()) {
      locked_ = false;
      return;
    }
    ThisShard().Post([next = waiting_.front()] { next.resume(); });
    waiting_.pop_front();
  }

  bool locked_ = false;
  std::deque<std::coroutine_handle<>> waiting_;
};

}  // namespace strom::runtime
