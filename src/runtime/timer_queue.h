// Timers of one shard, earliest first; equal deadlines fire in the order they were started. Start
// and cancel cost O(log n) and a cancelled timer leaves nothing behind: every long poll starts one
// and most cancel it. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/shard.h"

namespace strom::runtime::internal {

class TimerQueue {
 public:
  TimerId Add(Instant at, Work work);
  // Returns whether the timer was still waiting.
  bool Cancel(TimerId id);
  // The earliest deadline, if there is a timer.
  std::optional<Instant> next() const;
  // Takes the earliest timer if it is due; an empty Work if none is.
  Work TakeDue(Instant now);
  size_t size() const { return heap_.size(); }

 private:
  struct Slot {
    Work work;
    uint32_t heap_index = 0;
    uint32_t generation = 0;  // of the id handed out last; a stale id does not match
  };
  struct Entry {
    Instant at;
    uint64_t sequence;
    uint32_t slot;
  };
  static bool Before(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at < b.at : a.sequence < b.sequence;
  }

  void Place(size_t index, Entry entry);
  void MoveUp(size_t index, Entry entry);
  void MoveDown(size_t index, Entry entry);
  Work RemoveAt(size_t index);

  std::vector<Entry> heap_;  // 4-ary: a node's children share a cache line or two
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t next_sequence_ = 0;
};

}  // namespace strom::runtime::internal
