#include "log/time_index.h"

#include <limits>

namespace strom::log {
namespace {

int64_t TimestampAt(const uint8_t* entry) {
  return LoadBig<int64_t>(entry);
}
int32_t RelativeAt(const uint8_t* entry) {
  return LoadBig<int32_t>(entry + 8);
}

}  // namespace

void TimeIndex::MaybeAdd(Timestamp timestamp, Offset offset) {
  if (timestamp <= Last().timestamp) return;
  const int64_t relative = offset - base_;
  STROM_CHECK(relative >= 0 && relative <= std::numeric_limits<int32_t>::max());
  uint8_t* entry = Grow();
  StoreBig(entry, timestamp.ms);
  StoreBig(entry + 8, static_cast<int32_t>(relative));
}

TimestampOffset TimeIndex::Entry(size_t i) const {
  STROM_CHECK(i < count());
  return {Timestamp(TimestampAt(at(i))), base_ + RelativeAt(at(i))};
}

TimestampOffset TimeIndex::Last() const {
  return empty() ? TimestampOffset{Timestamp(-1), base_} : Entry(count() - 1);
}

TimestampOffset TimeIndex::Floor(Timestamp t) const {
  const size_t i = LastWhere([&](const uint8_t* entry) { return TimestampAt(entry) <= t.ms; });
  return i == count() ? TimestampOffset{Timestamp(-1), base_} : Entry(i);
}

bool TimeIndex::Valid() const {
  if (view().size() % kTimeIndexEntryBytes != 0) return false;
  for (size_t i = 0; i < count(); ++i) {
    if (RelativeAt(at(i)) < 0) return false;
    if (i == 0) continue;
    if (TimestampAt(at(i)) <= TimestampAt(at(i - 1))) return false;
    if (RelativeAt(at(i)) <= RelativeAt(at(i - 1))) return false;
  }
  return true;
}

}  // namespace strom::log
