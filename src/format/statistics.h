// The statistics section that some writers put in front of the records of an ARROW batch (spec 02,
// 4), decoded.
#pragma once

#include <vector>

#include "format/predicate.h"
#include "format/record_batch.h"
#include "format/schema.h"

namespace strom::format {

struct StatedRange {
  size_t column = 0;  // position in the schema of the batch
  ColumnRange range;
};

// Of `batch`, which holds at least header.size_bytes, in the order of the section. Empty if it has
// no section, or one that does not add up: then nothing is known of the batch (spec 02, 4.5).
std::vector<StatedRange> ReadStatistics(ByteView batch, const BatchHeader& header,
                                        const Schema& schema);

}  // namespace strom::format
