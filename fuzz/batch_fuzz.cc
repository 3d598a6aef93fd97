// A produced payload: the checks before an append, and every decoder on what passed. The CRC is
// made to fit, because a hostile writer would.
#include "format/batch_check.h"
#include "format/batch_values.h"
#include "schemas.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  if (size < 1) return 0;
  const auto& schema = fuzz::Schemas()[data[0] % fuzz::Schemas().size()];
  const auto log_format = static_cast<format::LogFormat>(data[0] / 64 % 3);
  Bytes bytes(data + 1, data + size);
  if (const auto header = format::ReadBatchHeader(bytes);
      header && header->size_bytes <= bytes.size()) {
    const ByteView batch = ByteView(bytes).first(header->size_bytes);
    StoreLittle(bytes.data() + (header->magic == 2 ? 25 : 21),
                format::ComputeBatchCrc(batch, *header));
    (void)format::DecodeBatch(batch, *schema, log_format);
  }
  const auto rules = format::BatchRules::Make(log_format, false, {{SchemaId(1), schema}});
  const auto checked = format::SplitAndCheck(bytes, rules);
  if (!checked) return 0;
  for (const format::CheckedBatch& batch : *checked) {
    (void)format::DecodeBatch(batch.bytes, *schema, log_format);
  }
  return 0;
}
