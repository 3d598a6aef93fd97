// IndexedRow (spec 03, 4): KV tables and logs with format INDEXED.
//   row := null bitmap, V int32 lengths (V = number of variable-length columns), values
// The lengths are packed: entry j belongs to the j-th non-null variable column, unused entries at
// the end are 0. Null fields have no value bytes. CHAR(n) and BINARY(n) take exactly n bytes,
// padded with NULs that readers strip. A set null bit means null, for NOT NULL fields too.
#pragma once

#include "format/row_codec.h"

namespace strom::format {

Result<Row> DecodeIndexedRow(ByteView row, RowType types);
Status AppendIndexedRow(RowType types, std::span<const Value> values, Bytes& out);

}  // namespace strom::format
