#include "kv/target_columns.h"

#include <algorithm>
#include <string_view>

namespace strom::kv {
namespace {

std::vector<std::string_view> NamesOf(const TableLayout& layout, auto is_wanted) {
  std::vector<std::string_view> names;
  const auto& columns = layout.latest().schema->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (is_wanted(i)) names.push_back(columns[i].name);
  }
  return names;
}

}  // namespace

Result<TargetColumns> ParseTargetColumns(const TableLayout& layout,
                                         std::span<const int32_t> positions) {
  const size_t arity = layout.latest().types.size();
  TargetColumns targets{.contains = std::vector<bool>(arity)};
  for (const int32_t position : positions) {
    if (position < 0 || static_cast<size_t>(position) >= arity) {
      return Fail(ErrorCode::kInvalidTargetColumn,
                  "Target column {} is outside of the table's {} columns (counted from 0).",
                  position, arity);
    }
    targets.contains[static_cast<size_t>(position)] = true;
  }
  targets.all = std::ranges::find(targets.contains, false) == targets.contains.end();
  targets.key_only = true;
  for (size_t i = 0; i < arity; ++i) {
    if (targets.contains[i] != layout.IsKeyColumn(i)) targets.key_only = false;
  }
  return targets;
}

Status CheckPartial(const TableLayout& layout, const TargetColumns& targets) {
  for (const size_t key_column : layout.key_columns) {
    if (targets.contains[key_column]) continue;
    return Fail(
        ErrorCode::kInvalidTargetColumn,
        "The target write columns [{}] must contain the primary key columns [{}].",
        fmt::join(NamesOf(layout, [&](size_t i) { return bool{targets.contains[i]}; }), ", "),
        fmt::join(layout.latest().schema->primary_key, ", "));
  }
  for (size_t i = 0; i < targets.contains.size(); ++i) {
    if (layout.latest().types[i].nullable || layout.IsKeyColumn(i)) continue;
    if (layout.auto_increment_column == i) continue;
    return Fail(ErrorCode::kInvalidTargetColumn,
                "Partial Update requires all columns except primary key to be nullable, but column "
                "{} is NOT NULL.",
                layout.latest().schema->columns[i].name);
  }
  return {};
}

Result<MergeOutcome> DeleteTargets(LatestRows& rows, const TargetColumns& targets,
                                   const StoredRow& old, format::Row& row) {
  STROM_TRY_VOID(rows.Read(old, row));
  bool keeps_something = false;
  for (size_t i = 0; i < row.size(); ++i) {
    if (!targets.contains[i]) {
      keeps_something = keeps_something || !row[i].is_null();
    } else if (!rows.layout().IsKeyColumn(i)) {
      row[i] = format::Value::Null();
    }
  }
  if (!keeps_something) return MergeOutcome{.kind = MergeKind::kRemoved};
  return rows.Write(row, old.row.size());
}

}  // namespace strom::kv
