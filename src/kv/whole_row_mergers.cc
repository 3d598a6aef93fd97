#include "kv/whole_row_mergers.h"

#include <limits>

namespace strom::kv {

using format::TimestampValue;

Result<MergeOutcome> LastRowMerger::Upsert(const std::optional<StoredRow>& /*old*/,
                                           const StoredRow& /*incoming*/) {
  return MergeOutcome{.kind = MergeKind::kIncoming};
}

Result<MergeOutcome> LastRowMerger::Delete(const StoredRow& /*old*/) {
  return MergeOutcome{.kind = MergeKind::kRemoved};
}

Result<MergeOutcome> FirstRowMerger::Upsert(const std::optional<StoredRow>& old,
                                            const StoredRow& /*incoming*/) {
  return MergeOutcome{.kind = old ? MergeKind::kUnchanged : MergeKind::kIncoming};
}

Result<MergeOutcome> FirstRowMerger::Delete(const StoredRow& /*old*/) {
  return MergeOutcome{.kind = MergeKind::kRemoved};
}

Result<TimestampValue> VersionedMerger::VersionOf(const StoredRow& row) {
  const size_t position = rows_.layout().version_column;
  STROM_TRY_VOID(rows_.ReadColumn(row, position, version_));
  if (const auto* number = version_.As<int64_t>()) return TimestampValue{.ms = *number};
  if (const auto* timestamp = version_.As<TimestampValue>()) return *timestamp;
  const bool is_int = rows_.column(position).type.root == format::TypeRoot::kInteger;
  return TimestampValue{.ms = is_int ? std::numeric_limits<int32_t>::min()
                                     : std::numeric_limits<int64_t>::min()};
}

Result<MergeOutcome> VersionedMerger::Upsert(const std::optional<StoredRow>& old,
                                             const StoredRow& incoming) {
  if (!old) return MergeOutcome{.kind = MergeKind::kIncoming};
  STROM_TRY(const TimestampValue old_version, VersionOf(*old));
  STROM_TRY(const TimestampValue new_version, VersionOf(incoming));
  return MergeOutcome{.kind = new_version >= old_version ? MergeKind::kIncoming
                                                         : MergeKind::kUnchanged};
}

Result<MergeOutcome> VersionedMerger::Delete(const StoredRow& /*old*/) {
  return MergeOutcome{.kind = MergeKind::kRemoved};
}

}  // namespace strom::kv
