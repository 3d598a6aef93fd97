// AlignedRow (spec 03, 5; spec 02, 4.3): bounds of batch statistics and the Paimon key encoding.
//   row := header (null bits behind 8 zero bits, whole words), one 8-byte slot a field, variable
//          part in words
// Fields can be read at random, which AlignedRowView does without decoding the others.
#pragma once

#include "format/row_codec.h"

namespace strom::format {

Result<Row> DecodeAlignedRow(ByteView row, RowType types);
Status AppendAlignedRow(RowType types, std::span<const Value> values, Bytes& out);

// Bytes of the header for that many fields.
constexpr size_t AlignedHeaderBytes(size_t arity) {
  return (arity + 63 + 8) / 64 * 8;
}

// A view on a row; the bytes must outlive it.
class AlignedRowView {
 public:
  // Nothing if the row is shorter than header and slots of `arity` fields.
  static std::optional<AlignedRowView> Open(ByteView row, size_t arity);

  bool IsNull(size_t field) const;
  // The field's value, Null if its null bit is set, kCorruptRecord if it points outside the row.
  Result<Value> Field(size_t field, const DataType& type) const;

 private:
  AlignedRowView(ByteView row, size_t arity) : row_(row), arity_(arity) {}

  ByteView row_;
  size_t arity_;
};

}  // namespace strom::format
