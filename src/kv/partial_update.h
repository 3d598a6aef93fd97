// Writes of some columns in a table without merge engine, and in any table in OVERWRITE mode (spec
// 05, 5): targets take the incoming value, a null too, all others keep theirs. RowMerger says who
// owns it.
#pragma once

#include "kv/target_columns.h"

namespace strom::kv {

class PartialUpdateMerger : public RowMerger {
 public:
  // `targets` passed CheckPartial.
  PartialUpdateMerger(const TableLayout& layout, TargetColumns targets, DeleteBehavior deletes)
      : rows_(layout), targets_(std::move(targets)), deletes_(deletes) {}
  Result<MergeOutcome> Upsert(const std::optional<StoredRow>& old,
                              const StoredRow& incoming) override;
  Result<MergeOutcome> Delete(const StoredRow& old) override;
  DeleteBehavior delete_behavior() const override { return deletes_; }

 private:
  Result<MergeOutcome> Insert(const StoredRow& incoming);

  LatestRows rows_;
  TargetColumns targets_;
  DeleteBehavior deletes_;
  format::Row incoming_;
  format::Row merged_;
};

}  // namespace strom::kv
