#include "kv/row_merger.h"

#include <algorithm>

#include "kv/aggregation.h"
#include "kv/partial_update.h"
#include "kv/target_columns.h"
#include "kv/whole_row_mergers.h"

namespace strom::kv {
namespace {

using MergerResult = Result<std::unique_ptr<RowMerger>>;

// Only the server sets an auto-increment column (spec 05, 8).
Status CheckAutoIncrement(const TableLayout& layout, std::span<const int32_t> target_columns) {
  if (!layout.auto_increment_column) return {};
  const auto position = static_cast<int32_t>(*layout.auto_increment_column);
  if (!target_columns.empty() &&
      std::ranges::find(target_columns, position) == target_columns.end())
    return {};
  return Fail(ErrorCode::kInvalidTargetColumn,
              "Column '{}' is auto-incremented: a write must name its target columns, and this "
              "one must not be among them.",
              layout.latest().schema->columns[*layout.auto_increment_column].name);
}

// No merge engine, or OVERWRITE mode.
MergerResult MakeDefault(const TableLayout& layout, TargetColumns targets, bool whole_rows,
                         DeleteBehavior deletes) {
  if (whole_rows) return std::make_unique<LastRowMerger>(deletes);
  STROM_TRY_VOID(CheckPartial(layout, targets));
  return std::make_unique<PartialUpdateMerger>(layout, std::move(targets), deletes);
}

}  // namespace

MergerResult MakeRowMerger(const TableLayout& layout, std::span<const int32_t> target_columns,
                           bool overwrite) {
  STROM_TRY_VOID(CheckAutoIncrement(layout, target_columns));
  STROM_TRY(TargetColumns targets, ParseTargetColumns(layout, target_columns));
  const bool partial = !target_columns.empty();
  const MergeEngine engine = overwrite ? MergeEngine::kDefault : layout.merge_engine;
  const DeleteBehavior deletes = overwrite ? DeleteBehavior::kAllow : layout.delete_behavior;
  if (engine == MergeEngine::kDefault) {
    const bool whole_rows = !partial || targets.all;
    return MakeDefault(layout, std::move(targets), whole_rows, deletes);
  }
  if (engine == MergeEngine::kAggregation) {
    if (!partial) return AggregationMerger::Make(layout, std::nullopt);
    STROM_TRY_VOID(CheckPartial(layout, targets));
    return AggregationMerger::Make(layout, std::move(targets));
  }
  if (partial) {
    return Fail(ErrorCode::kInvalidTargetColumn,
                "Partial update is not supported for the {} merge engine.",
                engine == MergeEngine::kFirstRow ? "first_row" : "versioned");
  }
  if (engine == MergeEngine::kFirstRow) return std::make_unique<FirstRowMerger>(deletes);
  return std::make_unique<VersionedMerger>(layout);
}

}  // namespace strom::kv
