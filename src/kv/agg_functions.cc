#include "kv/agg_functions.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "kv/decimal_math.h"
#include "kv/roaring32.h"
#include "kv/roaring64.h"

namespace strom::kv {
namespace {

using format::DataType;
using format::DecimalValue;
using format::TimestampValue;
using format::TypeRoot;
using format::Value;

struct NamedKind {
  std::string_view name;
  AggKind kind;
};
constexpr NamedKind kNames[] = {
    {"sum", AggKind::kSum},
    {"product", AggKind::kProduct},
    {"max", AggKind::kMax},
    {"min", AggKind::kMin},
    {"last_value", AggKind::kLastValue},
    {"last_value_ignore_nulls", AggKind::kLastNonNull},
    {"first_value", AggKind::kFirstNonNull},
    {"first_value_ignore_nulls", AggKind::kFirstNonNull},
    {"listagg", AggKind::kConcat},
    {"string_agg", AggKind::kConcat},
    {"bool_and", AggKind::kAnd},
    {"bool_or", AggKind::kOr},
    {"rbm32", AggKind::kBitmap32},
    {"rbm64", AggKind::kBitmap64},
};

// Creating a table refuses functions on other types, so this needs damaged metadata.
Status WrongType(const AggColumn& column) {
  return Fail(ErrorCode::kUnknownServerError,
              "The aggregation function of column '{}' does not take values of type {}.",
              column.name, ToSummaryString(column.type));
}

// Two's complement in the width of the type: computed in 64 unsigned bits, which cannot overflow,
// then cut.
int64_t Wrap(TypeRoot root, uint64_t bits) {
  switch (root) {
    case TypeRoot::kTinyInt:
      return static_cast<int8_t>(bits);
    case TypeRoot::kSmallInt:
      return static_cast<int16_t>(bits);
    case TypeRoot::kInteger:
      return static_cast<int32_t>(bits);
    default:
      return static_cast<int64_t>(bits);
  }
}

Status Calculate(const AggColumn& column, DecimalValue& stored, const DecimalValue& incoming,
                 Value& out) {
  const DataType& type = column.type;
  std::optional<Int128> result;
  if (column.kind == AggKind::kProduct) {
    result = MultiplyDecimals(stored.unscaled, incoming.unscaled, type.precision, type.scale);
  } else {
    result = AddDecimals(stored.unscaled, incoming.unscaled);
    if (result && !FitsPrecision(*result, type.precision)) result.reset();
    constexpr int32_t kMaxCompactPrecision = 18;
    if (!result && type.precision <= kMaxCompactPrecision) {
      return Fail(ErrorCode::kUnknownServerError, "The sum of column '{}' is out of range for {}.",
                  column.name, ToSummaryString(type));
    }
  }
  if (result) {
    stored.unscaled = *result;
  } else {
    out = Value::Null();
  }
  return {};
}

Status Calculate(const AggColumn& column, Value& stored, const Value& incoming) {
  const bool product = column.kind == AggKind::kProduct;
  if (auto* a = std::get_if<int64_t>(&stored.data)) {
    const auto* b = incoming.As<int64_t>();
    if (b == nullptr) return WrongType(column);
    const auto left = static_cast<uint64_t>(*a);
    const auto right = static_cast<uint64_t>(*b);
    *a = Wrap(column.type.root, product ? left * right : left + right);
    return {};
  }
  if (auto* a = std::get_if<double>(&stored.data)) {
    const auto* b = incoming.As<double>();
    if (b == nullptr) return WrongType(column);
    *a = product ? *a * *b : *a + *b;
    return {};
  }
  if (auto* a = std::get_if<float>(&stored.data)) {
    const auto* b = incoming.As<float>();
    if (b == nullptr) return WrongType(column);
    *a = product ? *a * *b : *a + *b;
    return {};
  }
  auto* a = std::get_if<DecimalValue>(&stored.data);
  const auto* b = incoming.As<DecimalValue>();
  if (a == nullptr || b == nullptr) return WrongType(column);
  return Calculate(column, *a, *b, stored);
}

// -0.0 < 0.0, and a NaN is greater than all else.
template <class T>
bool IsLessFloat(T a, T b) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a);
  if (a == b) return std::signbit(a) && !std::signbit(b);
  return a < b;
}

// Both are of the same kind.
struct IsLess {
  bool operator()(int64_t a, int64_t b) const { return a < b; }
  bool operator()(float a, float b) const { return IsLessFloat(a, b); }
  bool operator()(double a, double b) const { return IsLessFloat(a, b); }
  // As unsigned bytes.
  bool operator()(const std::string& a, const std::string& b) const { return a < b; }
  bool operator()(const DecimalValue& a, const DecimalValue& b) const {
    return a.unscaled < b.unscaled;
  }
  bool operator()(const TimestampValue& a, const TimestampValue& b) const { return a < b; }
  template <class Other>
  bool operator()(const Other& /*a*/, const Other& /*b*/) const {
    return false;
  }
};

bool IsLessValue(const Value& a, const Value& b) {
  return std::visit([&]<class T>(const T& value) { return IsLess()(value, std::get<T>(b.data)); },
                    a.data);
}

Status Choose(const AggColumn& column, Value& stored, Value& incoming) {
  if (stored.data.index() != incoming.data.index()) return WrongType(column);
  const bool replace =
      column.kind == AggKind::kMax ? IsLessValue(stored, incoming) : IsLessValue(incoming, stored);
  if (replace) std::swap(stored, incoming);
  return {};
}

Status Concatenate(const AggColumn& column, Value& stored, const Value& incoming) {
  auto* list = std::get_if<std::string>(&stored.data);
  const auto* item = incoming.As<std::string>();
  if (list == nullptr || item == nullptr || column.type.root != TypeRoot::kString) {
    return Fail(ErrorCode::kUnknownServerError,
                "Data type for listagg column '{}' must be 'STRING' but was '{}'.", column.name,
                ToSummaryString(column.type));
  }
  list->append(column.delimiter);
  list->append(*item);
  return {};
}

Status Combine(const AggColumn& column, Value& stored, const Value& incoming) {
  auto* flag = std::get_if<bool>(&stored.data);
  const auto* other = incoming.As<bool>();
  if (flag == nullptr || other == nullptr) return WrongType(column);
  *flag = column.kind == AggKind::kAnd ? *flag && *other : *flag || *other;
  return {};
}

Status Unite(const AggColumn& column, Value& stored, const Value& incoming) {
  auto* set = std::get_if<std::string>(&stored.data);
  const auto* other = incoming.As<std::string>();
  if (set == nullptr || other == nullptr) return WrongType(column);
  const bool wide = column.kind == AggKind::kBitmap64;
  auto united = wide ? UniteRoaring64(AsBytes(*set), AsBytes(*other))
                     : UniteRoaring32(AsBytes(*set), AsBytes(*other));
  if (!united) {
    return Fail(united.error().code, "Column '{}' ({}): {}", column.name, wide ? "rbm64" : "rbm32",
                united.error().message);
  }
  set->assign(AsText(*united));
  return {};
}

}  // namespace

Result<AggColumn> MakeAggColumn(const format::Column& column, bool is_key) {
  AggColumn made{.type = column.type, .name = column.name, .delimiter = ","};
  if (is_key) {
    made.kind = AggKind::kLastValue;
  } else if (column.agg_function) {
    const auto* found = std::ranges::find(kNames, column.agg_function->type, &NamedKind::name);
    if (found == std::end(kNames)) {
      return Fail(ErrorCode::kInvalidTable, "Column '{}' has no known aggregation function: '{}'.",
                  column.name, column.agg_function->type);
    }
    made.kind = found->kind;
    for (const auto& [key, value] : column.agg_function->parameters) {
      if (key == "delimiter") made.delimiter = value;
    }
  }
  return made;
}

Status Aggregate(const AggColumn& column, Value& stored, Value& incoming) {
  if (column.kind == AggKind::kLastValue) {
    std::swap(stored, incoming);
    return {};
  }
  // For all others a null leaves the other side as it is.
  if (incoming.is_null()) return {};
  if (stored.is_null()) {
    std::swap(stored, incoming);
    return {};
  }
  switch (column.kind) {
    case AggKind::kSum:
    case AggKind::kProduct:
      return Calculate(column, stored, incoming);
    case AggKind::kMax:
    case AggKind::kMin:
      return Choose(column, stored, incoming);
    case AggKind::kConcat:
      return Concatenate(column, stored, incoming);
    case AggKind::kAnd:
    case AggKind::kOr:
      return Combine(column, stored, incoming);
    case AggKind::kBitmap32:
    case AggKind::kBitmap64:
      return Unite(column, stored, incoming);
    case AggKind::kFirstNonNull:
      return {};
    case AggKind::kLastValue:
    case AggKind::kLastNonNull:
      std::swap(stored, incoming);
      return {};
  }
  return WrongType(column);
}

}  // namespace strom::kv
