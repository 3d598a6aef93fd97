// The offset index of a segment (spec 02, 9.2): sparse entries of 8 bytes, big-endian, no header:
//
//   int32 relative offset   last offset of the appended data minus the segment's base offset
//   int32 position          first byte of that data in the .log file
//
// Both ascend. An entry says: everything in front of `position` has offsets below `offset`.
#pragma once

#include <optional>

#include "base/ids.h"
#include "log/index_entries.h"

namespace strom::log {

inline constexpr size_t kOffsetIndexEntryBytes = 8;

struct OffsetPosition {
  Offset offset;
  uint32_t position = 0;

  friend bool operator==(const OffsetPosition&, const OffsetPosition&) = default;
};

class OffsetIndex : public IndexEntries<kOffsetIndexEntryBytes> {
 public:
  // An empty one that grows in memory.
  explicit OffsetIndex(Offset base) : base_(base) {}
  OffsetIndex(Offset base, Bytes entries) : IndexEntries(std::move(entries)), base_(base) {}
  OffsetIndex(Offset base, std::shared_ptr<const runtime::Mapping> entries)
      : IndexEntries(std::move(entries)), base_(base) {}

  // Both must lie above those of the last entry, the offset within int32 of the base.
  void Add(Offset last_offset, uint32_t position);

  // The greatest entry at or below `target`, else the segment's start.
  OffsetPosition Floor(Offset target) const;
  // The greatest entry with position <= `position` and offset < `below`, if any.
  std::optional<OffsetPosition> FloorByPosition(uint64_t position, Offset below) const;
  OffsetPosition Entry(size_t i) const;
  // The last entry, else the segment's start.
  OffsetPosition Last() const;

  // Whole entries, ascending, within `log_bytes`. Preallocated zeros and torn writes fail.
  bool Valid(uint64_t log_bytes) const;

 private:
  Offset base_;
};

}  // namespace strom::log
