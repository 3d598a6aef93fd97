// A table's schema: columns with ids, primary key (spec 06, 4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "format/data_type.h"

namespace strom::format {

// Columns and the ROW fields nested in them, all together.
inline constexpr size_t kMaxSchemaFields = 16384;

// An aggregation function (spec 06, 4.3). Whether its type and parameters suit the column is
// checked when a table is created, not here.
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
  std::vector<std::string> primary_key;             // empty: a log table
  std::vector<std::string> auto_increment_columns;  // at most one
  int32_t highest_field_id = -1;

  // Position of a column by its (case-sensitive) name.
  std::optional<size_t> IndexOf(std::string_view name) const;
  bool has_primary_key() const { return !primary_key.empty(); }

  friend bool operator==(const Schema&, const Schema&) = default;
};

// The lower-case name of a known function whatever case, with '_' or '-'; nothing if there is none.
std::optional<std::string> NormalizeAggFunction(std::string_view name);

// [a INT, b STRING NOT NULL], for error texts.
std::string ToSummaryString(const std::vector<Column>& columns);

// Reads and normalises (ids assigned when absent, primary key columns NOT NULL). Errors are
// kInvalidTable with the reference's text where spec 06 pins one.
Result<Schema> ParseSchema(const nlohmann::json& json);
Result<Schema> ParseSchemaText(std::string_view utf8);
nlohmann::ordered_json ToJson(const Schema& schema);
std::string ToJsonText(const Schema& schema);

// One column as schemas hold it; an unknown aggregation function is left out (spec 06, 4.2).
Result<Column> ParseColumn(const nlohmann::json& json);
nlohmann::ordered_json ToJson(const Column& column);

}  // namespace strom::format
