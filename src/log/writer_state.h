// What a bucket remembers of idempotent writers (spec 04, 6): the newest five batches of each, so
// that a batch sent again is recognised and a lost one is noticed. Owned by a Log, on its shard.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"
#include "format/batch_check.h"

namespace strom::log {

inline constexpr size_t kBatchesPerWriter = 5;  // clients have at most that many in flight
// Writers of one bucket. Beyond it the longest idle ones are forgotten, as if they had expired.
inline constexpr size_t kMaxWritersPerBucket = 1 << 16;

struct WriterBatch {
  int32_t sequence = 0;
  Offset last_offset;
  int32_t offset_delta = 0;
  Timestamp timestamp;

  Offset base_offset() const { return last_offset - offset_delta; }
  friend bool operator==(const WriterBatch&, const WriterBatch&) = default;
};

// At least one and at most five batches, oldest first.
class WriterBatches {
 public:
  explicit WriterBatches(const WriterBatch& first) { Push(first); }

  void Push(const WriterBatch& batch);
  // Forgets all but `batch`: the sequence started anew.
  void Restart(const WriterBatch& batch);
  const WriterBatch* Find(int32_t sequence) const;
  const WriterBatch& newest() const { return batches_[count_ - 1]; }
  std::span<const WriterBatch> all() const { return std::span(batches_).first(count_); }

 private:
  std::array<WriterBatch, kBatchesPerWriter> batches_;
  size_t count_ = 0;
};

// The sequence that must follow: wraps from 2147483647 to 0.
int32_t NextSequence(int32_t sequence);

class WriterStates {
 public:
  // Checks a payload that would begin at `base`, batch after batch (spec 04, 6.3). The original
  // batch if one of them is here already, nothing if all may be appended, else 31.
  Result<std::optional<WriterBatch>> Check(std::span<const format::CheckedBatch> payload,
                                           Offset base, const TableBucket& bucket) const;

  // Takes in a batch that is in the log. Batches of a log are trusted: a gap restarts the writer.
  void Record(const format::BatchHeader& header);

  // Forgets writers whose newest batch is older than `oldest`.
  void Expire(Timestamp oldest);

  size_t size() const { return writers_.size(); }
  const std::unordered_map<WriterId, WriterBatches>& writers() const { return writers_; }
  void Restore(WriterId writer, std::span<const WriterBatch> oldest_first);

 private:
  void ForgetIdle();

  std::unordered_map<WriterId, WriterBatches> writers_;
};

}  // namespace strom::log
