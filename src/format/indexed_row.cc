#include "format/indexed_row.h"

#include <algorithm>

#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr const char* kCutOff = "the row ends inside the field";

bool DecodeVariable(ByteView bytes, const DataType& type, DecodeContext& context, Value& out) {
  switch (type.root) {
    case TypeRoot::kString:
    case TypeRoot::kBytes:
      out = Value::Text(AsText(bytes));
      return true;
    case TypeRoot::kDecimal: {
      const auto unscaled = ParseDecimalBytes(bytes);
      if (!unscaled) return context.Fail("the decimal has no 1 to 16 bytes");
      out = Value::Decimal(*unscaled);
      return true;
    }
    default:
      return DecodeNested(RowFormat::kIndexed, bytes, type, context, out);
  }
}

bool DecodeFixed(ByteReader& values, const DataType& type, DecodeContext& context, Value& out) {
  switch (type.root) {
    case TypeRoot::kChar:
    case TypeRoot::kBinary: {
      const auto bytes = values.Take(static_cast<uint64_t>(type.length));
      if (!bytes) return context.Fail(kCutOff);
      std::string_view text = AsText(*bytes);
      out = Value::Text(text.substr(0, text.find_last_not_of('\0') + 1));
      return true;
    }
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: {
      if (IsCompactTimestamp(type)) break;
      const auto ms = values.Little<int64_t>();
      const auto nanos = values.Little<int32_t>();
      if (!ms || !nanos) return context.Fail(kCutOff);
      out = Value::TimestampOf(*ms, *nanos);
      return true;
    }
    default:
      break;
  }
  const auto bytes = values.Take(FixedWidth(type));
  if (!bytes) return context.Fail(kCutOff);
  out = LoadFixed(type, bytes->data());
  return true;
}

bool AppendVariable(const DataType& type, const Value& value, EncodeContext& context, Bytes& out) {
  switch (type.root) {
    case TypeRoot::kString:
    case TypeRoot::kBytes: {
      ByteView bytes;
      if (!BytesFor(value, context, bytes)) return false;
      Append(out, bytes);
      return true;
    }
    case TypeRoot::kDecimal: {
      const auto* decimal = value.As<DecimalValue>();
      if (decimal == nullptr) return context.Fail("the value is no decimal");
      AppendDecimalBytes(decimal->unscaled, out);
      return true;
    }
    default:
      return AppendNested(RowFormat::kIndexed, type, value, context, out);
  }
}

bool AppendFixed(const DataType& type, const Value& value, EncodeContext& context, Bytes& out) {
  switch (type.root) {
    case TypeRoot::kChar:
    case TypeRoot::kBinary: {
      ByteView bytes;
      if (!BytesFor(value, context, bytes)) return false;
      const auto width = static_cast<size_t>(type.length);
      if (bytes.size() > width) return context.Fail("the string is longer than its type");
      Append(out, bytes);
      out.resize(out.size() + width - bytes.size(), 0);
      return true;
    }
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: {
      if (IsCompactTimestamp(type)) break;
      const auto* timestamp = value.As<TimestampValue>();
      if (timestamp == nullptr) return context.Fail("the value is no timestamp");
      AppendLittle(out, timestamp->ms);
      AppendLittle(out, timestamp->nano_of_ms);
      return true;
    }
    default:
      break;
  }
  uint8_t bytes[8];
  if (!StoreFixed(type, value, context, bytes)) return false;
  Append(out, ByteView(bytes, FixedWidth(type)));
  return true;
}

}  // namespace

bool IsIndexedVariable(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kString:
    case TypeRoot::kBytes:
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return true;
    case TypeRoot::kDecimal:
      return !IsCompactDecimal(type);
    default:
      return false;
  }
}

size_t CountIndexedVariable(RowType types) {
  size_t count = 0;
  for (const DataType& type : types)
    count += IsIndexedVariable(type) ? 1 : 0;
  return count;
}

size_t IndexedFixedBytes(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kChar:
    case TypeRoot::kBinary:
      return static_cast<size_t>(type.length);
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return IsCompactTimestamp(type) ? FixedWidth(type) : sizeof(int64_t) + sizeof(int32_t);
    default:
      return FixedWidth(type);
  }
}

bool DecodeIndexed(ByteView row, RowType types, DecodeContext& context, Row& out, size_t wanted) {
  if (!context.Take(types.size())) return false;
  ByteReader values(row);
  const auto nulls = values.Take((types.size() + 7) / 8);
  const auto length_area = values.Take(CountIndexedVariable(types) * sizeof(int32_t));
  if (!nulls || !length_area) return context.Fail("the row is shorter than its fixed part");
  ByteReader lengths(*length_area);
  out.clear();
  out.resize(std::min(wanted, types.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    if (BitAt(*nulls, i)) continue;
    if (!IsIndexedVariable(types[i])) {
      if (!DecodeFixed(values, types[i], context, out[i])) return false;
      continue;
    }
    const auto length = lengths.Little<int32_t>();
    if (!length || *length < 0) return context.Fail("a length is negative");
    const auto bytes = values.Take(static_cast<uint64_t>(*length));
    if (!bytes) return context.Fail(kCutOff);
    if (!DecodeVariable(*bytes, types[i], context, out[i])) return false;
  }
  return true;
}

bool AppendIndexed(RowType types, std::span<const Value> values, EncodeContext& context,
                   Bytes& out) {
  if (values.size() != types.size()) return context.Fail("the row has another number of fields");
  const size_t start = out.size();
  size_t next_length = start + (types.size() + 7) / 8;
  out.resize(next_length + CountIndexedVariable(types) * sizeof(int32_t), 0);
  for (size_t i = 0; i < types.size(); ++i) {
    if (values[i].is_null()) {
      if (!types[i].nullable) return context.Fail("a NOT NULL field is null");
      SetBit(out, start, i);
      continue;
    }
    if (!IsIndexedVariable(types[i])) {
      if (!AppendFixed(types[i], values[i], context, out)) return false;
      continue;
    }
    const size_t value_start = out.size();
    if (!AppendVariable(types[i], values[i], context, out)) return false;
    StoreLittle(out.data() + next_length, static_cast<int32_t>(out.size() - value_start));
    next_length += sizeof(int32_t);
  }
  return true;
}

Result<Row> DecodeIndexedRow(ByteView row, RowType types) {
  return DecodeRow(RowFormat::kIndexed, row, types);
}

Status AppendIndexedRow(RowType types, std::span<const Value> values, Bytes& out) {
  return AppendRow(RowFormat::kIndexed, types, values, out);
}

}  // namespace strom::format
