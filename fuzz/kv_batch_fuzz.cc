// A batch of PUT_KV: the walk over its records, the check of each row, and every decoder on what
// passed. The CRC is made to fit, because a hostile writer would.
#include "base/check.h"
#include "format/key_encoder.h"
#include "format/kv_batch.h"
#include "format/row_check.h"
#include "format/value_batch.h"
#include "schemas.h"

namespace {

using namespace strom;

// A row that passes the check decodes, and its key can be taken out of it.
void CheckRowOf(const format::KvRecord& record, format::RowFormat row_format,
                format::RowType types) {
  if (!format::CheckRow(row_format, record.row, types)) return;
  const auto row = format::DecodeRow(row_format, record.row, types);
  STROM_CHECK(row);
  const size_t columns[] = {0};
  Bytes taken;
  Bytes encoded;
  const bool has_key = format::AppendKeyOfRow(format::KeyEncoding::kCompacted, row_format,
                                              record.row, types, columns, taken)
                           .has_value();
  const bool encodes = format::AppendKey(format::KeyEncoding::kCompacted, types.first(1),
                                         std::span(*row).first(1), encoded)
                           .has_value();
  STROM_CHECK(has_key == encodes);
  STROM_CHECK(taken == encoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const auto& schema = fuzz::Schemas()[data[0] % fuzz::Schemas().size()];
  const auto row_format =
      data[0] / 64 % 2 == 0 ? format::RowFormat::kCompacted : format::RowFormat::kIndexed;
  const auto types = format::FieldTypes(*schema);
  Bytes bytes(data + 1, data + size);
  (void)format::ParseValueBatch(bytes);
  if (bytes.size() >= format::kKvBatchHeaderBytes) format::SetKvBatchCrc(bytes);
  const auto batch = format::ParseKvBatch(bytes);
  if (!batch) return 0;
  format::KvRecordWalk walk(*batch);
  format::KvBatchBuilder builder;
  while (!walk.done()) {
    const auto record = walk.Next();
    if (!record) return 0;
    CheckRowOf(*record, row_format, types);
    record->is_delete() ? builder.Delete(record->key) : builder.Add(record->key, record->row);
  }
  Bytes again = builder.Finish(batch->schema_id, batch->writer_id, batch->batch_sequence);
  again[11] = bytes[11];  // attributes, which nobody uses
  format::SetKvBatchCrc(again);
  STROM_CHECK(again == bytes);
  return 0;
}
