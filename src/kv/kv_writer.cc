#include "kv/kv_writer.h"

#include <limits>

#include "format/row_check.h"
#include "format/value_batch.h"
#include "kv/kv_bucket.h"

namespace strom::kv {
namespace {

using format::ChangeType;

constexpr size_t kBuffered = std::numeric_limits<size_t>::max();

}  // namespace

std::optional<int64_t> IdRanges::Take() {
  if (ranges_.empty()) return std::nullopt;
  Range& range = ranges_.front();
  const int64_t id = range.next;
  if (range.next == range.last) {
    ranges_.pop_front();
  } else {
    ++range.next;
  }
  --left_;
  return id;
}

// The plain engine with the WAL image needs no old rows (spec 05, 4).
KvWriter::KvWriter(KvTable& table, const Store& store, PreWriteBuffer& buffer, IdRanges& ids,
                   RowMerger& merger, const SchemaVersion& schema)
    : table_(table),
      layout_(table.layout()),
      store_(store),
      buffer_(buffer),
      ids_(ids),
      merger_(merger),
      schema_(schema),
      reads_old_rows_(layout_.full_image || !merger.replaces_whole_rows() ||
                      layout_.auto_increment_column.has_value()) {}

Status KvWriter::Apply(const format::KvBatch& batch) {
  STROM_TRY_VOID(ReadRecords(batch));
  STROM_TRY_VOID(ReadOldRows());
  for (size_t i = 0; i < records_.size(); ++i) {
    Status applied = ApplyOne(i);
    if (!applied) {
      return Fail(applied.error().code, "Record {} of the batch for {}: {}", i, table_.name(),
                  applied.error().message);
    }
  }
  return {};
}

Status KvWriter::ReadRecords(const format::KvBatch& batch) {
  records_.reserve(static_cast<size_t>(batch.record_count));
  format::KvRecordWalk walk(batch);
  while (!walk.done()) {
    STROM_TRY(const format::KvRecord record, walk.Next());
    if (record.key.size() > kMaxKeyBytes || record.row.size() > kMaxRowBytes) {
      return Fail(ErrorCode::kRecordTooLarge,
                  "A record for {} has a key of {} and a row of {} bytes; keys may have {} and "
                  "rows {}.",
                  table_.name(), record.key.size(), record.row.size(), kMaxKeyBytes, kMaxRowBytes);
    }
    if (!record.is_delete()) {
      STROM_TRY_VOID(format::CheckRow(layout_.row_format, record.row, schema_.types));
    } else if (merger_.delete_behavior() == DeleteBehavior::kDisable) {
      return Fail(ErrorCode::kDeletionDisabled,
                  "Table {} forbids deletes (table.delete.behavior = DISABLE); nothing of the "
                  "batch was written.",
                  table_.name());
    }
    records_.push_back(record);
  }
  return {};
}

Status KvWriter::ReadOldRows() {
  std::vector<ByteView> keys;
  found_at_.assign(records_.size(), kBuffered);
  for (size_t i = 0; i < records_.size(); ++i) {
    const bool wanted = records_[i].is_delete()
                            ? merger_.delete_behavior() == DeleteBehavior::kAllow
                            : reads_old_rows_;
    if (!wanted || buffer_.Find(records_[i].key) != nullptr) continue;
    found_at_[i] = keys.size();
    keys.push_back(records_[i].key);
  }
  if (keys.empty()) return {};
  STROM_TRY(found_, store_.Get(keys));
  return {};
}

Result<std::optional<StoredRow>> KvWriter::OldRow(size_t i) const {
  // What earlier records of this batch made of the key is buffered too.
  const PreWriteBuffer::Entry* entry = buffer_.Find(records_[i].key);
  if (entry != nullptr) {
    if (entry->change.deleted) return std::optional<StoredRow>();
    return std::optional(StoredRow{entry->change.schema_id, entry->change.row});
  }
  if (found_at_[i] == kBuffered) return std::optional<StoredRow>();
  const auto& value = found_->values()[found_at_[i]];
  if (!value) return std::optional<StoredRow>();
  STROM_TRY(const StoredRow stored, format::SplitStoredValue(*value));
  return std::optional(stored);
}

Status KvWriter::ApplyOne(size_t i) {
  const format::KvRecord& record = records_[i];
  if (record.is_delete()) {
    if (merger_.delete_behavior() == DeleteBehavior::kIgnore) return {};
    STROM_TRY(const std::optional<StoredRow> old, OldRow(i));
    return Delete(record, old);
  }
  if (!reads_old_rows_) {
    const StoredRow row{schema_.id, record.row};
    STROM_TRY_VOID(Log(ChangeType::kUpdateAfter, row));
    buffer_.Add({record.key, row.schema_id, row.row}, RowCountChange::kSame);
    return {};
  }
  STROM_TRY(const std::optional<StoredRow> old, OldRow(i));
  return Upsert(record, old);
}

Status KvWriter::Upsert(const format::KvRecord& record, const std::optional<StoredRow>& old) {
  const StoredRow incoming{schema_.id, record.row};
  STROM_TRY(MergeOutcome outcome, merger_.Upsert(old, incoming));
  if (outcome.kind == MergeKind::kUnchanged) return {};
  StoredRow row = incoming;
  if (outcome.kind == MergeKind::kMerged) {
    if (outcome.row.size() > kMaxRowBytes) {
      return Fail(ErrorCode::kRecordTooLarge, "the merged row has {} bytes; rows may have {}",
                  outcome.row.size(), kMaxRowBytes);
    }
    row = {layout_.latest().id, buffer_.Keep(std::move(outcome.row))};
  }
  if (!old && layout_.auto_increment_column) {
    STROM_TRY(Bytes with_id, WithId(row));
    row = {layout_.latest().id, buffer_.Keep(std::move(with_id))};
  }
  return Put(record.key, row, old);
}

Status KvWriter::Delete(const format::KvRecord& record, const std::optional<StoredRow>& old) {
  if (!old) return {};
  STROM_TRY(MergeOutcome outcome, merger_.Delete(*old));
  if (outcome.kind == MergeKind::kUnchanged) return {};
  if (outcome.kind == MergeKind::kMerged) {
    return Put(record.key, {layout_.latest().id, buffer_.Keep(std::move(outcome.row))}, old);
  }
  STROM_TRY_VOID(Log(ChangeType::kDelete, *old));
  buffer_.Add({.key = record.key, .deleted = true}, RowCountChange::kLess);
  return {};
}

Status KvWriter::Put(ByteView key, const StoredRow& row, const std::optional<StoredRow>& old) {
  if (old && layout_.full_image) STROM_TRY_VOID(Log(ChangeType::kUpdateBefore, *old));
  STROM_TRY_VOID(Log(old ? ChangeType::kUpdateAfter : ChangeType::kInsert, row));
  buffer_.Add({key, row.schema_id, row.row}, old ? RowCountChange::kSame : RowCountChange::kMore);
  return {};
}

Status KvWriter::Log(ChangeType change, const StoredRow& row) {
  const SchemaVersion* version = layout_.Find(row.schema_id);
  if (version == nullptr) {
    return Fail(ErrorCode::kKvStorage, "a stored row names schema {}, which is unknown",
                row.schema_id);
  }
  return table_.builder().Add(change, layout_.row_format, row.row, version->types);
}

Result<Bytes> KvWriter::WithId(const StoredRow& row) {
  const size_t column = *layout_.auto_increment_column;
  const SchemaVersion& latest = layout_.latest();
  const std::optional<int64_t> id = ids_.Take();
  const bool narrow = latest.types[column].root == format::TypeRoot::kInteger;
  if (!id || (narrow && *id > std::numeric_limits<int32_t>::max())) {
    return Fail(ErrorCode::kUnknownServerError,
                "column '{}' has no number left for a new row: the largest was given out",
                latest.schema->columns[column].name);
  }
  const SchemaVersion* version = layout_.Find(row.schema_id);
  STROM_TRY(format::Row values, format::DecodeRow(layout_.row_format, row.row, version->types));
  values.resize(latest.types.size());
  values[column] = format::Value::Int(*id);
  Bytes encoded;
  STROM_TRY_VOID(format::AppendRow(layout_.row_format, latest.types, values, encoded));
  return encoded;
}

}  // namespace strom::kv
