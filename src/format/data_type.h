// The data types of columns (spec 03, 1; spec 06, 4.1) and their JSON form.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace strom::format {

enum class TypeRoot : uint8_t {
  kBoolean,
  kTinyInt,
  kSmallInt,
  kInteger,
  kBigInt,
  kFloat,
  kDouble,
  kChar,
  kString,
  kBinary,
  kBytes,
  kDecimal,
  kDate,
  kTime,
  kTimestamp,
  kTimestampLtz,
  kArray,
  kMap,
  kRow,
};

struct RowField;

// An immutable value type; nested types are shared. Equality ignores nothing (nullability counts).
struct DataType {
  TypeRoot root = TypeRoot::kString;
  bool nullable = true;
  int32_t length = 0;     // CHAR, BINARY: 1..
  int32_t precision = 0;  // DECIMAL 1..38, TIME and TIMESTAMPs 0..9
  int32_t scale = 0;      // DECIMAL 0..precision
  // ARRAY: {element}; MAP: {key, value}; ROW: its fields' types, in order (same as `fields`).
  std::vector<DataType> children;
  std::vector<RowField> fields;  // ROW only; fields[i].type is children[i] and kept there only

  friend bool operator==(const DataType&, const DataType&);
};

// Name, description and id of a ROW field; its type is the parent's children[i].
struct RowField {
  std::string name;
  std::string description;  // empty: none
  int32_t id = -1;

  friend bool operator==(const RowField&, const RowField&) = default;
};

inline constexpr size_t kMaxTypeDepth = 64;

// The name in JSON, e.g. "INTEGER", "TIMESTAMP_WITHOUT_TIME_ZONE"; exact and upper case.
std::string_view JsonName(TypeRoot root);
std::optional<TypeRoot> TypeRootByJsonName(std::string_view name);

// `x`, with back-ticks inside doubled.
std::string QuoteName(std::string_view name);
// "DECIMAL(10, 2) NOT NULL", "ROW<`x` INT>": the display form of error texts (spec 06, 4.1).
std::string ToSummaryString(const DataType& type);

// Bounded: depth 64. Errors are kInvalidTable with the JSON member that is wrong.
Result<DataType> ParseDataType(const nlohmann::json& json);
Result<DataType> ParseDataTypeText(std::string_view utf8);
// Length, precision and scale within their limits (spec 06, 4.1), field names unique and not blank.
// Looks at this level only.
Status CheckParameters(const DataType& type);
nlohmann::ordered_json ToJson(const DataType& type);

}  // namespace strom::format
