// Whole batches decoded to values: for dumps, tests and recovery, never on the append or fetch
// path.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"
#include "format/row_codec.h"
#include "format/schema.h"

namespace strom::format {

struct DecodedRecord {
  Offset offset;
  ChangeType change_type = ChangeType::kAppendOnly;
  Row row;
};

// `batch` is exactly one batch of any magic, written with `schema`. kCorruptRecord says what is
// wrong.
Result<std::vector<DecodedRecord>> DecodeBatch(ByteView batch, const Schema& schema,
                                               LogFormat log_format);

}  // namespace strom::format
