#include "kv/aggregation.h"

namespace strom::kv {

Result<std::unique_ptr<RowMerger>> AggregationMerger::Make(const TableLayout& layout,
                                                           std::optional<TargetColumns> targets) {
  std::unique_ptr<AggregationMerger> merger(new AggregationMerger(layout, std::move(targets)));
  const auto& columns = layout.latest().schema->columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    STROM_TRY(AggColumn column, MakeAggColumn(columns[i], layout.IsKeyColumn(i)));
    merger->columns_.push_back(std::move(column));
    if (!merger->targets_ || merger->targets_->contains[i]) merger->merged_.push_back(i);
  }
  return merger;
}

Result<MergeOutcome> AggregationMerger::Upsert(const std::optional<StoredRow>& old,
                                               const StoredRow& incoming) {
  if (!old) return MergeOutcome{.kind = MergeKind::kIncoming};
  STROM_TRY_VOID(rows_.Read(*old, old_));
  STROM_TRY_VOID(rows_.Read(incoming, incoming_));
  for (const size_t i : merged_) {
    STROM_TRY_VOID(Aggregate(columns_[i], old_[i], incoming_[i]));
  }
  return rows_.Write(old_, old->row.size() + incoming.row.size());
}

Result<MergeOutcome> AggregationMerger::Delete(const StoredRow& old) {
  if (!targets_) return MergeOutcome{.kind = MergeKind::kRemoved};
  return DeleteTargets(rows_, *targets_, old, old_);
}

}  // namespace strom::kv
