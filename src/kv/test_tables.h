// For tests only: small tables whose rows are written as lists of values.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "format/type_text.h"
#include "kv/row_merger.h"

namespace strom::kv::test {

using format::Row;
using format::Value;

inline format::Column Column(std::string name, const std::string& type,
                             std::optional<std::string> function = std::nullopt) {
  auto parsed = format::ParseTypeText(type);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  format::Column column{.name = std::move(name), .type = *parsed};
  if (function) column.agg_function = format::AggFunction{.type = *function};
  return column;
}

// Ids are positions and the first column is the primary key.
inline format::Schema SchemaOf(std::vector<format::Column> columns) {
  format::Schema schema{.columns = std::move(columns)};
  for (format::Column& column : schema.columns)
    column.id = ++schema.highest_field_id;
  schema.primary_key = {schema.columns[0].name};
  return schema;
}

// Ids 1, 2, ...
inline std::map<SchemaId, std::shared_ptr<const format::Schema>> Schemas(
    const std::vector<format::Schema>& schemas) {
  std::map<SchemaId, std::shared_ptr<const format::Schema>> made;
  for (const auto& schema : schemas)
    made.emplace(SchemaId(static_cast<int32_t>(made.size()) + 1),
                 std::make_shared<format::Schema>(schema));
  return made;
}

inline TableLayout LayoutOf(const std::vector<format::Schema>& schemas,
                            const LayoutSettings& settings) {
  auto layout = MakeTableLayout(Schemas(schemas), settings);
  if (!layout) throw std::runtime_error(layout.error().message);
  return *layout;
}

// A row and the bytes it stands for.
struct TestRow {
  SchemaId schema_id;
  Bytes bytes;
  StoredRow view() const { return {schema_id, bytes}; }
};

inline TestRow RowOf(const TableLayout& layout, const Row& values, int32_t schema_id = 0) {
  TestRow row{.schema_id = schema_id == 0 ? layout.latest().id : SchemaId(schema_id)};
  auto done =
      format::AppendRow(layout.row_format, layout.Find(row.schema_id)->types, values, row.bytes);
  if (!done) throw std::runtime_error(done.error().message);
  return row;
}

// The values of a merged row.
inline Row ValuesOf(const TableLayout& layout, const MergeOutcome& outcome) {
  if (outcome.kind != MergeKind::kMerged) throw std::runtime_error("the row was not merged");
  auto row = format::DecodeRow(layout.row_format, outcome.row, layout.latest().types);
  if (!row) throw std::runtime_error(row.error().message);
  return *row;
}

}  // namespace strom::kv::test
