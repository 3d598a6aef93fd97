#include "format/row_parts.h"

#include <bit>
#include <limits>

namespace strom::format {
namespace {

template <class T>
std::optional<T> ReadStrictVarint(ByteReader& in) {
  constexpr int kBits = static_cast<int>(sizeof(T) * 8);
  T value = 0;
  for (int shift = 0; shift < kBits; shift += 7) {
    const auto byte = in.Little<uint8_t>();
    if (!byte) return std::nullopt;
    const uint8_t group = *byte & 0x7f;
    if (shift + 7 > kBits && (group >> (kBits - shift)) != 0) return std::nullopt;
    value |= static_cast<T>(static_cast<T>(group) << shift);
    if ((*byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

template <class T>
bool InRange(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

bool InRangeOf(TypeRoot root, int64_t value) {
  switch (root) {
    case TypeRoot::kTinyInt:
      return InRange<int8_t>(value);
    case TypeRoot::kSmallInt:
      return InRange<int16_t>(value);
    case TypeRoot::kBigInt:
      return true;
    default:
      return InRange<int32_t>(value);
  }
}

}  // namespace

std::optional<uint32_t> ReadVarint32(ByteReader& in) {
  return ReadStrictVarint<uint32_t>(in);
}
std::optional<uint64_t> ReadVarint64(ByteReader& in) {
  return ReadStrictVarint<uint64_t>(in);
}

void AppendDecimalBytes(Int128 unscaled, Bytes& out) {
  uint8_t bytes[16];
  for (int i = 15; i >= 0; --i) {
    bytes[i] = static_cast<uint8_t>(unscaled);
    unscaled >>= 8;
  }
  // A leading byte is redundant while the next one carries the same sign.
  size_t first = 0;
  while (first < 15 && ((bytes[first] == 0 && bytes[first + 1] < 0x80) ||
                        (bytes[first] == 0xff && bytes[first + 1] >= 0x80))) {
    ++first;
  }
  Append(out, ByteView(bytes + first, 16 - first));
}

std::optional<Int128> ParseDecimalBytes(ByteView bytes) {
  if (bytes.empty() || bytes.size() > 16) return std::nullopt;
  auto value = static_cast<unsigned __int128>(bytes[0] >= 0x80 ? -1 : 0);
  for (uint8_t byte : bytes)
    value = value << 8 | byte;
  return static_cast<Int128>(value);
}

std::optional<int64_t> CompactUnscaled(const DecimalValue& decimal) {
  const auto narrow = static_cast<int64_t>(decimal.unscaled);
  if (static_cast<Int128>(narrow) != decimal.unscaled) return std::nullopt;
  return narrow;
}

bool IntegerFor(const DataType& type, const Value& value, EncodeContext& context, int64_t& out) {
  const auto* number = value.As<int64_t>();
  if (number == nullptr) return context.Fail("the value is no integer");
  if (!InRangeOf(type.root, *number)) return context.Fail("the integer leaves its type's range");
  out = *number;
  return true;
}

bool BytesFor(const Value& value, EncodeContext& context, ByteView& out) {
  const auto* text = value.As<std::string>();
  if (text == nullptr) return context.Fail("the value is no string");
  if (text->size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return context.Fail("the string is longer than 2^31 - 1 bytes");
  }
  out = AsBytes(*text);
  return true;
}

size_t FixedWidth(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kBoolean:
    case TypeRoot::kTinyInt:
      return 1;
    case TypeRoot::kSmallInt:
      return 2;
    case TypeRoot::kInteger:
    case TypeRoot::kFloat:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
      return 4;
    case TypeRoot::kBigInt:
    case TypeRoot::kDouble:
      return 8;
    case TypeRoot::kDecimal:
      return IsCompactDecimal(type) ? 8 : 0;
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return IsCompactTimestamp(type) ? 8 : 0;
    default:
      return 0;
  }
}

Value LoadFixed(const DataType& type, const uint8_t* p) {
  switch (type.root) {
    case TypeRoot::kBoolean:
      return Value::Bool(*p != 0);
    case TypeRoot::kTinyInt:
      return Value::Int(LoadLittle<int8_t>(p));
    case TypeRoot::kSmallInt:
      return Value::Int(LoadLittle<int16_t>(p));
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
      return Value::Int(LoadLittle<int32_t>(p));
    case TypeRoot::kBigInt:
      return Value::Int(LoadLittle<int64_t>(p));
    case TypeRoot::kFloat:
      return Value::Float(std::bit_cast<float>(LoadLittle<uint32_t>(p)));
    case TypeRoot::kDouble:
      return Value::Double(std::bit_cast<double>(LoadLittle<uint64_t>(p)));
    case TypeRoot::kDecimal:
      return Value::Decimal(LoadLittle<int64_t>(p));
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return Value::TimestampOf(LoadLittle<int64_t>(p), 0);
    default:
      return Value::Null();
  }
}

bool StoreFixed(const DataType& type, const Value& value, EncodeContext& context, uint8_t* p) {
  switch (type.root) {
    case TypeRoot::kBoolean: {
      const auto* flag = value.As<bool>();
      if (flag == nullptr) return context.Fail("the value is no boolean");
      *p = *flag ? 1 : 0;
      return true;
    }
    case TypeRoot::kFloat: {
      const auto* number = value.As<float>();
      if (number == nullptr) return context.Fail("the value is no float");
      StoreLittle(p, std::bit_cast<uint32_t>(*number));
      return true;
    }
    case TypeRoot::kDouble: {
      const auto* number = value.As<double>();
      if (number == nullptr) return context.Fail("the value is no double");
      StoreLittle(p, std::bit_cast<uint64_t>(*number));
      return true;
    }
    case TypeRoot::kDecimal: {
      const auto* decimal = value.As<DecimalValue>();
      const auto narrow = decimal != nullptr ? CompactUnscaled(*decimal) : std::nullopt;
      if (!narrow) return context.Fail("the value is no decimal of at most 18 digits");
      StoreLittle(p, *narrow);
      return true;
    }
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz: {
      const auto* timestamp = value.As<TimestampValue>();
      if (timestamp == nullptr) return context.Fail("the value is no timestamp");
      StoreLittle(p, timestamp->ms);
      return true;
    }
    default:
      break;
  }
  int64_t number = 0;
  if (!IntegerFor(type, value, context, number)) return false;
  switch (FixedWidth(type)) {
    case 1:
      StoreLittle(p, static_cast<int8_t>(number));
      return true;
    case 2:
      StoreLittle(p, static_cast<int16_t>(number));
      return true;
    case 4:
      StoreLittle(p, static_cast<int32_t>(number));
      return true;
    case 8:
      StoreLittle(p, number);
      return true;
    default:
      return context.Fail("the type has no fixed width");
  }
}

}  // namespace strom::format
