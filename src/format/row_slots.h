// Slots of AlignedRow and BinaryArray (spec 03, 5 and 6): a value of a fixed-width type in the slot
// itself, strings of at most 7 bytes inline, everything else as (offset << 32) | length into the
// variable part behind the slots. Internal to the row codecs.
#pragma once

#include "format/row_parts.h"

namespace strom::format {

// Bytes of the slot in an array; rows always use 8.
inline size_t ArraySlotWidth(const DataType& type) {
  const size_t fixed = FixedWidth(type);
  return fixed != 0 ? fixed : 8;
}

// The variable part while a row or an array is decoded. Entries of a real writer never overlap, so
// together they may take no more than the part holds: without that, many slots naming the same
// bytes would multiply them.
class VariablePart {
 public:
  VariablePart(ByteView whole, size_t start)
      : whole_(whole), start_(start), bytes_left_(whole.size() - start) {}

  bool Take(uint32_t offset, uint32_t length, DecodeContext& context, ByteView& out) {
    if (offset < start_ || uint64_t{offset} + length > whole_.size()) {
      return context.Fail("an offset points outside the variable part");
    }
    if (length > bytes_left_) return context.Fail("entries of the variable part overlap");
    bytes_left_ -= length;
    out = whole_.subspan(offset, length);
    return true;
  }

 private:
  ByteView whole_;  // from the row's or array's first byte, which offsets count from
  size_t start_;
  size_t bytes_left_;
};

// `slot` has ArraySlotWidth(type) readable bytes.
bool DecodeSlot(RowFormat format, const uint8_t* slot, const DataType& type, VariablePart& part,
                DecodeContext& context, Value& out);

// Writes a non-null value into the slot at out[slot_at]; its variable part goes to the end of
// `out`, padded with zeros to a multiple of 8 counted from `start`, the row's or array's first
// byte.
bool StoreSlot(RowFormat format, const DataType& type, const Value& value, size_t start,
               size_t slot_at, EncodeContext& context, Bytes& out);

void PadTo8(Bytes& out, size_t start);

}  // namespace strom::format
