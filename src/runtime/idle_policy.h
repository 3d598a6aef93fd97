// How long a shard that has run out of work looks for more before it sleeps. Falling asleep and
// being woken costs tens of microseconds of CPU and of latency, more than a small request:
//
// - After little work (a small request and its answer) it looks for a while, and for longer once
//   that has paid: two sides that answer each other at once stay awake together.
// - When both sides sleep between messages, neither finds the other in that time. Now and then one
//   long look brings them into step, if they have been answering quickly.
// - After more work it sleeps at once: what comes meanwhile is served together, which is cheaper.
//
// Belongs to one shard.
#pragma once

#include <chrono>

#include "runtime/shard.h"

namespace strom::runtime::internal {

class IdlePolicy {
 public:
  // `base` 0: it never looks.
  explicit IdlePolicy(Duration base) : base_(base) {}

  // For a shard that has worked for so long since it last waited.
  Duration WindowAfter(Duration worked) {
    if (worked > kMuchWork) return Duration::zero();
    if (quick_sleeps_ >= kSleepsBeforeLongLook) {
      quick_sleeps_ = 0;
      return base_ * kLongLook;
    }
    return found_ ? base_ * 3 : base_;
  }

  // Work came `after` it ran out, while the shard was looking for it or `asleep`.
  void Came(Duration after, bool asleep) {
    found_ = !asleep;
    if (!asleep || after > base_ * kLongLook) {
      quick_sleeps_ = 0;
    } else {
      ++quick_sleeps_;
    }
  }

 private:
  static constexpr Duration kMuchWork = std::chrono::microseconds(25);
  static constexpr int kLongLook = 10;
  static constexpr int kSleepsBeforeLongLook = 16;

  const Duration base_;
  bool found_ = false;
  int quick_sleeps_ = 0;  // in a row
};

}  // namespace strom::runtime::internal
