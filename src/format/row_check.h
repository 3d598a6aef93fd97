// Whether a row from outside decodes, without decoding it: lengths, varints and null bits of a
// COMPACTED or INDEXED row are checked in one pass that allocates nothing. Fields of nested types
// are decoded, because their bounds lie inside. Used for every row of PUT_KV before it is stored.
#pragma once

#include "format/row_codec.h"
#include "format/row_parts.h"

namespace strom::format {

// kCorruptRecord if DecodeRow would refuse the row, or if a NOT NULL field has its null bit set.
// Bytes after the last field are accepted (spec 03, 3).
Status CheckRow(RowFormat format, ByteView row, RowType types);

// Passes over the fields of a CompactedRow, or of a compacted key, one after the other.
class CompactedSkipper {
 public:
  explicit CompactedSkipper(ByteView fields) : in_(fields) {}

  // Passes over one non-null field without looking into nested values; false if it does not fit or
  // is malformed.
  bool Skip(const DataType& type);

  // Of the field passed last: its bytes, what follows its length if it has one, and whether our own
  // writer would have written the same bytes (no over-long varints, BOOLEAN 0 or 1).
  ByteView field() const { return field_; }
  ByteView content() const { return content_; }
  bool canonical() const { return canonical_; }
  const char* problem() const { return problem_; }
  bool done() const { return in_.done(); }

 private:
  bool SkipContent(const DataType& type);
  bool SkipVarint(size_t max_bytes, uint8_t max_last);
  bool SkipVarint32() { return SkipVarint(5, 0x0f); }
  bool SkipVarint64() { return SkipVarint(10, 0x01); }
  bool TakeSized();
  bool SkipDecimal(const DataType& type);
  bool Stop(const char* problem) {
    problem_ = problem;
    return false;
  }

  ByteReader in_;
  ByteView field_;
  ByteView content_;
  bool canonical_ = true;
  const char* problem_ = nullptr;
};

}  // namespace strom::format
