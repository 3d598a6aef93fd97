// What the row layouts share: null bits, strict varints, decimal bytes, and the decode and encode
// contexts. Internal to the row codecs; other code uses row_codec.h and the headers of the layouts.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "format/row_codec.h"
#include "format/value.h"

namespace strom::format {

// Carried through one decode: the first problem, and how many values may still be built.
struct DecodeContext {
  const char* problem = nullptr;
  size_t values_left = kMaxValuesPerRow;

  bool Fail(const char* what) {
    if (problem == nullptr) problem = what;
    return false;
  }
  bool Take(size_t count) {
    if (count > values_left) return Fail("more values than a row may hold");
    values_left -= count;
    return true;
  }
};

// Carried through one encode.
struct EncodeContext {
  const char* problem = nullptr;

  bool Fail(const char* what) {
    if (problem == nullptr) problem = what;
    return false;
  }
};

inline bool IsNested(const DataType& type) {
  return type.root == TypeRoot::kArray || type.root == TypeRoot::kMap ||
         type.root == TypeRoot::kRow;
}

// Decimals and timestamps that fit one int64 (spec 03, 1.1).
inline bool IsCompactDecimal(const DataType& type) {
  return type.precision <= 18;
}
inline bool IsCompactTimestamp(const DataType& type) {
  return type.precision <= 3;
}

inline bool BitAt(ByteView bits, size_t index) {
  return (bits[index / 8] >> (index % 8) & 1) != 0;
}
inline void SetBit(Bytes& out, size_t start, size_t index) {
  out[start + index / 8] |= static_cast<uint8_t>(1u << (index % 8));
}

// LEB128 that refuses bits beyond 32 (64): ByteReader::Varint would drop them (spec 03, 2).
std::optional<uint32_t> ReadVarint32(ByteReader& in);
std::optional<uint64_t> ReadVarint64(ByteReader& in);

// Big-endian two's complement, minimal when written, 1 to 16 bytes when read.
void AppendDecimalBytes(Int128 unscaled, Bytes& out);
std::optional<Int128> ParseDecimalBytes(ByteView bytes);
// The unscaled value as int64; nothing if it does not fit.
std::optional<int64_t> CompactUnscaled(const DecimalValue& decimal);

// An integer-like value within the range of its type; nullptr problem text otherwise.
// Covers TINYINT..BIGINT, DATE and TIME.
bool IntegerFor(const DataType& type, const Value& value, EncodeContext& context, int64_t& out);
// The bytes of CHAR, STRING, BINARY, BYTES.
bool BytesFor(const Value& value, EncodeContext& context, ByteView& out);

// A value of a fixed-width type, `width_bytes` little-endian bytes at p: BOOLEAN to DOUBLE, DATE,
// TIME, compact DECIMAL and TIMESTAMP(_LTZ).
Value LoadFixed(const DataType& type, const uint8_t* p);
bool StoreFixed(const DataType& type, const Value& value, EncodeContext& context, uint8_t* p);
// 1, 2, 4 or 8 for those types; 0 for all others.
size_t FixedWidth(const DataType& type);

// Whether an IndexedRow keeps the length of such a field (spec 03, 4), how many fields of a row
// have one, and how many bytes a field without one takes.
bool IsIndexedVariable(const DataType& type);
size_t CountIndexedVariable(RowType types);
size_t IndexedFixedBytes(const DataType& type);

// ARRAY, MAP and ROW inside a row of the given layout (spec 03, 6).
bool DecodeNested(RowFormat format, ByteView bytes, const DataType& type, DecodeContext& context,
                  Value& out);
bool AppendNested(RowFormat format, const DataType& type, const Value& value,
                  EncodeContext& context, Bytes& out);

// One row at any depth, in the layout named or in a fixed one. Only its first `wanted` fields.
bool DecodeRowAt(RowFormat format, ByteView row, RowType types, DecodeContext& context, Row& out,
                 size_t wanted = kAllFields);
bool AppendRowAt(RowFormat format, RowType types, std::span<const Value> values,
                 EncodeContext& context, Bytes& out);
bool DecodeCompacted(ByteView row, RowType types, DecodeContext& context, Row& out,
                     size_t wanted = kAllFields);
bool DecodeIndexed(ByteView row, RowType types, DecodeContext& context, Row& out,
                   size_t wanted = kAllFields);
bool DecodeAligned(ByteView row, RowType types, DecodeContext& context, Row& out,
                   size_t wanted = kAllFields);
bool AppendCompacted(RowType types, std::span<const Value> values, EncodeContext& context,
                     Bytes& out);
bool AppendIndexed(RowType types, std::span<const Value> values, EncodeContext& context,
                   Bytes& out);
bool AppendAligned(RowType types, std::span<const Value> values, EncodeContext& context,
                   Bytes& out);

}  // namespace strom::format
