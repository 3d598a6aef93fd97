// Heads of batches: header, statistics, change types and Arrow metadata, which is all that a
// projected or filtered read needs of a batch besides the columns it sends. A copy is kept when a
// batch is first read so; from then on such reads touch no page of the batch but those they send.
#pragma once

#include <cstdint>
#include <expected>

#include "base/bytes.h"
#include "format/arrow_message.h"
#include "format/record_batch.h"

namespace strom::format {

// Smaller batches share most of their pages with their heads.
inline constexpr uint32_t kMinBatchBytesToKeepHead = 16 << 10;
// A head that is more than this part of its batch is read where it is stored.
inline constexpr uint32_t kMinBatchToHeadRatio = 8;

// The kept heads of one run of batches; positions count from its start.
class BatchHeads {
 public:
  virtual ~BatchHeads() = default;
  // Empty if it is not kept. Valid until the next Keep().
  virtual ByteView Find(uint64_t position) = 0;
  virtual void Keep(uint64_t position, ByteView head) = 0;
};

// A batch of a run and where its head is best read.
struct StoredBatch {
  ByteView bytes;  // exactly the batch
  ByteView head;   // its kept copy, or `bytes`
  BatchHeader header;

  bool head_is_kept() const { return head.data() != bytes.data(); }
};

// The batch at `position` of `run`; `heads` may be null.
std::expected<StoredBatch, BatchProblem> ReadStoredBatch(ByteView run, uint64_t position,
                                                         BatchHeads* heads);

// See ReadArrowRecords(batch, header); change types lie in the head, the body in the bytes.
Parsed<ArrowRecords> ReadArrowRecords(const StoredBatch& batch);

// Keeps the head of the batch at `position` if that is worth its memory and was not done before.
void KeepHead(const StoredBatch& batch, const ArrowRecords& records, uint64_t position,
              BatchHeads* heads);

}  // namespace strom::format
