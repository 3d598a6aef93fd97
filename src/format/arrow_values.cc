#include "format/arrow_values.h"

#include <bit>

#include "base/bytes.h"

namespace strom::format {
namespace {

// Units per second of TIME and TIMESTAMP of a precision (spec 02, 3.2).
int64_t UnitsPerSecond(int32_t precision) {
  if (precision == 0) return 1;
  if (precision <= 3) return 1'000;
  return precision <= 6 ? 1'000'000 : 1'000'000'000;
}

// What no clock shows may overflow, but not undefinedly.
int64_t WrappingProduct(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

Value TimestampOf(int64_t units, int32_t precision) {
  const int64_t per_second = UnitsPerSecond(precision);
  if (per_second <= 1'000) {
    return Value::TimestampOf(WrappingProduct(units, 1'000 / per_second), 0);
  }
  const int64_t per_ms = per_second / 1'000;
  int64_t ms = units / per_ms;
  int64_t rest = units % per_ms;
  if (rest < 0) {
    --ms;
    rest += per_ms;
  }
  return Value::TimestampOf(ms, static_cast<int32_t>(rest * (1'000'000 / per_ms)));
}

}  // namespace

size_t ArrowWidth(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kTinyInt:
      return 1;
    case TypeRoot::kSmallInt:
      return 2;
    case TypeRoot::kInteger:
    case TypeRoot::kFloat:
    case TypeRoot::kDate:
      return 4;
    case TypeRoot::kTime:
      return type.precision <= 3 ? 4 : 8;
    case TypeRoot::kDecimal:
      return 16;
    case TypeRoot::kBinary:
      return static_cast<size_t>(type.length);
    default:
      return 8;
  }
}

Value ArrowValue(const DataType& type, const uint8_t* p) {
  switch (type.root) {
    case TypeRoot::kTinyInt:
      return Value::Int(static_cast<int8_t>(*p));
    case TypeRoot::kSmallInt:
      return Value::Int(LoadLittle<int16_t>(p));
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
      return Value::Int(LoadLittle<int32_t>(p));
    case TypeRoot::kFloat:
      return Value::Float(std::bit_cast<float>(LoadLittle<uint32_t>(p)));
    case TypeRoot::kDouble:
      return Value::Double(std::bit_cast<double>(LoadLittle<uint64_t>(p)));
    case TypeRoot::kBinary:
      return Value::Text(AsText(ByteView(p, static_cast<size_t>(type.length))));
    case TypeRoot::kDecimal: {
      const auto high = static_cast<Int128>(LoadLittle<int64_t>(p + 8));
      return Value::Decimal(high * (static_cast<Int128>(1) << 64) +
                            static_cast<Int128>(LoadLittle<uint64_t>(p)));
    }
    case TypeRoot::kTime: {
      const int64_t units = type.precision <= 3 ? LoadLittle<int32_t>(p) : LoadLittle<int64_t>(p);
      const int64_t per_second = UnitsPerSecond(type.precision);
      return Value::Int(per_second <= 1'000 ? WrappingProduct(units, 1'000 / per_second)
                                            : units / (per_second / 1'000));
    }
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return TimestampOf(LoadLittle<int64_t>(p), type.precision);
    default:
      return Value::Int(LoadLittle<int64_t>(p));
  }
}

const char* StoreArrowTimestamp(const DataType& type, const TimestampValue& value, uint8_t* p) {
  const int64_t per_second = UnitsPerSecond(type.precision);
  if (per_second == 1) {
    StoreLittle(p, value.ms / 1'000 - (value.ms % 1'000 < 0 ? 1 : 0));
    return nullptr;
  }
  const int64_t per_ms = per_second / 1'000;
  int64_t units = 0;
  if (__builtin_mul_overflow(value.ms, per_ms, &units) ||
      __builtin_add_overflow(units, value.nano_of_ms / (1'000'000 / per_ms), &units)) {
    return "the timestamp is too far from 1970 for its precision";
  }
  StoreLittle(p, units);
  return nullptr;
}

const char* StoreArrowBinary(const DataType& type, ByteView value, uint8_t* p) {
  const auto width = static_cast<size_t>(type.length);
  if (value.size() > width) return "the binary value is longer than its type";
  if (!value.empty()) std::memcpy(p, value.data(), value.size());
  std::memset(p + value.size(), 0, width - value.size());
  return nullptr;
}

namespace {

constexpr const char* kWrongKind = "a value is of another kind than its type";

const char* StoreInteger(const DataType& type, int64_t number, uint8_t* p) {
  switch (type.root) {
    case TypeRoot::kTinyInt:
      StoreLittle(p, static_cast<int8_t>(number));
      return nullptr;
    case TypeRoot::kSmallInt:
      StoreLittle(p, static_cast<int16_t>(number));
      return nullptr;
    case TypeRoot::kTime: {
      const int64_t per_second = UnitsPerSecond(type.precision);
      if (type.precision <= 3) {
        StoreLittle(p, static_cast<int32_t>(number / (1'000 / per_second)));
      } else {
        StoreLittle(p, WrappingProduct(number, per_second / 1'000));
      }
      return nullptr;
    }
    case TypeRoot::kBigInt:
      StoreLittle(p, number);
      return nullptr;
    default:
      StoreLittle(p, static_cast<int32_t>(number));
      return nullptr;
  }
}

}  // namespace

const char* StoreArrowValue(const DataType& type, const Value& value, uint8_t* p) {
  if (const auto* number = value.As<int64_t>()) return StoreInteger(type, *number, p);
  if (const auto* number = value.As<float>()) {
    StoreLittle(p, std::bit_cast<uint32_t>(*number));
    return nullptr;
  }
  if (const auto* number = value.As<double>()) {
    StoreLittle(p, std::bit_cast<uint64_t>(*number));
    return nullptr;
  }
  if (const auto* decimal = value.As<DecimalValue>()) {
    StoreLittle(p, static_cast<uint64_t>(decimal->unscaled));
    StoreLittle(p + 8, static_cast<int64_t>(decimal->unscaled >> 64));
    return nullptr;
  }
  if (const auto* timestamp = value.As<TimestampValue>()) {
    return StoreArrowTimestamp(type, *timestamp, p);
  }
  if (const auto* text = value.As<std::string>()) return StoreArrowBinary(type, AsBytes(*text), p);
  return kWrongKind;
}

}  // namespace strom::format
