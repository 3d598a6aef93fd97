#include "kv/table_layout.h"

#include <algorithm>

namespace strom::kv {
namespace {

using format::Column;
using format::Schema;
using format::TypeRoot;

std::vector<std::optional<size_t>> PositionsOf(const Schema& latest, const Schema& schema) {
  std::map<int32_t, size_t> by_id;
  for (size_t i = 0; i < schema.columns.size(); ++i)
    by_id.emplace(schema.columns[i].id, i);
  std::vector<std::optional<size_t>> positions;
  positions.reserve(latest.columns.size());
  for (const Column& column : latest.columns) {
    const auto found = by_id.find(column.id);
    positions.push_back(found == by_id.end() ? std::nullopt : std::optional(found->second));
  }
  return positions;
}

bool IsPrefix(const Schema& schema, const std::vector<std::optional<size_t>>& position_of) {
  if (schema.columns.size() > position_of.size()) return false;
  for (size_t i = 0; i < position_of.size(); ++i) {
    const auto expected = i < schema.columns.size() ? std::optional(i) : std::nullopt;
    if (position_of[i] != expected) return false;
  }
  return true;
}

Result<std::vector<size_t>> KeyColumnsOf(const TableLayout& layout) {
  std::vector<size_t> positions;
  const Schema& latest = *layout.latest().schema;
  for (const std::string& name : latest.primary_key) {
    const auto position = latest.IndexOf(name);
    if (!position) {
      return Fail(ErrorCode::kInvalidTable, "Primary key column '{}' does not exist.", name);
    }
    for (const auto& [id, version] : layout.schemas) {
      if (version.position_of[*position] == position) continue;
      return Fail(ErrorCode::kInvalidTable,
                  "Primary key column '{}' is not at the same position in schema {}.", name,
                  id.value);
    }
    positions.push_back(*position);
  }
  if (positions.empty()) return Fail(ErrorCode::kInvalidTable, "The table has no primary key.");
  return positions;
}

Result<size_t> VersionColumnOf(const Schema& latest, const LayoutSettings& settings) {
  const std::string name = settings.version_column.value_or("");
  const auto position = latest.IndexOf(name);
  if (!position) {
    return Fail(ErrorCode::kInvalidConfig,
                "The version column '{}' for versioned merge engine doesn't exist in schema.",
                name);
  }
  switch (latest.columns[*position].type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return *position;
    default:
      return Fail(ErrorCode::kInvalidConfig,
                  "The version column '{}' for versioned merge engine is of type {}.", name,
                  ToSummaryString(latest.columns[*position].type));
  }
}

}  // namespace

bool TableLayout::IsKeyColumn(size_t position) const {
  return std::ranges::find(key_columns, position) != key_columns.end();
}

Result<TableLayout> MakeTableLayout(
    const std::map<SchemaId, std::shared_ptr<const Schema>>& schemas,
    const LayoutSettings& settings) {
  if (schemas.empty()) return Fail(ErrorCode::kInvalidTable, "The table has no schema.");
  const Schema& latest = *schemas.rbegin()->second;

  TableLayout layout;
  for (const auto& [id, schema] : schemas) {
    SchemaVersion version{.id = id,
                          .schema = schema,
                          .types = format::FieldTypes(*schema),
                          .position_of = PositionsOf(latest, *schema)};
    version.is_prefix = IsPrefix(*schema, version.position_of);
    layout.schemas.emplace(id, std::move(version));
  }
  STROM_TRY(layout.key_columns, KeyColumnsOf(layout));
  layout.row_format = settings.row_format;
  layout.log_format = settings.log_format;
  layout.merge_engine = settings.merge_engine;
  if (settings.merge_engine == MergeEngine::kVersioned) {
    STROM_TRY(layout.version_column, VersionColumnOf(latest, settings));
  }
  layout.delete_behavior = settings.delete_behavior.value_or(
      settings.merge_engine == MergeEngine::kDefault ? DeleteBehavior::kAllow
                                                     : DeleteBehavior::kIgnore);
  layout.full_image = settings.full_image;
  if (!latest.auto_increment_columns.empty()) {
    layout.auto_increment_column = latest.IndexOf(latest.auto_increment_columns.front());
    if (!layout.auto_increment_column) {
      return Fail(ErrorCode::kInvalidTable, "Auto-increment column '{}' does not exist.",
                  latest.auto_increment_columns.front());
    }
  }
  return layout;
}

}  // namespace strom::kv
