// Stored rows of any schema as values of the latest schema's columns, and back. Columns are matched
// by id; one that a row's schema does not have is null. Part of a merger, which owns it.
#pragma once

#include <span>

#include "format/row_codec.h"
#include "kv/row_merger.h"

namespace strom::kv {

class LatestRows {
 public:
  // `layout` outlives this.
  explicit LatestRows(const TableLayout& layout) : layout_(layout) {}

  // Replaces `out`, whose memory is reused. kCorruptRecord, kSchemaNotExist.
  Status Read(const StoredRow& stored, format::Row& out);
  // The value of one column; what stands behind it in the row is not looked at.
  Status ReadColumn(const StoredRow& stored, size_t position, format::Value& out);
  // kUnknownServerError naming a NOT NULL column that `row` has no value for, or a value that does
  // not fit its column.
  Result<MergeOutcome> Write(std::span<const format::Value> row, size_t size_hint_bytes) const;

  const TableLayout& layout() const { return layout_; }
  const format::Column& column(size_t position) const {
    return layout_.latest().schema->columns[position];
  }

 private:
  Result<const SchemaVersion*> VersionOf(const StoredRow& stored) const;

  const TableLayout& layout_;
  format::Row scratch_;
};

}  // namespace strom::kv
