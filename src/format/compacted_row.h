// CompactedRow (spec 03, 3): the default row of KV tables and of COMPACTED logs.
//   row := null bitmap (ceil(arity / 8) bytes, LSB first, 1 = null), then the non-null fields in
//   column order: integers from 32 bits up as varints, strings and nested values with a varint
//   length, the rest in fixed width. No random access.
// A NOT NULL field is read whatever its null bit says; bytes after the last field are ignored.
#pragma once

#include "format/row_codec.h"

namespace strom::format {

Result<Row> DecodeCompactedRow(ByteView row, RowType types);
Status AppendCompactedRow(RowType types, std::span<const Value> values, Bytes& out);

// One non-null field without a null bit, as keys carry them (spec 03, 8.2).
Result<Value> ReadCompactedField(ByteReader& in, const DataType& type);
Status AppendCompactedField(const DataType& type, const Value& value, Bytes& out);

}  // namespace strom::format
