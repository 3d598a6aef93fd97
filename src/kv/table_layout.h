// What the store of a primary-key bucket has to know of its table: every schema it ever had, the
// primary key, row and log format, merge engine. Made once per version of a table; immutable, safe
// to share between shards.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"
#include "format/row_codec.h"
#include "format/schema.h"

namespace strom::kv {

enum class MergeEngine : uint8_t { kDefault, kFirstRow, kVersioned, kAggregation };
enum class DeleteBehavior : uint8_t { kAllow, kIgnore, kDisable };

// One schema of the table with what is derived from it.
struct SchemaVersion {
  SchemaId id;
  std::shared_ptr<const format::Schema> schema;
  std::vector<format::DataType> types;  // of the columns, in order
  // For each column of the latest schema its position here, found by column id; nothing if this
  // schema does not have it.
  std::vector<std::optional<size_t>> position_of;
  // This schema's columns are the first columns of the latest one, in the same order (and may be
  // all of them).
  bool is_prefix = false;
};

struct TableLayout {
  // All schemas by id; the last one is the latest. Never empty.
  std::map<SchemaId, SchemaVersion> schemas;
  // Positions of the primary key columns, in the order of the PRIMARY KEY clause. The same in every
  // schema: columns are only added at the end.
  std::vector<size_t> key_columns;
  format::RowFormat row_format = format::RowFormat::kCompacted;  // table.kv.format
  format::LogFormat log_format = format::LogFormat::kArrow;      // table.log.format
  MergeEngine merge_engine = MergeEngine::kDefault;
  size_t version_column = 0;  // position, of kVersioned only
  DeleteBehavior delete_behavior = DeleteBehavior::kAllow;
  bool full_image = true;                       // table.changelog.image = FULL
  std::optional<size_t> auto_increment_column;  // position

  const SchemaVersion& latest() const { return schemas.rbegin()->second; }
  // Null if the table has no schema of this id.
  const SchemaVersion* Find(SchemaId id) const {
    auto it = schemas.find(id);
    return it == schemas.end() ? nullptr : &it->second;
  }
  bool IsKeyColumn(size_t position) const;
};

// The `table.*` options that a layout is made of.
struct LayoutSettings {
  format::RowFormat row_format = format::RowFormat::kCompacted;
  format::LogFormat log_format = format::LogFormat::kArrow;
  MergeEngine merge_engine = MergeEngine::kDefault;
  std::optional<std::string> version_column;
  std::optional<DeleteBehavior> delete_behavior;  // none: kIgnore with a merge engine, else kAllow
  bool full_image = true;
};

// Fails where creating the table would have (so only when what is stored is damaged):
// kInvalidTable for schemas that do not fit each other or have no primary key, kInvalidConfig for a
// version column that is missing or of another type than INT, BIGINT or a timestamp.
Result<TableLayout> MakeTableLayout(
    const std::map<SchemaId, std::shared_ptr<const format::Schema>>& schemas,
    const LayoutSettings& settings);

}  // namespace strom::kv
