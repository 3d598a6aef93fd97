#include "kv/kv_table.h"

#include <algorithm>

namespace strom::kv {

KvTable::KvTable(std::string name, TableLayout layout, format::KeyEncoding key_encoding,
                 const format::LogBatchOptions& log)
    : name_(std::move(name)),
      layout_(std::move(layout)),
      key_encoding_(key_encoding),
      builder_(layout_.latest().types, log) {
  for (const size_t column : layout_.key_columns) {
    key_types_.push_back(layout_.latest().types[column]);
    key_targets_.push_back(static_cast<int32_t>(column));
  }
}

Result<RowMerger*> KvTable::MergerFor(std::span<const int32_t> target_columns, bool overwrite) {
  if (target_columns.empty() && !overwrite) {
    if (whole_rows_) return whole_rows_.get();
    auto made = MakeRowMerger(layout_, target_columns, overwrite);
    if (!made) return Fail(made.error().code, "Table {}: {}", name_, made.error().message);
    whole_rows_ = std::move(*made);
    return whole_rows_.get();
  }
  if (other_ && overwrite == other_overwrites_ &&
      std::ranges::equal(target_columns, other_targets_)) {
    return other_.get();
  }
  auto made = MakeRowMerger(layout_, target_columns, overwrite);
  if (!made) return Fail(made.error().code, "Table {}: {}", name_, made.error().message);
  other_ = std::move(*made);
  other_overwrites_ = overwrite;
  other_targets_.assign(target_columns.begin(), target_columns.end());
  return other_.get();
}

Result<Bytes> KvTable::RowOfKey(ByteView key) {
  if (auto possible = MergerFor(key_targets_, false); !possible) return Fail(possible.error());
  const SchemaVersion& latest = layout_.latest();
  STROM_TRY(format::Row values, format::DecodeKey(key_encoding_, key, key_types_));
  format::Row row(latest.types.size());
  if (layout_.auto_increment_column) {
    const size_t column = *layout_.auto_increment_column;
    if (!latest.types[column].nullable) row[column] = format::Value::Int(0);  // filled later
  }
  for (size_t i = 0; i < values.size(); ++i)
    row[layout_.key_columns[i]] = std::move(values[i]);
  Bytes encoded;
  STROM_TRY_VOID(format::AppendRow(layout_.row_format, latest.types, row, encoded));
  return encoded;
}

}  // namespace strom::kv
