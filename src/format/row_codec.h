// Rows in the three binary layouts (spec 03, 3 to 6), decoded to values and encoded from them.
// Decoders take bytes from outside: they never read past the end, never recurse deeper than the
// type, and build at most kMaxValuesPerRow values. Errors of decoders are kCorruptRecord; errors of
// encoders (a value of another kind than its type, a CHAR too long) are kUnknownServerError,
// because only our own code can cause them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/schema.h"
#include "format/value.h"

namespace strom::format {

enum class RowFormat : uint8_t { kCompacted, kIndexed, kAligned };

// The types of a row's fields, in order: a ROW's children or FieldTypes(schema).
using RowType = std::span<const DataType>;
using Row = std::vector<Value>;

inline constexpr size_t kMaxValuesPerRow = 4'000'000;
inline constexpr size_t kAllFields = SIZE_MAX;

std::vector<DataType> FieldTypes(const Schema& schema);

Result<Row> DecodeRow(RowFormat format, ByteView row, RowType types);
// The first `wanted` fields (fewer if the row has fewer) replace what `out` holds; its memory is
// reused. The fields behind them are not looked at. `out` is unspecified when it fails.
Status DecodeRowInto(RowFormat format, ByteView row, RowType types, Row& out,
                     size_t wanted = kAllFields);
// Appends to `out`; `out` is as before when it fails.
Status AppendRow(RowFormat format, RowType types, std::span<const Value> values, Bytes& out);

}  // namespace strom::format
