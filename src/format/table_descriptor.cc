#include "format/table_descriptor.h"

#include <unordered_set>

#include <nlohmann/json.hpp>

#include "format/json_text.h"

namespace strom::format {

namespace {

using nlohmann::json;

constexpr std::string_view kOwner = "Table descriptor";

using NameSet = std::unordered_set<std::string_view>;

NameSet SetOf(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

std::string Listed(const std::vector<std::string>& names) {
  return fmt::format("[{}]", fmt::join(names, ", "));
}

Result<TableDescriptor> ReadMembers(const json& json) {
  TableDescriptor table;
  STROM_TRY(const auto* schema, RequireMember(json, "schema", kOwner));
  STROM_TRY(table.schema, ParseSchema(*schema));
  if (const auto* comment = FindMember(json, "comment")) {
    STROM_TRY(table.comment, ReadText(*comment, "comment", kOwner));
  }
  STROM_TRY(const auto* partition_keys, RequireMember(json, "partition_key", kOwner));
  STROM_TRY(table.partition_keys, ReadTextList(*partition_keys, "partition_key", kOwner));
  if (const auto* count = FindMember(json, "bucket_count")) {
    STROM_TRY(table.bucket_count, ReadInt32(*count, "bucket_count", kOwner));
    STROM_TRY_VOID(RequireMember(json, "bucket_key", kOwner));
  }
  if (const auto* bucket_keys = FindMember(json, "bucket_key")) {
    STROM_TRY(table.bucket_keys, ReadTextList(*bucket_keys, "bucket_key", kOwner));
    table.has_distribution = true;
  }
  STROM_TRY(const auto* properties, RequireMember(json, "properties", kOwner));
  STROM_TRY(table.properties, ReadTextMap(*properties, "properties", kOwner));
  STROM_TRY(const auto* custom, RequireMember(json, "custom_properties", kOwner));
  STROM_TRY(table.custom_properties, ReadTextMap(*custom, "custom_properties", kOwner));
  return table;
}

Status CheckKeysExist(const TableDescriptor& table) {
  NameSet columns;
  for (const Column& column : table.schema.columns)
    columns.insert(column.name);
  for (const auto& key : table.partition_keys) {
    if (!columns.contains(key)) {
      return Fail(ErrorCode::kInvalidTable, "Partition key '{}' does not exist in the schema.",
                  key);
    }
  }
  for (const auto& key : table.bucket_keys) {
    if (!columns.contains(key)) {
      return Fail(ErrorCode::kInvalidTable, "Bucket key '{}' does not exist in the schema.", key);
    }
  }
  return {};
}

Status CheckKeysDistinct(const std::vector<std::string>& keys, std::string_view what) {
  if (SetOf(keys).size() == keys.size()) return {};
  return Fail(ErrorCode::kInvalidTable, "{} {} must not name a column twice.", what, Listed(keys));
}

Status CheckPrimaryKeyTable(const TableDescriptor& table,
                            const std::vector<std::string>& hashable) {
  const auto& primary_key = table.schema.primary_key;
  if (hashable.empty()) {
    return Fail(ErrorCode::kInvalidTable,
                "Primary Key constraint {} should not be same with partition fields {}.",
                Listed(primary_key), Listed(table.partition_keys));
  }
  const NameSet hashable_set = SetOf(hashable);
  for (const auto& key : table.bucket_keys) {
    if (!hashable_set.contains(key)) {
      return Fail(ErrorCode::kInvalidTable,
                  "Bucket keys must be a subset of primary keys excluding partition keys for "
                  "primary-key tables. The primary keys are {}, the partition keys are {}, but the "
                  "user-defined bucket keys are {}.",
                  Listed(primary_key), Listed(table.partition_keys), Listed(table.bucket_keys));
    }
  }
  const NameSet primary_key_set = SetOf(primary_key);
  for (const auto& key : table.partition_keys) {
    if (!primary_key_set.contains(key)) {
      return Fail(ErrorCode::kInvalidTable,
                  "Partitioned Primary Key Table requires partition key {} is a subset of the "
                  "primary key {}.",
                  Listed(table.partition_keys), Listed(primary_key));
    }
  }
  return {};
}

// Rows of a primary key table without bucket keys are spread by the primary key without the
// partition keys; rows of such a log table go to any bucket.
Status NormalizeDistribution(TableDescriptor& table) {
  const NameSet partition_keys = SetOf(table.partition_keys);
  for (const auto& key : table.bucket_keys) {
    if (partition_keys.contains(key)) {
      return Fail(ErrorCode::kInvalidTable,
                  "Bucket key {} shouldn't include any column in partition keys {}.",
                  Listed(table.bucket_keys), Listed(table.partition_keys));
    }
  }
  if (!table.schema.has_primary_key()) return {};
  std::vector<std::string> hashable;
  for (const auto& key : table.schema.primary_key) {
    if (!partition_keys.contains(key)) hashable.push_back(key);
  }
  STROM_TRY_VOID(CheckPrimaryKeyTable(table, hashable));
  if (table.bucket_keys.empty()) table.bucket_keys = std::move(hashable);
  table.has_distribution = true;
  return {};
}

nlohmann::ordered_json ListToJson(const std::vector<std::string>& texts) {
  auto json = nlohmann::ordered_json::array();
  for (const auto& text : texts)
    json.push_back(text);
  return json;
}

}  // namespace

Result<TableDescriptor> ParseTableDescriptor(std::string_view utf8) {
  STROM_TRY(const json document, ReadJson(utf8, "table descriptor"));
  STROM_TRY_VOID(RequireObject(document, kOwner));
  STROM_TRY(TableDescriptor table, ReadMembers(document));
  STROM_TRY_VOID(CheckKeysDistinct(table.partition_keys, "Partition key"));
  STROM_TRY_VOID(CheckKeysDistinct(table.bucket_keys, "Bucket key"));
  STROM_TRY_VOID(CheckKeysExist(table));
  STROM_TRY_VOID(NormalizeDistribution(table));
  return table;
}

std::string ToJsonText(const TableDescriptor& table) {
  nlohmann::ordered_json json;
  json["version"] = 1;
  json["schema"] = ToJson(table.schema);
  if (table.comment) json["comment"] = *table.comment;
  json["partition_key"] = ListToJson(table.partition_keys);
  if (table.has_distribution) json["bucket_key"] = ListToJson(table.bucket_keys);
  if (table.bucket_count) json["bucket_count"] = *table.bucket_count;
  json["properties"] = TextsToJson(table.properties);
  json["custom_properties"] = TextsToJson(table.custom_properties);
  return WriteJson(json);
}

Result<DatabaseDescriptor> ParseDatabaseDescriptor(std::string_view utf8) {
  constexpr std::string_view kDatabase = "Database descriptor";
  auto parsed = [&]() -> Result<DatabaseDescriptor> {
    STROM_TRY(const json document, ReadJson(utf8, "database descriptor"));
    DatabaseDescriptor database;
    STROM_TRY(const auto* custom, RequireMember(document, "custom_properties", kDatabase));
    STROM_TRY(database.custom_properties, ReadTextMap(*custom, "custom_properties", kDatabase));
    if (const auto* comment = FindMember(document, "comment")) {
      STROM_TRY(database.comment, ReadText(*comment, "comment", kDatabase));
    }
    return database;
  }();
  if (!parsed) return Fail(Error{ErrorCode::kInvalidDatabase, std::move(parsed.error().message)});
  return parsed;
}

std::string ToJsonText(const DatabaseDescriptor& database) {
  nlohmann::ordered_json json;
  json["version"] = 1;
  if (database.comment) json["comment"] = *database.comment;
  json["custom_properties"] = TextsToJson(database.custom_properties);
  return WriteJson(json);
}

}  // namespace strom::format
