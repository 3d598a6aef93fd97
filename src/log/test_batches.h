// For tests only: batches with a valid header and CRC around a payload that nobody decodes.
#pragma once

#include "base/bytes.h"
#include "format/batch_check.h"
#include "format/record_batch.h"

namespace strom::log {

struct TestBatch {
  int32_t records = 1;
  WriterId writer = kNoWriterId;
  int32_t sequence = format::kNoBatchSequence;
  size_t payload_bytes = 52;  // 100 bytes in all
  uint8_t fill = 0x5a;
};

// Magic 0, schema 1, append-only (spec 02, 2).
inline Bytes MakeBatch(const TestBatch& batch) {
  Bytes bytes(format::kMinBatchHeaderBytes + batch.payload_bytes, batch.fill);
  std::fill_n(bytes.begin(), format::kMinBatchHeaderBytes, uint8_t{0});
  StoreLittle(bytes.data() + 8, static_cast<int32_t>(bytes.size() - format::kBatchOverheadBytes));
  StoreLittle<int16_t>(bytes.data() + 25, 1);
  bytes[27] = 1;
  StoreLittle<int32_t>(bytes.data() + 28, std::max(batch.records - 1, 0));
  StoreLittle(bytes.data() + 32, batch.writer.value);
  StoreLittle(bytes.data() + 40, batch.sequence);
  StoreLittle(bytes.data() + 44, batch.records);
  const auto header = format::ReadBatchHeader(bytes);
  StoreLittle(bytes.data() + 21, format::ComputeBatchCrc(bytes, *header));
  return bytes;
}

inline format::CheckedBatch Checked(Bytes& bytes) {
  return {MutableByteView(bytes), *format::ReadBatchHeader(bytes)};
}

}  // namespace strom::log
