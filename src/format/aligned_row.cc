#include "format/aligned_row.h"

#include <algorithm>

#include "base/check.h"
#include "format/row_slots.h"

namespace strom::format {
namespace {

constexpr size_t kSlotBytes = 8;
constexpr size_t kFirstNullBit = 8;  // the first byte of the header is the row kind

size_t FixedBytes(size_t arity) {
  return AlignedHeaderBytes(arity) + arity * kSlotBytes;
}

}  // namespace

std::optional<AlignedRowView> AlignedRowView::Open(ByteView row, size_t arity) {
  if (row.size() < FixedBytes(arity)) return std::nullopt;
  return AlignedRowView(row, arity);
}

bool AlignedRowView::IsNull(size_t field) const {
  STROM_CHECK(field < arity_);
  return BitAt(row_, field + kFirstNullBit);
}

Result<Value> AlignedRowView::Field(size_t field, const DataType& type) const {
  if (IsNull(field)) return Value::Null();
  const uint8_t* slot = row_.data() + AlignedHeaderBytes(arity_) + field * kSlotBytes;
  VariablePart part(row_, FixedBytes(arity_));
  DecodeContext context;
  Value value;
  if (!DecodeSlot(RowFormat::kAligned, slot, type, part, context, value)) {
    return Fail(ErrorCode::kCorruptRecord, "Cannot read field {} of an aligned row: {}.", field,
                context.problem);
  }
  return value;
}

bool DecodeAligned(ByteView row, RowType types, DecodeContext& context, Row& out, size_t wanted) {
  if (row.size() < FixedBytes(types.size())) {
    return context.Fail("the row is shorter than its fixed part");
  }
  if (!context.Take(types.size())) return false;
  VariablePart part(row, FixedBytes(types.size()));
  const uint8_t* slots = row.data() + AlignedHeaderBytes(types.size());
  out.clear();
  out.resize(std::min(wanted, types.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    if (BitAt(row, i + kFirstNullBit)) continue;
    if (!DecodeSlot(RowFormat::kAligned, slots + i * kSlotBytes, types[i], part, context, out[i])) {
      return false;
    }
  }
  return true;
}

bool AppendAligned(RowType types, std::span<const Value> values, EncodeContext& context,
                   Bytes& out) {
  if (values.size() != types.size()) return context.Fail("the row has another number of fields");
  const size_t start = out.size();
  const size_t slots = start + AlignedHeaderBytes(types.size());
  out.resize(start + FixedBytes(types.size()), 0);
  for (size_t i = 0; i < types.size(); ++i) {
    if (values[i].is_null()) {
      SetBit(out, start, i + kFirstNullBit);
    } else if (!StoreSlot(RowFormat::kAligned, types[i], values[i], start, slots + i * kSlotBytes,
                          context, out)) {
      return false;
    }
  }
  return true;
}

Result<Row> DecodeAlignedRow(ByteView row, RowType types) {
  return DecodeRow(RowFormat::kAligned, row, types);
}

Status AppendAlignedRow(RowType types, std::span<const Value> values, Bytes& out) {
  return AppendRow(RowFormat::kAligned, types, values, out);
}

}  // namespace strom::format
