// Builds the Arrow message of an ARROW changelog batch out of stored rows (spec 02, 3.2). Rows of
// the default row format go from their bytes into the columns without a Value in between. Reused
// from batch to batch: buffers keep their capacity. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/arrow_column.h"
#include "format/arrow_message.h"
#include "format/body_compressor.h"
#include "format/row_codec.h"

namespace strom::format {

class ArrowBatchBuilder {
 public:
  // `types` are the columns of the schema the batch will name.
  ArrowBatchBuilder(std::vector<DataType> types, BodyCodec codec, int zstd_level);

  // Appends one row whose first columns have `row_types`, a prefix of the types; the rest are null.
  // kCorruptRecord: the row does not decode, or a value has no Arrow form (a timestamp out of
  // range). The builder must be cleared then.
  Status AppendRow(RowFormat format, ByteView row, RowType row_types);
  Status AppendValues(std::span<const Value> row);

  // Appends the message to `out` and clears the builder. At least one row.
  void Finish(Bytes& out);
  void Clear();

 private:
  Status AppendCompacted(ByteView row, RowType row_types);

  std::vector<DataType> types_;
  std::vector<ArrowColumn> columns_;
  size_t node_count_ = 0;
  size_t buffer_count_ = 0;
  size_t rows_ = 0;
  BodyCompressor compressor_;
};

}  // namespace strom::format
