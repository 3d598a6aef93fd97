// A decoded value of a column, for dumps, predicates, merge engines and tests. The type is not part
// of it: every function that needs it takes the DataType beside the value. A Value owns its bytes,
// so it outlives the row it came from. Hot paths (append, fetch) never build one.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "format/data_type.h"

namespace strom::format {

using Int128 = __int128;

// The unscaled integer of a DECIMAL; precision and scale are the type's.
struct DecimalValue {
  Int128 unscaled = 0;
  friend bool operator==(const DecimalValue&, const DecimalValue&) = default;
};

// TIMESTAMP and TIMESTAMP_LTZ: floor-divided milliseconds, nano_of_ms 0..999999 (spec 03, 1.1).
struct TimestampValue {
  int64_t ms = 0;
  int32_t nano_of_ms = 0;
  friend auto operator<=>(const TimestampValue&, const TimestampValue&) = default;
};

struct Value;
using ValueList = std::vector<Value>;

// keys[i] belongs to values[i]; order and duplicates are the writer's.
struct MapValue {
  ValueList keys;
  ValueList values;
};

// What a type root holds:
//   BOOLEAN bool; TINYINT..BIGINT, DATE (days), TIME (ms of day) int64_t; FLOAT float; DOUBLE
//   double; CHAR, STRING, BINARY, BYTES std::string (raw bytes); DECIMAL DecimalValue; TIMESTAMP
//   and TIMESTAMP_LTZ TimestampValue; ARRAY and ROW ValueList; MAP MapValue; null std::monostate.
struct Value {
  std::variant<std::monostate, bool, int64_t, float, double, std::string, DecimalValue,
               TimestampValue, ValueList, MapValue>
      data;

  static Value Null() { return {}; }
  static Value Bool(bool v) { return {v}; }
  static Value Int(int64_t v) { return {v}; }
  static Value Float(float v) { return {v}; }
  static Value Double(double v) { return {v}; }
  static Value Text(std::string_view v) { return {std::string(v)}; }
  static Value Decimal(Int128 unscaled) { return {DecimalValue{unscaled}}; }
  static Value TimestampOf(int64_t ms, int32_t nano_of_ms) {
    return {TimestampValue{ms, nano_of_ms}};
  }
  static Value List(ValueList items) { return {std::move(items)}; }
  static Value Map(MapValue entries) { return {std::move(entries)}; }

  bool is_null() const { return data.index() == 0; }
  // The content if it is of this kind, else nullptr.
  template <class T>
  const T* As() const {
    return std::get_if<T>(&data);
  }

  // Same kind and same content; FLOAT and DOUBLE by their bits (NaN equals itself, 0.0 != -0.0).
  friend bool operator==(const Value& a, const Value& b);
};

// The order of scalar values used by statistics (spec 02, 4.4): numbers, decimals and timestamps by
// value, strings bytewise, false < true; 0.0 and -0.0 are equal. Unordered when a NaN, a null, a
// nested value or two different kinds meet.
std::partial_ordering CompareScalars(const Value& a, const Value& b);

// Decimal text with the scale's digits ("-0.05"), and back; nothing if the text is no such number,
// has more fraction digits than the scale, or leaves 128 bits.
std::string DecimalText(Int128 unscaled, int32_t scale);
std::optional<Int128> ParseDecimalText(std::string_view text, int32_t scale);

// The JSON form of dumps: null, true, numbers (DATE days, TIME ms of day), "NaN", "Infinity",
// "-Infinity" and "-0.0" as strings, strings as text, BINARY and BYTES as hex, DECIMAL as text,
// timestamps {"ms", "nano_of_ms"}, ARRAY and ROW as lists, MAP as a list of [key, value].
// A value of another kind than its type says becomes the string "?".
nlohmann::ordered_json ToJson(const Value& value, const DataType& type);
// The same as one line; bytes that are no UTF-8 become U+FFFD.
std::string ToText(const Value& value, const DataType& type);

}  // namespace strom::format
