// Walks the records of an INDEXED or COMPACTED batch (spec 02, 3.3 and 3.4). Both frame a record as
//   int32 length | change type byte | row of length - 1 bytes
// without padding between records or behind the last. Rows are not decoded.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "format/record_batch.h"

namespace strom::format {

struct RawRecord {
  ChangeType change_type = ChangeType::kAppendOnly;
  ByteView row;
};

// `records` are the bytes of a batch from header.records_position() to its end; the walk reads
// record_count of them and never past the end:
//   while (!walk.done()) { auto record = walk.Next(); … }
class RecordWalk {
 public:
  RecordWalk(ByteView records, int32_t record_count)
      : records_(records), left_(record_count > 0 ? record_count : 0) {}

  bool done() const { return left_ == 0; }
  // The next record; after an error the walk is done. The last one must end with the batch.
  Parsed<RawRecord> Next();

 private:
  Parsed<RawRecord> Stop(std::string_view problem);

  ByteView records_;
  int32_t left_;
};

}  // namespace strom::format
