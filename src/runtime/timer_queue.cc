#include "runtime/timer_queue.h"

#include <algorithm>
#include <utility>

namespace strom::runtime::internal {
namespace {

constexpr size_t kChildren = 4;

}  // namespace

TimerId TimerQueue::Add(Instant at, Work work) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].work = std::move(work);
  ++slots_[slot].generation;
  heap_.emplace_back();
  MoveUp(heap_.size() - 1, Entry{at, next_sequence_++, slot});
  // The slot is stored as slot + 1 so that no id is 0.
  return static_cast<uint64_t>(slots_[slot].generation) << 32 | (slot + 1);
}

bool TimerQueue::Cancel(TimerId id) {
  const uint64_t number = id & 0xffffffffU;
  if (number == 0 || number > slots_.size()) return false;
  const Slot& slot = slots_[number - 1];
  if (slot.generation != id >> 32 || !slot.work) return false;
  // Destroyed only after the queue is in order again: its destructor may use the queue.
  const Work dropped = RemoveAt(slot.heap_index);
  return true;
}

std::optional<Instant> TimerQueue::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().at;
}

Work TimerQueue::TakeDue(Instant now) {
  if (heap_.empty() || heap_.front().at > now) return {};
  return RemoveAt(0);
}

Work TimerQueue::RemoveAt(size_t index) {
  const uint32_t slot = heap_[index].slot;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index < heap_.size()) {
    if (index > 0 && Before(last, heap_[(index - 1) / kChildren])) {
      MoveUp(index, last);
    } else {
      MoveDown(index, last);
    }
  }
  free_slots_.push_back(slot);
  return std::exchange(slots_[slot].work, {});
}

void TimerQueue::Place(size_t index, Entry entry) {
  heap_[index] = entry;
  slots_[entry.slot].heap_index = static_cast<uint32_t>(index);
}

void TimerQueue::MoveUp(size_t index, Entry entry) {
  while (index > 0) {
    const size_t parent = (index - 1) / kChildren;
    if (!Before(entry, heap_[parent])) break;
    Place(index, heap_[parent]);
    index = parent;
  }
  Place(index, entry);
}

void TimerQueue::MoveDown(size_t index, Entry entry) {
  for (;;) {
    const size_t first = index * kChildren + 1;
    if (first >= heap_.size()) break;
    size_t least = first;
    const size_t end = std::min(first + kChildren, heap_.size());
    for (size_t child = first + 1; child < end; ++child) {
      if (Before(heap_[child], heap_[least])) least = child;
    }
    if (!Before(heap_[least], entry)) break;
    Place(index, heap_[least]);
    index = least;
  }
  Place(index, entry);
}

}  // namespace strom::runtime::internal
