// Which descriptors of a shard are ready, learnt from one edge-triggered epoll. A descriptor is
// registered once for its life; a call is tried first and waits only after the kernel said "would
// block", so a request that is there already costs no system call but its own. Of one shard.
#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <optional>

#include "runtime/shard.h"
#include "runtime/unique_fd.h"

namespace strom::runtime::internal {

class Watch;

class Reactor {
 public:
  Reactor();
  Reactor(const Reactor&) = delete;

  // Waits up to `timeout` (forever if none) for readiness, hands the woken coroutines to the
  // current shard's queue and returns whether anything happened. Runs nobody's code itself: no
  // Watch can go while its events are being looked at.
  bool Poll(std::optional<Duration> timeout);
  // Ends a Poll that waits, or the next one that would. From any thread.
  void Interrupt();
  // False if the system refuses.
  bool Add(Watch& watch);

 private:
  UniqueFd epoll_;
  UniqueFd interrupt_;
};

// A non-blocking descriptor and who waits for it: at most one coroutine each way. Closes the
// descriptor, which also unregisters it; nobody may wait then.
class Watch {
 public:
  enum Direction : uint8_t { kRead = 0, kWrite = 1 };

  explicit Watch(UniqueFd fd) : fd_(std::move(fd)) {}
  Watch(const Watch&) = delete;
  ~Watch();

  int fd() const { return fd_.get(); }
  // Worth a try.
  bool ready(Direction direction) const { return ready_[direction]; }
  // The kernel said EAGAIN.
  void WouldBlock(Direction direction) { ready_[direction] = false; }
  // A read took less than it had room for. The next bytes or the end will be a new event, unless
  // the end is known already.
  void Drained() { ready_[kRead] = read_ended_; }

  // co_await Wait(…): until ready or interrupted.
  auto Wait(Direction direction) {
    struct Awaiter {
      Watch& watch;
      Direction direction;
      bool await_ready() const noexcept { return watch.ready(direction); }
      void await_suspend(std::coroutine_handle<> waiting) { watch.SetWaiter(direction, waiting); }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this, direction};
  }
  // Wakes who waits without making anything ready.
  void Interrupt(Direction direction);

 private:
  friend class Reactor;
  void SetWaiter(Direction direction, std::coroutine_handle<> waiting);
  void OnEvents(uint32_t events);

  UniqueFd fd_;
  std::array<bool, 2> ready_{true, true};
  bool read_ended_ = false;
  std::array<std::coroutine_handle<>, 2> waiting_{};
};

}  // namespace strom::runtime::internal
