// What the KV store holds for a key, and how such values travel (spec 03, 11.1 and 11.3):
//   stored value     := int16 schema id | row in table.kv.format
//   ValueRecordBatch := int32 length (bytes behind it) | magic 0 | int32 record count |
//                       (int32 length | stored value) of each record
// The batch answers LIMIT_SCAN and SCAN_KV; it has no CRC and no keys. Little-endian.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace strom::format {

inline constexpr size_t kValueBatchHeaderBytes = 9;
inline constexpr size_t kStoredSchemaIdBytes = sizeof(int16_t);

struct StoredValue {
  SchemaId schema_id;  // the schema that the row was written with
  ByteView row;
};

// A view on a stored value; kKvStorage if it is too short to be one.
Result<StoredValue> SplitStoredValue(ByteView value);
void AppendStoredValue(SchemaId schema_id, ByteView row, Bytes& out);

// Collects stored values, which are copied.
class ValueBatchBuilder {
 public:
  ValueBatchBuilder() { Clear(); }

  void Add(ByteView stored_value);

  // Of the batch as it would be now, header included.
  size_t size_bytes() const { return bytes_.size(); }
  int32_t record_count() const { return record_count_; }
  // What a value of so many bytes would add.
  static constexpr size_t RecordBytes(size_t value_bytes) { return sizeof(int32_t) + value_bytes; }

  // The complete batch; the builder is empty afterwards.
  Bytes Finish();

 private:
  void Clear();

  Bytes bytes_;
  int32_t record_count_ = 0;
};

// The stored values of a batch that takes all of `bytes`, for clients and tests; kCorruptMessage.
Result<std::vector<ByteView>> ParseValueBatch(ByteView bytes);

}  // namespace strom::format
