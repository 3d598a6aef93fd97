// What the buckets of a primary-key table on one shard share: its layout, how keys are made, and
// the builder of changelog batches. Shard-local.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "format/key_encoder.h"
#include "format/log_batch_builder.h"
#include "kv/row_merger.h"
#include "kv/table_layout.h"

namespace strom::kv {

class KvTable {
 public:
  // `name` is for messages, as "db.table".
  KvTable(std::string name, TableLayout layout, format::KeyEncoding key_encoding,
          const format::LogBatchOptions& log);

  const std::string& name() const { return name_; }
  const TableLayout& layout() const { return layout_; }
  format::KeyEncoding key_encoding() const { return key_encoding_; }
  format::LogBatchBuilder& builder() { return builder_; }

  // The merger of a request; the one without target columns is made once. Valid until the next
  // call. kInvalidTargetColumn names table, columns and rule.
  Result<RowMerger*> MergerFor(std::span<const int32_t> target_columns, bool overwrite);

  // Of the primary key's columns, in its order.
  std::span<const format::DataType> key_types() const { return key_types_; }
  // Positions of the primary key as target columns, for inserts of missing keys.
  std::span<const int32_t> key_targets() const { return key_targets_; }
  // The row of a key alone: its columns, everything else null, in the latest schema.
  // kInvalidTargetColumn if rows of this table cannot be like that.
  Result<Bytes> RowOfKey(ByteView key);

 private:
  const std::string name_;
  const TableLayout layout_;
  const format::KeyEncoding key_encoding_;
  format::LogBatchBuilder builder_;
  std::unique_ptr<RowMerger> whole_rows_;
  std::unique_ptr<RowMerger> other_;
  std::vector<int32_t> other_targets_;
  bool other_overwrites_ = false;
  std::vector<format::DataType> key_types_;
  std::vector<int32_t> key_targets_;
};

}  // namespace strom::kv
