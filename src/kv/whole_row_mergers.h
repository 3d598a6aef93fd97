// The engines that keep one row or the other: the default one, FIRST_ROW and VERSIONED (spec 05, 5
// and 6). RowMerger says who owns them.
#pragma once

#include "kv/latest_rows.h"

namespace strom::kv {

// The last row wins.
class LastRowMerger : public RowMerger {
 public:
  explicit LastRowMerger(DeleteBehavior deletes) : deletes_(deletes) {}
  bool replaces_whole_rows() const override { return true; }
  Result<MergeOutcome> Upsert(const std::optional<StoredRow>& old,
                              const StoredRow& incoming) override;
  Result<MergeOutcome> Delete(const StoredRow& old) override;
  DeleteBehavior delete_behavior() const override { return deletes_; }

 private:
  DeleteBehavior deletes_;
};

// The first row stays.
class FirstRowMerger : public RowMerger {
 public:
  explicit FirstRowMerger(DeleteBehavior deletes) : deletes_(deletes) {}
  Result<MergeOutcome> Upsert(const std::optional<StoredRow>& old,
                              const StoredRow& incoming) override;
  Result<MergeOutcome> Delete(const StoredRow& old) override;
  DeleteBehavior delete_behavior() const override { return deletes_; }

 private:
  DeleteBehavior deletes_;
};

// The row with the larger version stays, the new one if both are the same. A null is the smallest
// value of the version column's type.
class VersionedMerger : public RowMerger {
 public:
  explicit VersionedMerger(const TableLayout& layout) : rows_(layout) {}
  Result<MergeOutcome> Upsert(const std::optional<StoredRow>& old,
                              const StoredRow& incoming) override;
  Result<MergeOutcome> Delete(const StoredRow& old) override;
  DeleteBehavior delete_behavior() const override { return rows_.layout().delete_behavior; }

 private:
  // Integers as milliseconds: one order for all types.
  Result<format::TimestampValue> VersionOf(const StoredRow& row);

  LatestRows rows_;
  format::Value version_;
};

}  // namespace strom::kv
