#include "format/schema.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "format/json_text.h"

namespace strom::format {

namespace {

using nlohmann::json;

constexpr int32_t kNoId = -1;
constexpr std::string_view kOwner = "Schema";
constexpr std::array<std::string_view, 14> kAggFunctions{
    "sum",         "product",
    "max",         "min",
    "last_value",  "last_value_ignore_nulls",
    "first_value", "first_value_ignore_nulls",
    "listagg",     "string_agg",
    "bool_and",    "bool_or",
    "rbm32",       "rbm64",
};

std::vector<std::string_view> NamesOf(const std::vector<Column>& columns) {
  std::vector<std::string_view> names;
  names.reserve(columns.size());
  for (const Column& column : columns)
    names.push_back(column.name);
  return names;
}

// Those that occur before, in order.
template <class Names>
std::vector<std::string_view> DuplicatesIn(const Names& names) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> duplicates;
  for (const std::string_view name : names) {
    if (!seen.insert(name).second) duplicates.push_back(name);
  }
  return duplicates;
}

Result<std::optional<AggFunction>> ParseAggFunction(const json& json, std::string_view owner) {
  STROM_TRY(const auto* type, RequireMember(json, "type", owner));
  STROM_TRY(const std::string name, ReadText(*type, "type", owner));
  auto known = NormalizeAggFunction(name);
  if (!known) return std::nullopt;
  AggFunction function{*std::move(known), {}};
  if (const auto* parameters = FindMember(json, "parameters")) {
    STROM_TRY(auto texts, ReadTextMap(*parameters, "parameters", owner));
    function.parameters.assign(texts.begin(), texts.end());
  }
  return function;
}

// The ids of a column and of the ROW fields inside it, through ARRAY and MAP.
void CollectNestedIds(const DataType& type, std::vector<int32_t>& ids) {
  for (const RowField& field : type.fields)
    ids.push_back(field.id);
  for (const DataType& child : type.children)
    CollectNestedIds(child, ids);
}

std::vector<int32_t> AllIds(const std::vector<Column>& columns) {
  std::vector<int32_t> ids;
  for (const Column& column : columns) {
    ids.push_back(column.id);
    CollectNestedIds(column.type, ids);
  }
  return ids;
}

Status NormalizeIds(Schema& schema) {
  auto& columns = schema.columns;
  const auto without_id =
      std::ranges::count_if(columns, [](const Column& column) { return column.id == kNoId; });
  if (without_id == 0) return {};
  if (without_id != std::ssize(columns)) {
    return Fail(ErrorCode::kInvalidTable,
                "All columns must have columnId or none of them must have columnId.");
  }
  for (size_t i = 0; i < columns.size(); ++i)
    columns[i].id = static_cast<int32_t>(i);
  return {};
}

Status CheckIds(Schema& schema, std::optional<int32_t> highest_given) {
  const std::vector<int32_t> ids = AllIds(schema.columns);
  if (ids.size() > kMaxSchemaFields) {
    return Fail(ErrorCode::kInvalidTable,
                "The schema has {} columns and nested fields, at most {} are allowed.", ids.size(),
                kMaxSchemaFields);
  }
  const size_t distinct = std::unordered_set<int32_t>(ids.begin(), ids.end()).size();
  if (distinct != ids.size()) {
    return Fail(ErrorCode::kInvalidTable,
                "All field IDs (including nested fields) must be unique. Found {} unique IDs but "
                "expected {}.",
                distinct, ids.size());
  }
  const int32_t largest = ids.empty() ? kNoId : *std::ranges::max_element(ids);
  schema.highest_field_id = highest_given.value_or(largest);
  if (schema.highest_field_id < largest) {
    return Fail(ErrorCode::kInvalidTable,
                "Highest field ID ({}) must be greater than or equal to the maximum field ID ({}) "
                "including nested fields. Current columns is {}",
                schema.highest_field_id, largest, ToSummaryString(schema.columns));
  }
  return {};
}

Status NormalizePrimaryKey(Schema& schema) {
  const auto& key = schema.primary_key;
  if (const auto twice = DuplicatesIn(key); !twice.empty()) {
    return Fail(ErrorCode::kInvalidTable,
                "Primary key constraint CONSTRAINT PK_{} PRIMARY KEY ({}) must not contain "
                "duplicate columns. Found: [{}]",
                fmt::join(key, "_"), fmt::join(key, ", "), fmt::join(twice, ", "));
  }
  std::unordered_set<std::string_view> keys(key.begin(), key.end());
  size_t found = 0;
  for (Column& column : schema.columns) {
    if (!keys.contains(column.name)) continue;
    ++found;
    column.type.nullable = false;
    if (column.agg_function) {
      return Fail(
          ErrorCode::kInvalidTable,
          "Cannot set aggregation function for primary key column '{}'. Primary key columns "
          "automatically use 'primary-key' aggregation.",
          column.name);
    }
  }
  if (found != keys.size()) {
    return Fail(ErrorCode::kInvalidTable,
                "Table column [{}] should include all primary key constraint [{}]",
                fmt::join(NamesOf(schema.columns), ", "), fmt::join(key, ", "));
  }
  return {};
}

Status CheckAutoIncrement(const Schema& schema) {
  if (schema.auto_increment_columns.empty()) return {};
  if (schema.auto_increment_columns.size() > 1) {
    return Fail(ErrorCode::kInvalidTable, "Multiple auto increment columns are not supported yet.");
  }
  if (!schema.has_primary_key()) {
    return Fail(ErrorCode::kInvalidTable,
                "Auto increment column can only be used in primary-key table.");
  }
  const std::string& name = schema.auto_increment_columns[0];
  const auto index = schema.IndexOf(name);
  if (!index) {
    return Fail(ErrorCode::kInvalidTable,
                "Auto increment column {} does not exist in table columns [{}].", name,
                fmt::join(NamesOf(schema.columns), ", "));
  }
  if (std::ranges::find(schema.primary_key, name) != schema.primary_key.end()) {
    return Fail(ErrorCode::kInvalidTable,
                "Auto increment column can not be used as the primary key.");
  }
  const TypeRoot root = schema.columns[*index].type.root;
  if (root != TypeRoot::kInteger && root != TypeRoot::kBigInt) {
    return Fail(ErrorCode::kInvalidTable,
                "The data type of auto increment column must be INT or BIGINT.");
  }
  return {};
}

Status Normalize(Schema& schema, std::optional<int32_t> highest_given) {
  STROM_TRY_VOID(NormalizeIds(schema));
  const auto names = NamesOf(schema.columns);
  if (const auto twice = DuplicatesIn(names); !twice.empty()) {
    return Fail(ErrorCode::kInvalidTable,
                "Table column [{}] must not contain duplicate fields. Found: [{}]",
                fmt::join(names, ", "), fmt::join(twice, ", "));
  }
  STROM_TRY_VOID(NormalizePrimaryKey(schema));
  STROM_TRY_VOID(CheckAutoIncrement(schema));
  return CheckIds(schema, highest_given);
}

}  // namespace

std::optional<size_t> Schema::IndexOf(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &Column::name);
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

std::optional<std::string> NormalizeAggFunction(std::string_view name) {
  std::string normal(name);
  for (char& c : normal) {
    if (c == '-') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (std::ranges::find(kAggFunctions, normal) == kAggFunctions.end()) return std::nullopt;
  return normal;
}

std::string ToSummaryString(const std::vector<Column>& columns) {
  std::vector<std::string> texts;
  texts.reserve(columns.size());
  for (const Column& column : columns) {
    texts.push_back(column.name + " " + ToSummaryString(column.type));
  }
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

Result<Column> ParseColumn(const json& json) {
  STROM_TRY(const auto* name, RequireMember(json, "name", "Column"));
  Column column;
  STROM_TRY(column.name, ReadText(*name, "name", "Column"));
  const std::string owner = fmt::format("Column '{}'", column.name);
  STROM_TRY(const auto* type, RequireMember(json, "data_type", owner));
  STROM_TRY(column.type, ParseDataType(*type));
  if (const auto* comment = FindMember(json, "comment")) {
    STROM_TRY(column.comment, ReadText(*comment, "comment", owner));
  }
  if (const auto* function = FindMember(json, "agg_function")) {
    STROM_TRY(column.agg_function, ParseAggFunction(*function, owner));
  }
  if (const auto* id = FindMember(json, "id")) {
    STROM_TRY(column.id, ReadInt32(*id, "id", owner));
    if (column.id < kNoId) {
      return Fail(ErrorCode::kInvalidTable, "{}: the id {} is negative.", owner, column.id);
    }
  }
  return column;
}

Result<Schema> ParseSchema(const json& json) {
  STROM_TRY(const auto* columns, RequireMember(json, "columns", kOwner));
  if (!columns->is_array()) {
    return Fail(ErrorCode::kInvalidTable, "Schema: the member 'columns' must be an array.");
  }
  Schema schema;
  for (const auto& element : *columns) {
    STROM_TRY(Column column, ParseColumn(element));
    schema.columns.push_back(std::move(column));
  }
  if (const auto* key = FindMember(json, "primary_key")) {
    STROM_TRY(schema.primary_key, ReadTextList(*key, "primary_key", kOwner));
    if (schema.primary_key.empty()) {
      return Fail(ErrorCode::kInvalidTable,
                  "Primary key constraint must be defined for at least a single column.");
    }
  }
  if (const auto* columns_of_it = FindMember(json, "auto_increment_column")) {
    STROM_TRY(schema.auto_increment_columns,
              ReadTextList(*columns_of_it, "auto_increment_column", kOwner));
  }
  std::optional<int32_t> highest;
  if (const auto* given = FindMember(json, "highest_field_id")) {
    STROM_TRY(highest, ReadInt32(*given, "highest_field_id", kOwner));
  }
  STROM_TRY_VOID(Normalize(schema, highest));
  return schema;
}

Result<Schema> ParseSchemaText(std::string_view utf8) {
  STROM_TRY(const json document, ReadJson(utf8, "schema"));
  return ParseSchema(document);
}

nlohmann::ordered_json ToJson(const Column& column) {
  nlohmann::ordered_json json;
  json["name"] = column.name;
  json["data_type"] = ToJson(column.type);
  if (column.comment) json["comment"] = *column.comment;
  if (column.agg_function) {
    nlohmann::ordered_json function;
    function["type"] = column.agg_function->type;
    if (!column.agg_function->parameters.empty()) {
      function["parameters"] = TextsToJson(column.agg_function->parameters);
    }
    json["agg_function"] = std::move(function);
  }
  json["id"] = column.id;
  return json;
}

nlohmann::ordered_json ToJson(const Schema& schema) {
  nlohmann::ordered_json json;
  json["version"] = 1;
  auto columns = nlohmann::ordered_json::array();
  for (const Column& column : schema.columns)
    columns.push_back(ToJson(column));
  json["columns"] = std::move(columns);
  if (schema.has_primary_key()) json["primary_key"] = schema.primary_key;
  if (!schema.auto_increment_columns.empty()) {
    json["auto_increment_column"] = schema.auto_increment_columns;
  }
  json["highest_field_id"] = schema.highest_field_id;
  return json;
}

std::string ToJsonText(const Schema& schema) {
  return WriteJson(ToJson(schema));
}

}  // namespace strom::format
