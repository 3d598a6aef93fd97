#include "format/log_batch_builder.h"

#include <algorithm>

namespace strom::format {
namespace {

RowFormat LayoutOf(LogFormat format) {
  return format == LogFormat::kIndexed ? RowFormat::kIndexed : RowFormat::kCompacted;
}

}  // namespace

LogBatchBuilder::LogBatchBuilder(std::vector<DataType> types, const LogBatchOptions& options)
    : types_(std::move(types)), log_format_(options.log_format) {
  if (log_format_ == LogFormat::kArrow) arrow_.emplace(types_, options.codec, options.zstd_level);
}

Status LogBatchBuilder::Add(ChangeType change, RowFormat format, ByteView row, RowType row_types) {
  if (arrow_) {
    STROM_TRY_VOID(arrow_->AppendRow(format, row, row_types));
  } else {
    STROM_TRY_VOID(AddFramed(change, format, row, row_types));
  }
  changes_.push_back(static_cast<uint8_t>(change));
  return {};
}

Status LogBatchBuilder::AddFramed(ChangeType change, RowFormat format, ByteView row,
                                  RowType row_types) {
  const size_t start = records_.size();
  records_.resize(start + 4);
  records_.push_back(static_cast<uint8_t>(change));
  if (format == LayoutOf(log_format_) && row_types.size() == types_.size()) {
    Append(records_, row);
  } else {
    STROM_TRY(Row values, DecodeRow(format, row, row_types));
    values.resize(types_.size());
    STROM_TRY_VOID(AppendRow(LayoutOf(log_format_), types_, values, records_));
  }
  StoreLittle(records_.data() + start, static_cast<int32_t>(records_.size() - start - 4));
  return {};
}

Bytes LogBatchBuilder::Finish(SchemaId schema_id, WriterId writer_id, int32_t batch_sequence) {
  Bytes batch(kMinBatchHeaderBytes);
  const int32_t count = record_count();
  if (count > 0 && arrow_) {
    Append(batch, changes_);
    arrow_->Finish(batch);
  } else {
    Append(batch, records_);
  }
  BatchHeader header{.base_offset = Offset(0),
                     .size_bytes = static_cast<uint32_t>(batch.size()),
                     .header_bytes = kMinBatchHeaderBytes,
                     .schema_id = schema_id,
                     .last_offset_delta = std::max(count - 1, 0),
                     .writer_id = writer_id,
                     .batch_sequence = batch_sequence,
                     .record_count = count};
  WriteBatchHeader(batch, header);
  SetBatchCrc(batch, header);
  Clear();
  return batch;
}

void LogBatchBuilder::Clear() {
  if (arrow_) arrow_->Clear();
  changes_.clear();
  records_.clear();
}

}  // namespace strom::format
