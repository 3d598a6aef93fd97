#include "format/compacted_row.h"

#include <algorithm>

#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr const char* kCutOff = "the row ends inside the field";

bool TakeSized(ByteReader& in, DecodeContext& context, ByteView& out) {
  const auto size = ReadVarint32(in);
  if (!size) return context.Fail("the length is no varint");
  const auto bytes = in.Take(*size);
  if (!bytes) return context.Fail(kCutOff);
  out = *bytes;
  return true;
}

bool ReadTimestamp(ByteReader& in, const DataType& type, DecodeContext& context, Value& out) {
  const auto ms = ReadVarint64(in);
  if (!ms) return context.Fail("the milliseconds are no varint");
  uint32_t nanos = 0;
  if (!IsCompactTimestamp(type)) {
    const auto read = ReadVarint32(in);
    if (!read) return context.Fail("the nanoseconds are no varint");
    nanos = *read;
  }
  out = Value::TimestampOf(static_cast<int64_t>(*ms), static_cast<int32_t>(nanos));
  return true;
}

bool ReadDecimal(ByteReader& in, const DataType& type, DecodeContext& context, Value& out) {
  if (IsCompactDecimal(type)) {
    const auto unscaled = ReadVarint64(in);
    if (!unscaled) return context.Fail("the decimal is no varint");
    out = Value::Decimal(static_cast<int64_t>(*unscaled));
    return true;
  }
  ByteView bytes;
  if (!TakeSized(in, context, bytes)) return false;
  const auto unscaled = ParseDecimalBytes(bytes);
  if (!unscaled) return context.Fail("the decimal has no 1 to 16 bytes");
  out = Value::Decimal(*unscaled);
  return true;
}

bool ReadField(ByteReader& in, const DataType& type, DecodeContext& context, Value& out) {
  switch (type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime: {
      const auto number = ReadVarint32(in);
      if (!number) return context.Fail("the integer is no varint of 32 bits");
      out = Value::Int(static_cast<int32_t>(*number));
      return true;
    }
    case TypeRoot::kBigInt: {
      const auto number = ReadVarint64(in);
      if (!number) return context.Fail("the integer is no varint of 64 bits");
      out = Value::Int(static_cast<int64_t>(*number));
      return true;
    }
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBinary:
    case TypeRoot::kBytes: {
      ByteView bytes;
      if (!TakeSized(in, context, bytes)) return false;
      out = Value::Text(AsText(bytes));
      return true;
    }
    case TypeRoot::kDecimal:
      return ReadDecimal(in, type, context, out);
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return ReadTimestamp(in, type, context, out);
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow: {
      ByteView bytes;
      return TakeSized(in, context, bytes) &&
             DecodeNested(RowFormat::kCompacted, bytes, type, context, out);
    }
    default: {
      const auto bytes = in.Take(FixedWidth(type));
      if (!bytes) return context.Fail(kCutOff);
      out = LoadFixed(type, bytes->data());
      return true;
    }
  }
}

bool AppendSized(ByteView bytes, Bytes& out) {
  AppendVarint(out, static_cast<uint32_t>(bytes.size()));
  Append(out, bytes);
  return true;
}

bool AppendNestedField(const DataType& type, const Value& value, EncodeContext& context,
                       Bytes& out) {
  Bytes nested;
  return AppendNested(RowFormat::kCompacted, type, value, context, nested) &&
         AppendSized(nested, out);
}

bool AppendField(const DataType& type, const Value& value, EncodeContext& context, Bytes& out) {
  switch (type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kBigInt: {
      int64_t number = 0;
      if (!IntegerFor(type, value, context, number)) return false;
      if (type.root == TypeRoot::kBigInt) {
        AppendVarint(out, static_cast<uint64_t>(number));
      } else {
        AppendVarint(out, static_cast<uint32_t>(number));
      }
      return true;
    }
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBinary:
    case TypeRoot::kBytes: {
      ByteView bytes;
      return BytesFor(value, context, bytes) && AppendSized(bytes, out);
    }
    case TypeRoot::kDecimal: {
      const auto* decimal = value.As<DecimalValue>();
      if (decimal == nullptr) return context.Fail("the value is no decimal");
      if (IsCompactDecimal(type)) {
        const auto narrow = CompactUnscaled(*decimal);
        if (!narrow) return context.Fail("the decimal has more than 18 digits");
        AppendVarint(out, static_cast<uint64_t>(*narrow));
        return true;
      }
      Bytes bytes;
      AppendDecimalBytes(decimal->unscaled, bytes);
      return AppendSized(bytes, out);
    }
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: {
      const auto* timestamp = value.As<TimestampValue>();
      if (timestamp == nullptr) return context.Fail("the value is no timestamp");
      AppendVarint(out, static_cast<uint64_t>(timestamp->ms));
      if (!IsCompactTimestamp(type)) {
        AppendVarint(out, static_cast<uint32_t>(timestamp->nano_of_ms));
      }
      return true;
    }
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return AppendNestedField(type, value, context, out);
    default: {
      uint8_t bytes[8];
      if (!StoreFixed(type, value, context, bytes)) return false;
      Append(out, ByteView(bytes, FixedWidth(type)));
      return true;
    }
  }
}

}  // namespace

bool DecodeCompacted(ByteView row, RowType types, DecodeContext& context, Row& out, size_t wanted) {
  if (!context.Take(types.size())) return false;
  ByteReader in(row);
  const auto nulls = in.Take((types.size() + 7) / 8);
  if (!nulls) return context.Fail("the row is shorter than its null bitmap");
  out.clear();
  out.resize(std::min(wanted, types.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    if (types[i].nullable && BitAt(*nulls, i)) continue;
    if (!ReadField(in, types[i], context, out[i])) return false;
  }
  return true;
}

bool AppendCompacted(RowType types, std::span<const Value> values, EncodeContext& context,
                     Bytes& out) {
  if (values.size() != types.size()) return context.Fail("the row has another number of fields");
  const size_t start = out.size();
  out.resize(start + (types.size() + 7) / 8, 0);
  for (size_t i = 0; i < types.size(); ++i) {
    if (values[i].is_null()) {
      if (!types[i].nullable) return context.Fail("a NOT NULL field is null");
      SetBit(out, start, i);
    } else if (!AppendField(types[i], values[i], context, out)) {
      return false;
    }
  }
  return true;
}

Result<Row> DecodeCompactedRow(ByteView row, RowType types) {
  return DecodeRow(RowFormat::kCompacted, row, types);
}

Status AppendCompactedRow(RowType types, std::span<const Value> values, Bytes& out) {
  return AppendRow(RowFormat::kCompacted, types, values, out);
}

Result<Value> ReadCompactedField(ByteReader& in, const DataType& type) {
  DecodeContext context;
  Value value;
  if (!ReadField(in, type, context, value)) {
    return Fail(ErrorCode::kCorruptRecord, "Cannot read a compacted field: {}.", context.problem);
  }
  return value;
}

Status AppendCompactedField(const DataType& type, const Value& value, Bytes& out) {
  EncodeContext context;
  const size_t start = out.size();
  if (!AppendField(type, value, context, out)) {
    out.resize(start);
    return Fail(ErrorCode::kUnknownServerError, "Cannot write a compacted field: {}.",
                context.problem);
  }
  return {};
}

}  // namespace strom::format
