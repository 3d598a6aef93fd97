#include "format/value.h"

#include <bit>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace strom::format {
namespace {

using Json = nlohmann::ordered_json;
using UInt128 = unsigned __int128;

bool SameContent(const Value& a, const Value& b);

bool SameList(const ValueList& a, const ValueList& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameContent(a[i], b[i])) return false;
  }
  return true;
}

bool SameContent(const Value& a, const Value& b) {
  if (a.data.index() != b.data.index()) return false;
  if (const auto* x = a.As<float>()) {
    return std::bit_cast<uint32_t>(*x) == std::bit_cast<uint32_t>(*b.As<float>());
  }
  if (const auto* x = a.As<double>()) {
    return std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(*b.As<double>());
  }
  if (const auto* x = a.As<ValueList>()) return SameList(*x, *b.As<ValueList>());
  if (const auto* x = a.As<MapValue>()) {
    const auto& y = *b.As<MapValue>();
    return SameList(x->keys, y.keys) && SameList(x->values, y.values);
  }
  if (const auto* x = a.As<bool>()) return *x == *b.As<bool>();
  if (const auto* x = a.As<int64_t>()) return *x == *b.As<int64_t>();
  if (const auto* x = a.As<std::string>()) return *x == *b.As<std::string>();
  if (const auto* x = a.As<DecimalValue>()) return *x == *b.As<DecimalValue>();
  if (const auto* x = a.As<TimestampValue>()) return *x == *b.As<TimestampValue>();
  return true;  // both null
}

template <class T>
std::partial_ordering Order(const T& a, const T& b) {
  if (a < b) return std::partial_ordering::less;
  if (b < a) return std::partial_ordering::greater;
  return std::partial_ordering::equivalent;
}

Json FloatJson(double value, double shortest) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0 && std::signbit(value)) return "-0.0";
  return shortest;
}

Json ListJson(const ValueList& items, const DataType& type, bool by_field) {
  Json out = Json::array();
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t child = by_field ? i : 0;
    if (child >= type.children.size()) return "?";
    out.push_back(ToJson(items[i], type.children[child]));
  }
  return out;
}

Json MapJson(const MapValue& map, const DataType& type) {
  if (type.children.size() != 2 || map.keys.size() != map.values.size()) return "?";
  Json out = Json::array();
  for (size_t i = 0; i < map.keys.size(); ++i) {
    out.push_back(Json::array(
        {ToJson(map.keys[i], type.children[0]), ToJson(map.values[i], type.children[1])}));
  }
  return out;
}

// The JSON of a value that is of the kind its type says, or "?" at once.
struct JsonOf {
  const Value& value;

  template <class T, class Make>
  Json operator()(std::in_place_type_t<T>, Make make) const {
    const T* content = value.As<T>();
    return content != nullptr ? Json(make(*content)) : Json("?");
  }
};

}  // namespace

bool operator==(const Value& a, const Value& b) {
  return SameContent(a, b);
}

std::partial_ordering CompareScalars(const Value& a, const Value& b) {
  if (a.data.index() != b.data.index()) return std::partial_ordering::unordered;
  if (const auto* x = a.As<bool>()) return Order(*x, *b.As<bool>());
  if (const auto* x = a.As<int64_t>()) return Order(*x, *b.As<int64_t>());
  if (const auto* x = a.As<float>()) return *x <=> *b.As<float>();
  if (const auto* x = a.As<double>()) return *x <=> *b.As<double>();
  if (const auto* x = a.As<std::string>()) return Order(x->compare(*b.As<std::string>()), 0);
  if (const auto* x = a.As<DecimalValue>()) {
    return Order(x->unscaled, b.As<DecimalValue>()->unscaled);
  }
  if (const auto* x = a.As<TimestampValue>()) return Order(*x, *b.As<TimestampValue>());
  return std::partial_ordering::unordered;
}

std::string DecimalText(Int128 unscaled, int32_t scale) {
  const bool negative = unscaled < 0;
  UInt128 rest = negative ? -static_cast<UInt128>(unscaled) : static_cast<UInt128>(unscaled);
  std::string reversed;
  do {
    reversed.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  const size_t fraction = scale > 0 ? static_cast<size_t>(scale) : 0;
  while (reversed.size() <= fraction)
    reversed.push_back('0');
  std::string out = negative ? "-" : "";
  for (size_t i = reversed.size(); i-- > 0;) {
    out.push_back(reversed[i]);
    if (i == fraction && fraction != 0) out.push_back('.');
  }
  return out;
}

std::optional<Int128> ParseDecimalText(std::string_view text, int32_t scale) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  constexpr UInt128 kLimit = static_cast<UInt128>(1) << 127;
  UInt128 value = 0;
  int32_t missing = scale;
  bool in_fraction = false;
  bool any_digit = false;
  auto add_digit = [&](int digit) {
    if (value > (kLimit - static_cast<UInt128>(digit)) / 10) return false;
    value = value * 10 + static_cast<UInt128>(digit);
    return true;
  };
  for (char c : text) {
    if (c == '.' && !in_fraction) {
      in_fraction = true;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    if (in_fraction && missing-- <= 0) return std::nullopt;
    if (!add_digit(c - '0')) return std::nullopt;
    any_digit = true;
  }
  if (!any_digit) return std::nullopt;
  for (; missing > 0; --missing) {
    if (!add_digit(0)) return std::nullopt;
  }
  if (!negative && value == kLimit) return std::nullopt;
  return static_cast<Int128>(negative ? -value : value);
}

Json ToJson(const Value& value, const DataType& type) {
  if (value.is_null()) return nullptr;
  const JsonOf json{value};
  switch (type.root) {
    case TypeRoot::kBoolean:
      return json(std::in_place_type<bool>, [](bool v) { return v; });
    case TypeRoot::kTinyInt:
    case TypeRoot::kSmallInt:
    case TypeRoot::kInteger:
    case TypeRoot::kBigInt:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
      return json(std::in_place_type<int64_t>, [](int64_t v) { return v; });
    case TypeRoot::kFloat:
      // The double nearest to the shortest text of the float: 0.1f prints as 0.1.
      return json(std::in_place_type<float>, [](float v) {
        return FloatJson(v, std::strtod(fmt::format("{}", v).c_str(), nullptr));
      });
    case TypeRoot::kDouble:
      return json(std::in_place_type<double>, [](double v) { return FloatJson(v, v); });
    case TypeRoot::kChar:
    case TypeRoot::kString:
      return json(std::in_place_type<std::string>, [](const std::string& v) { return v; });
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      return json(std::in_place_type<std::string>,
                  [](const std::string& v) { return ToHex(AsBytes(v)); });
    case TypeRoot::kDecimal:
      return json(std::in_place_type<DecimalValue>,
                  [&](DecimalValue v) { return DecimalText(v.unscaled, type.scale); });
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return json(std::in_place_type<TimestampValue>, [](TimestampValue v) {
        return Json{{"ms", v.ms}, {"nano_of_ms", v.nano_of_ms}};
      });
    case TypeRoot::kArray:
    case TypeRoot::kRow:
      return json(std::in_place_type<ValueList>, [&](const ValueList& v) {
        return ListJson(v, type, type.root == TypeRoot::kRow);
      });
    case TypeRoot::kMap:
      return json(std::in_place_type<MapValue>,
                  [&](const MapValue& v) { return MapJson(v, type); });
  }
  return "?";
}

std::string ToText(const Value& value, const DataType& type) {
  return ToJson(value, type).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace strom::format
