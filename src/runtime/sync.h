// Waiting within one shard: events, latches, joins. None of these is thread-safe; a wake-up from
// another shard arrives by Shard::Post. Waiters are resumed from the shard's queue, never inside
// the call that wakes them, so waking code needs no re-entrancy care.
#pragma once

#include <coroutine>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/check.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace strom::runtime {

// Broadcast: Notify wakes everyone who waits now. Must outlive its waiters' waits; a notified
// waiter no longer refers to the event.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  ~Event() { STROM_CHECK(waiters_.empty()); }

  void Notify() {
    for (Waiter* waiter : std::exchange(waiters_, {}))
      waiter->Wake(true);
  }
  bool has_waiters() const { return !waiters_.empty(); }

 private:
  struct Waiter {
    std::coroutine_handle<> coroutine;
    bool notified = false;
    TimerId timer = 0;

    void Wake(bool by_event) {
      notified = by_event;
      if (by_event && timer != 0) ThisShard().CancelTimer(timer);
      ThisShard().Post([handle = coroutine] { handle.resume(); });
    }
  };

 public:
  // co_await event.Wait(): until the next Notify.
  // co_await event.WaitUntil(deadline): true if notified, false when time is out.
  struct Wait_ {
    Event& event;
    std::optional<Instant> deadline;
    Waiter waiter{};

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      waiter.coroutine = coroutine;
      event.waiters_.push_back(&waiter);
      if (!deadline) return;
      waiter.timer = ThisShard().StartTimer(*deadline, [this] {
        std::erase(event.waiters_, &waiter);
        waiter.notified = false;
        waiter.coroutine.resume();
      });
    }
    bool await_resume() const noexcept { return waiter.notified; }
  };
  Wait_ Wait() { return {*this, std::nullopt}; }
  Wait_ WaitUntil(Instant deadline) { return {*this, deadline}; }

 private:
  std::vector<Waiter*> waiters_;
};

// A value that arrives once and is awaited by at most one coroutine.
template <class T>
class OneShot {
 public:
  OneShot() = default;
  OneShot(const OneShot&) = delete;

  void Set(T value) {
    STROM_CHECK(!value_);
    value_.emplace(std::move(value));
    if (waiting_) ThisShard().Post([handle = waiting_] { handle.resume(); });
  }
  bool is_set() const { return value_.has_value(); }

  bool await_ready() const noexcept { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> coroutine) {
    STROM_CHECK(!waiting_);
    waiting_ = coroutine;
  }
  T await_resume() { return std::move(*value_); }

 private:
  std::optional<T> value_;
  std::coroutine_handle<> waiting_;
};

// Counts tasks that run in the background of an object. Its owner awaits Join() before it goes.
class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  ~TaskGroup() { STROM_CHECK(running_ == 0); }

  void Spawn(Task<void> task) {
    ++running_;
    runtime::Spawn(Run(this, std::move(task)));
  }
  int running() const { return running_; }
  Task<void> Join() {
    while (running_ > 0)
      co_await idle_.Wait();
  }

 private:
  static Task<void> Run(TaskGroup* group, Task<void> task) {
    co_await std::move(task);
    if (--group->running_ == 0) group->idle_.Notify();
  }

  int running_ = 0;
  Event idle_;
};

namespace internal {
template <class T>
Task<void> RunInto(Task<T> task, std::optional<T>* slot, size_t* left, OneShot<bool>* done) {
  slot->emplace(co_await std::move(task));
  if (--*left == 0) done->Set(true);
}
}  // namespace internal

// Starts all tasks in order, each up to its first suspension, and returns their results in order.
template <class T>
Task<std::vector<T>> WhenAll(std::vector<Task<T>> tasks) {
  std::vector<T> results;
  if (tasks.empty()) co_return results;
  std::vector<std::optional<T>> slots(tasks.size());
  size_t left = tasks.size();
  OneShot<bool> done;
  for (size_t i = 0; i < tasks.size(); ++i) {
    Spawn(internal::RunInto(std::move(tasks[i]), &slots[i], &left, &done));
  }
  co_await done;
  results.reserve(slots.size());
  for (auto& slot : slots)
    results.push_back(std::move(*slot));
  co_return results;
}

}  // namespace strom::runtime
