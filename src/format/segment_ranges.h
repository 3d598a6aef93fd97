// The column ranges of the batches of one segment, computed when it is first read with a filter and
// kept in a small file beside it.
//
//   magic "STROMCR1" | covered bytes u64 | batch count u32 | batches | crc32c u32 of all before
//   batch: position u64 | column count u16 | columns
//   column: position u16 | null count varint (0: not known, else count + 1) | min | max
//   bound: kind u8 (0: not known) | value
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "format/batch_ranges.h"
#include "format/filter_read.h"

namespace strom::format {

inline constexpr size_t kMaxRangedColumns = 256;

struct BatchRanges {
  uint64_t position = 0;  // in the segment
  // Ascending by column.
  std::vector<std::pair<uint16_t, ColumnRange>> columns;

  friend bool operator==(const BatchRanges&, const BatchRanges&) = default;
};

struct SegmentRanges {
  uint64_t covered_bytes = 0;        // everything in front of it was looked at
  std::vector<BatchRanges> batches;  // ascending; those of which nothing is known are missing

  // Null if nothing is known.
  const ColumnRange* Find(uint64_t position, size_t column) const;
  // About what it takes in memory.
  uint64_t MemoryBytes() const;

  friend bool operator==(const SegmentRanges&, const SegmentRanges&) = default;
};

// Which columns get ranges: all that can, or those of `wanted`; at most kMaxRangedColumns.
std::vector<size_t> RangedColumns(const Schema& schema, const std::vector<std::string>* wanted);

// Ranges of a table's segments; made per computation. `wanted`: see RangedColumns; null: all.
class SegmentRanger {
 public:
  SegmentRanger(SchemaOf schema_of, const std::vector<std::string>* wanted)
      : schema_of_(std::move(schema_of)), wanted_(wanted) {}

  // Looks at the batches of `segment` behind what `ranges` covers. Batches that cannot be decoded
  // are left out, as are those that carry statistics.
  void Extend(ByteView segment, SegmentRanges& ranges);

 private:
  SchemaOf schema_of_;
  const std::vector<std::string>* wanted_;
  std::map<SchemaId, std::unique_ptr<RangeBuilder>> builders_;
};

Bytes EncodeSegmentRanges(const SegmentRanges& ranges);
// Nothing if the bytes are damaged or were never such a file.
std::optional<SegmentRanges> DecodeSegmentRanges(ByteView file);

}  // namespace strom::format
