// The ranges of a batch's columns, computed from its records: for batches whose writers sent no
// statistics, which is most (spec 02, 4.1). Column by column over the Arrow buffers; only those of
// the wanted columns are decompressed. Never on the append path.
#pragma once

#include <cstdint>
#include <vector>

#include "format/predicate.h"
#include "format/record_batch.h"
#include "format/schema.h"
#include "format/schema_shape.h"

namespace strom::format {

// Of CHAR and STRING bounds at most so many bytes are kept; a longer one is widened.
inline constexpr size_t kMaxBoundBytes = 32;

// Whether ranges of such a column can be computed.
bool CanHaveRange(const DataType& type);

// Makes ranges for batches of one schema. Immutable; any thread.
class RangeBuilder {
 public:
  // `columns`: positions in the schema, ascending; those that can have no range are left out.
  RangeBuilder(const Schema& schema, std::vector<size_t> columns);

  const std::vector<size_t>& columns() const { return columns_; }
  // One for each of columns(). `batch` holds at least header.size_bytes of an ARROW batch.
  // kCorruptRecord with what is wrong: the caller then knows nothing of the batch.
  Result<std::vector<ColumnRange>> Compute(ByteView batch, const BatchHeader& header) const;

 private:
  std::vector<size_t> columns_;
  std::vector<DataType> types_;      // of columns_
  std::vector<ShapeColumn> places_;  // of columns_
  size_t node_count_ = 0;            // of the whole schema
  size_t buffer_count_ = 0;
};

}  // namespace strom::format
