#include "format/iceberg_key.h"

#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr int64_t kMicrosPerMs = 1000;
constexpr int32_t kNanosPerMicro = 1000;

// As Java multiplies: far-off times wrap around.
int64_t ToMicros(int64_t ms) {
  return static_cast<int64_t>(static_cast<uint64_t>(ms) * uint64_t{kMicrosPerMs});
}

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

Value TimestampOfMicros(int64_t micros) {
  auto below_ms = static_cast<int32_t>(micros % kMicrosPerMs);
  if (below_ms < 0) below_ms += int32_t{kMicrosPerMs};
  return Value::TimestampOf(FloorDiv(micros, kMicrosPerMs), below_ms * kNanosPerMicro);
}

std::unexpected<Error> CannotEncode(const char* problem) {
  return Fail(ErrorCode::kUnknownServerError, "Cannot encode an Iceberg key: {}.", problem);
}
std::unexpected<Error> CannotDecode(const char* problem) {
  return Fail(ErrorCode::kCorruptRecord, "Cannot decode an Iceberg key: {}.", problem);
}

bool AppendNumber(const DataType& type, const Value& value, EncodeContext& context, Bytes& out) {
  int64_t number = 0;
  if (!IntegerFor(type, value, context, number)) return false;
  AppendLittle(out, type.root == TypeRoot::kTime ? ToMicros(number) : number);
  return true;
}

bool AppendColumn(const DataType& type, const Value& value, EncodeContext& context, Bytes& out) {
  switch (type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kBigInt:
      return AppendNumber(type, value, context, out);
    case TypeRoot::kTimestamp: {
      const auto* timestamp = value.As<TimestampValue>();
      if (timestamp == nullptr) return context.Fail("the value is no timestamp");
      const auto below_ms = static_cast<uint64_t>(timestamp->nano_of_ms / kNanosPerMicro);
      AppendLittle(out, static_cast<uint64_t>(ToMicros(timestamp->ms)) + below_ms);
      return true;
    }
    case TypeRoot::kDecimal: {
      const auto* decimal = value.As<DecimalValue>();
      if (decimal == nullptr) return context.Fail("the value is no decimal");
      AppendDecimalBytes(decimal->unscaled, out);
      return true;
    }
    case TypeRoot::kFloat:
    case TypeRoot::kDouble: {
      uint8_t bytes[8];
      if (!StoreFixed(type, value, context, bytes)) return false;
      Append(out, ByteView(bytes, FixedWidth(type)));
      return true;
    }
    default: {
      ByteView bytes;
      if (!BytesFor(value, context, bytes)) return false;
      Append(out, bytes);
      return true;
    }
  }
}

}  // namespace

bool SuitsIcebergKey(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kBoolean:
    case TypeRoot::kTinyInt:
    case TypeRoot::kSmallInt:
    case TypeRoot::kTimestampLtz:
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return false;
    default:
      return true;
  }
}

Status AppendIcebergKey(const DataType& type, const Value& value, Bytes& out) {
  if (!SuitsIcebergKey(type)) return CannotEncode("its type has no such key");
  EncodeContext context;
  if (!AppendColumn(type, value, context, out)) return CannotEncode(context.problem);
  return {};
}

Result<Value> DecodeIcebergKey(ByteView key, const DataType& type) {
  switch (type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp: {
      if (key.size() != sizeof(int64_t)) return CannotDecode("it has not 8 bytes");
      const auto number = LoadLittle<int64_t>(key.data());
      if (type.root == TypeRoot::kTime) return Value::Int(FloorDiv(number, kMicrosPerMs));
      return type.root == TypeRoot::kTimestamp ? TimestampOfMicros(number) : Value::Int(number);
    }
    case TypeRoot::kDecimal: {
      const auto unscaled = ParseDecimalBytes(key);
      if (!unscaled) return CannotDecode("the decimal has no 1 to 16 bytes");
      return Value::Decimal(*unscaled);
    }
    case TypeRoot::kFloat:
    case TypeRoot::kDouble:
      if (key.size() != FixedWidth(type)) return CannotDecode("it has not the width of its type");
      return LoadFixed(type, key.data());
    default:
      if (!SuitsIcebergKey(type)) return CannotDecode("its type has no such key");
      return Value::Text(AsText(key));
  }
}

}  // namespace strom::format
