#include "format/batch_heads.h"

namespace strom::format {

std::expected<StoredBatch, BatchProblem> ReadStoredBatch(ByteView run, uint64_t position,
                                                         BatchHeads* heads) {
  const ByteView rest = run.subspan(static_cast<size_t>(position));
  StoredBatch batch;
  if (heads != nullptr) batch.head = heads->Find(position);
  if (batch.head.empty()) batch.head = rest;
  const auto header = ReadBatchHeader(batch.head, rest.size());
  if (!header) return std::unexpected(header.error());
  batch.header = *header;
  batch.bytes = rest.first(header->size_bytes);
  if (!batch.head_is_kept()) batch.head = batch.bytes;
  return batch;
}

Parsed<ArrowRecords> ReadArrowRecords(const StoredBatch& batch) {
  return ReadArrowRecords(batch.head, batch.bytes, batch.header);
}

void KeepHead(const StoredBatch& batch, const ArrowRecords& records, uint64_t position,
              BatchHeads* heads) {
  if (heads == nullptr || batch.head_is_kept()) return;
  if (batch.bytes.size() < kMinBatchBytesToKeepHead) return;
  const size_t head_bytes = batch.bytes.size() - records.message.body().size();
  if (head_bytes > batch.bytes.size() / kMinBatchToHeadRatio) return;
  heads->Keep(position, batch.bytes.first(head_bytes));
}

}  // namespace strom::format
