#include "kv/partial_update.h"

namespace strom::kv {

using format::Value;

Result<MergeOutcome> PartialUpdateMerger::Insert(const StoredRow& incoming) {
  STROM_TRY_VOID(rows_.Read(incoming, incoming_));
  for (size_t i = 0; i < incoming_.size(); ++i) {
    if (!targets_.contains[i]) incoming_[i] = Value::Null();
  }
  if (const auto filled = rows_.layout().auto_increment_column) {
    if (!rows_.column(*filled).type.nullable) incoming_[*filled] = Value::Int(0);
  }
  return rows_.Write(incoming_, incoming.row.size());
}

Result<MergeOutcome> PartialUpdateMerger::Upsert(const std::optional<StoredRow>& old,
                                                 const StoredRow& incoming) {
  if (!old) return Insert(incoming);
  if (targets_.key_only) return MergeOutcome{.kind = MergeKind::kUnchanged};
  STROM_TRY_VOID(rows_.Read(*old, merged_));
  STROM_TRY_VOID(rows_.Read(incoming, incoming_));
  for (size_t i = 0; i < merged_.size(); ++i) {
    if (targets_.contains[i]) std::swap(merged_[i], incoming_[i]);
  }
  return rows_.Write(merged_, old->row.size() + incoming.row.size());
}

Result<MergeOutcome> PartialUpdateMerger::Delete(const StoredRow& old) {
  return DeleteTargets(rows_, targets_, old, merged_);
}

}  // namespace strom::kv
