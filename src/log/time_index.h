// The time index of a segment (spec 02, 9.2): sparse entries of 12 bytes, big-endian, no header:
//
//   int64 timestamp         largest commit timestamp so far
//   int32 relative offset   base offset of the data that first had it, minus the segment's base
//
// Both ascend. Everything in front of an entry's offset has timestamps below the entry's.
#pragma once

#include "base/ids.h"
#include "log/index_entries.h"

namespace strom::log {

inline constexpr size_t kTimeIndexEntryBytes = 12;

struct TimestampOffset {
  Timestamp timestamp{-1};
  Offset offset;

  friend bool operator==(const TimestampOffset&, const TimestampOffset&) = default;
};

class TimeIndex : public IndexEntries<kTimeIndexEntryBytes> {
 public:
  explicit TimeIndex(Offset base) : base_(base) {}
  TimeIndex(Offset base, Bytes entries) : IndexEntries(std::move(entries)), base_(base) {}
  TimeIndex(Offset base, std::shared_ptr<const runtime::Mapping> entries)
      : IndexEntries(std::move(entries)), base_(base) {}

  // Ignored unless the timestamp is larger than the last entry's.
  void MaybeAdd(Timestamp timestamp, Offset offset);

  // The entry with the greatest timestamp <= t, else (-1, base offset).
  TimestampOffset Floor(Timestamp t) const;
  TimestampOffset Entry(size_t i) const;
  TimestampOffset Last() const;

  bool Valid() const;

 private:
  Offset base_;
};

}  // namespace strom::log
