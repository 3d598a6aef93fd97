#include "kv/kv_bucket.h"

#include "format/batch_values.h"
#include "format/value_batch.h"

namespace strom::kv {
namespace {

// A store takes batches of this many changes at a time (spec 05, 3).
constexpr size_t kMaxChangesPerWrite = 500;

}  // namespace

KvBucket::KvBucket(std::shared_ptr<KvTable> table, std::unique_ptr<Store> store)
    : table_(std::move(table)), store_(std::move(store)) {}

Result<Bytes> KvBucket::Prepare(const format::KvBatch& batch, const PutOptions& options) {
  const SchemaVersion* schema = table_->layout().Find(batch.schema_id);
  if (schema == nullptr) {
    return Fail(ErrorCode::kSchemaNotExist, "Table {} has no schema {}; its latest is {}.",
                table_->name(), batch.schema_id, table_->layout().latest().id);
  }
  STROM_TRY(RowMerger * merger, table_->MergerFor(options.target_columns, options.overwrite));
  const ByteView copy = buffer_.Begin(batch.bytes, static_cast<size_t>(batch.record_count));
  format::KvBatch kept = batch;
  kept.bytes = copy;
  KvWriter writer(*table_, *store_, buffer_, ids_, *merger, *schema);
  const Status written = writer.Apply(kept);
  if (!written) {
    buffer_.RollBack();
    table_->builder().Clear();
    return Fail(written.error());
  }
  return table_->builder().Finish(table_->layout().latest().id, batch.writer_id,
                                  batch.batch_sequence);
}

Status KvBucket::Commit(Offset target) {
  StorePosition position = store_->position();
  std::vector<StoreChange> changes;
  while (position.offset < target) {
    changes.clear();
    StorePosition next = position;
    int64_t rows_added = 0;
    const size_t batches =
        buffer_.Collect(target, kMaxChangesPerWrite, changes, rows_added, next.offset);
    if (batches == 0) return {};
    next.row_count += rows_added;
    STROM_TRY_VOID(store_->Write(changes, next));
    buffer_.Drop(batches);
    position = next;
  }
  return {};
}

Status KvBucket::Replay(ByteView batch, const format::BatchHeader& header, Offset from) {
  const TableLayout& layout = table_->layout();
  const SchemaVersion* schema = layout.Find(header.schema_id);
  if (schema == nullptr) {
    return Fail(ErrorCode::kCorruptRecord, "The changelog of {} names schema {}, which is unknown.",
                table_->name(), header.schema_id);
  }
  STROM_TRY(std::vector<format::DecodedRecord> records,
            format::DecodeBatch(batch, *schema->schema, layout.log_format));
  const SchemaVersion& latest = layout.latest();
  std::deque<Bytes> memory;  // what the changes point to
  std::vector<StoreChange> changes;
  StorePosition next = store_->position();
  for (format::DecodedRecord& record : records) {
    if (record.offset < from) continue;
    const bool before = record.change_type == format::ChangeType::kUpdateBefore;
    const bool deleted = record.change_type == format::ChangeType::kDelete;
    next.row_count += before || deleted ? -1 : 1;
    if (before) continue;
    record.row.resize(latest.types.size());
    format::Row key_values;
    for (const size_t column : layout.key_columns)
      key_values.push_back(record.row[column]);
    Bytes& key = memory.emplace_back();
    STROM_TRY_VOID(format::AppendKey(table_->key_encoding(), table_->key_types(), key_values, key));
    StoreChange change{.key = key, .schema_id = latest.id, .deleted = deleted};
    if (!deleted) {
      Bytes& row = memory.emplace_back();
      STROM_TRY_VOID(format::AppendRow(layout.row_format, latest.types, record.row, row));
      change.row = row;
    }
    changes.push_back(change);
  }
  next.offset = header.next_offset();
  return store_->Write(changes, next);
}

Result<std::vector<std::optional<Bytes>>> KvBucket::ReadThroughBuffer(
    std::span<const ByteView> keys) const {
  STROM_TRY(const std::unique_ptr<FoundValues> found, store_->Get(keys));
  std::vector<std::optional<Bytes>> values(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const PreWriteBuffer::Entry* entry = buffer_.Find(keys[i]);
    if (entry != nullptr) {
      if (entry->change.deleted) continue;
      format::AppendStoredValue(entry->change.schema_id, entry->change.row, values[i].emplace());
    } else if (const auto& value = found->values()[i]) {
      values[i].emplace(value->begin(), value->end());
    }
  }
  return values;
}

}  // namespace strom::kv
