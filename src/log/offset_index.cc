#include "log/offset_index.h"

#include <limits>

namespace strom::log {
namespace {

uint32_t RelativeAt(const uint8_t* entry) {
  return LoadBig<uint32_t>(entry);
}
uint32_t PositionAt(const uint8_t* entry) {
  return LoadBig<uint32_t>(entry + 4);
}

}  // namespace

void OffsetIndex::Add(Offset last_offset, uint32_t position) {
  const int64_t relative = last_offset - base_;
  STROM_CHECK(relative >= 0 && relative <= std::numeric_limits<int32_t>::max());
  STROM_CHECK(position <= static_cast<uint32_t>(std::numeric_limits<int32_t>::max()));
  if (!empty()) {
    STROM_CHECK(RelativeAt(at(count() - 1)) < relative && PositionAt(at(count() - 1)) < position);
  }
  uint8_t* entry = Grow();
  StoreBig(entry, static_cast<int32_t>(relative));
  StoreBig(entry + 4, static_cast<int32_t>(position));
}

OffsetPosition OffsetIndex::Entry(size_t i) const {
  STROM_CHECK(i < count());
  return {base_ + RelativeAt(at(i)), PositionAt(at(i))};
}

OffsetPosition OffsetIndex::Last() const {
  return empty() ? OffsetPosition{base_, 0} : Entry(count() - 1);
}

OffsetPosition OffsetIndex::Floor(Offset target) const {
  if (target < base_) return {base_, 0};
  const int64_t relative = target - base_;
  const size_t i = LastWhere([&](const uint8_t* entry) { return RelativeAt(entry) <= relative; });
  return i == count() ? OffsetPosition{base_, 0} : Entry(i);
}

std::optional<OffsetPosition> OffsetIndex::FloorByPosition(uint64_t position, Offset below) const {
  if (below <= base_) return std::nullopt;
  const int64_t relative = below - base_;
  const size_t i = LastWhere([&](const uint8_t* entry) {
    return PositionAt(entry) <= position && RelativeAt(entry) < relative;
  });
  if (i == count()) return std::nullopt;
  return Entry(i);
}

bool OffsetIndex::Valid(uint64_t log_bytes) const {
  if (view().size() % kOffsetIndexEntryBytes != 0) return false;
  int64_t relative = -1;
  int64_t position = -1;
  for (size_t i = 0; i < count(); ++i) {
    const auto next_relative = LoadBig<int32_t>(at(i));
    const auto next_position = LoadBig<int32_t>(at(i) + 4);
    if (next_relative <= relative || next_position <= position) return false;
    relative = next_relative;
    position = next_position;
  }
  return position < 0 || static_cast<uint64_t>(position) < log_bytes;
}

}  // namespace strom::log
