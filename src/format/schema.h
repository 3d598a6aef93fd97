// A table's schema: columns with ids, primary key (spec 06, 4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "format/data_type.h"

namespace strom::format {

struct AggFunction {
  std::string type;  // lower case, '_' separated, e.g. "last_value_ignore_nulls"
  std::vector<std::pair<std::string, std::string>> parameters;

  friend bool operator==(const AggFunction&, const AggFunction&) = default;
};

struct Column {
  std::string name;
  DataType type;
  std::optional<std::string> comment;
  std::optional<AggFunction> agg_function;
  int32_t id = -1;

  friend bool operator==(const Column&, const Column&) = default;
};

struct Schema {
  std::vector<Column> columns;
  std::vector<std::string> primary_key;            // empty: a log table
  std::vector<std::string> auto_increment_columns;  // at most one
  int32_t highest_field_id = -1;

  // Position of a column by its (case-sensitive) name.
  std::optional<size_t> IndexOf(std::string_view name) const;
  bool has_primary_key() const { return !primary_key.empty(); }

  friend bool operator==(const Schema&, const Schema&) = default;
};

// Reads and normalises (ids assigned when absent, primary key columns NOT NULL). Errors are
// kInvalidTable with the reference's text where spec 06 pins one.
Result<Schema> ParseSchema(const nlohmann::json& json);
Result<Schema> ParseSchemaText(std::string_view utf8);
nlohmann::ordered_json ToJson(const Schema& schema);
std::string ToJsonText(const Schema& schema);

}  // namespace strom::format
