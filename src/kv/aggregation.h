// The AGGREGATION engine (spec 05, 7): each column is merged by its function. A key's first row is
// stored as it comes, untouched and unchecked. RowMerger says who owns it.
#pragma once

#include <vector>

#include "kv/agg_functions.h"
#include "kv/target_columns.h"

namespace strom::kv {

class AggregationMerger : public RowMerger {
 public:
  // Without targets every column is merged, otherwise those and the rest keeps its values. Targets
  // passed CheckPartial. kInvalidTable for an unknown function.
  static Result<std::unique_ptr<RowMerger>> Make(const TableLayout& layout,
                                                 std::optional<TargetColumns> targets);

  Result<MergeOutcome> Upsert(const std::optional<StoredRow>& old,
                              const StoredRow& incoming) override;
  Result<MergeOutcome> Delete(const StoredRow& old) override;
  DeleteBehavior delete_behavior() const override { return rows_.layout().delete_behavior; }

 private:
  AggregationMerger(const TableLayout& layout, std::optional<TargetColumns> targets)
      : rows_(layout), targets_(std::move(targets)) {}

  LatestRows rows_;
  std::optional<TargetColumns> targets_;
  std::vector<AggColumn> columns_;
  std::vector<size_t> merged_;  // positions that are merged
  format::Row old_;
  format::Row incoming_;
};

}  // namespace strom::kv
