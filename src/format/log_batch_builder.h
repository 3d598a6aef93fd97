// Builds a changelog batch (magic 0) out of rows of a KV store: change types and rows in, the bytes
// of a whole batch out, ready to be appended to the bucket's log. Base offset and commit timestamp
// are the log's to set. Reused from batch to batch; not thread-safe.
//
// Magic 0 because clients of the Rust family read no other where it matters (spec 02, 2.2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/arrow_batch_builder.h"
#include "format/record_batch.h"
#include "format/row_codec.h"

namespace strom::format {

struct LogBatchOptions {
  LogFormat log_format = LogFormat::kArrow;
  BodyCodec codec = BodyCodec::kNone;  // of kArrow
  int zstd_level = 3;
};

class LogBatchBuilder {
 public:
  // `types` are the columns of the schema that the batches will name.
  LogBatchBuilder(std::vector<DataType> types, const LogBatchOptions& options);

  int32_t record_count() const { return static_cast<int32_t>(changes_.size()); }

  // A row in `format` whose columns have `row_types`, a prefix of the types; the others are null.
  // kCorruptRecord when it cannot be decoded or logged; then the builder must be cleared.
  Status Add(ChangeType change, RowFormat format, ByteView row, RowType row_types);

  // The batch of what was added, and a cleared builder. Without records: the batch of a header
  // alone that takes one offset (spec 05, 2).
  Bytes Finish(SchemaId schema_id, WriterId writer_id, int32_t batch_sequence);
  void Clear();

 private:
  Status AddFramed(ChangeType change, RowFormat format, ByteView row, RowType row_types);

  std::vector<DataType> types_;
  LogFormat log_format_;
  std::optional<ArrowBatchBuilder> arrow_;
  std::vector<uint8_t> changes_;
  Bytes records_;  // framed, of INDEXED and COMPACTED
};

}  // namespace strom::format
