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

}  // namespace strom::format
