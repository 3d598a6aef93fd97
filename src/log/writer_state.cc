#include "log/writer_state.h"

#include <limits>

#include "base/check.h"

namespace strom::log {
namespace {

constexpr int32_t kMaxSequence = std::numeric_limits<int32_t>::max();

// As the reference prints it: users search for this text.
std::string ReferenceText(const TableBucket& bucket) {
  if (!bucket.partition) {
    return fmt::format("TableBucket{{tableId={}, bucket={}}}", bucket.table, bucket.bucket);
  }
  return fmt::format("TableBucket{{tableId={}, partitionId={}, bucket={}}}", bucket.table,
                     *bucket.partition, bucket.bucket);
}

// The sequence of the last batch of `writer` among the first `count` of the payload.
std::optional<int32_t> LastSequenceIn(std::span<const format::CheckedBatch> payload, size_t count,
                                      WriterId writer) {
  for (size_t i = count; i > 0; --i) {
    const format::BatchHeader& header = payload[i - 1].header;
    if (header.writer_id == writer) return header.batch_sequence;
  }
  return std::nullopt;
}

}  // namespace

int32_t NextSequence(int32_t sequence) {
  return sequence == kMaxSequence ? 0 : sequence + 1;
}

void WriterBatches::Push(const WriterBatch& batch) {
  if (count_ == kBatchesPerWriter) {
    std::shift_left(batches_.begin(), batches_.end(), 1);
    --count_;
  }
  batches_[count_++] = batch;
}

void WriterBatches::Restart(const WriterBatch& batch) {
  count_ = 0;
  Push(batch);
}

const WriterBatch* WriterBatches::Find(int32_t sequence) const {
  for (const WriterBatch& batch : all()) {
    if (batch.sequence == sequence) return &batch;
  }
  return nullptr;
}

Result<std::optional<WriterBatch>> WriterStates::Check(
    std::span<const format::CheckedBatch> payload, Offset base, const TableBucket& bucket) const {
  Offset offset = base;
  for (size_t i = 0; i < payload.size(); ++i) {
    const format::BatchHeader& header = payload[i].header;
    if (header.idempotent()) {
      const auto known = writers_.find(header.writer_id);
      if (known != writers_.end()) {
        if (const WriterBatch* original = known->second.Find(header.batch_sequence)) {
          return *original;
        }
      }
      std::optional<int32_t> last = LastSequenceIn(payload, i, header.writer_id);
      if (!last && known != writers_.end()) last = known->second.newest().sequence;
      if (header.batch_sequence != NextSequence(last.value_or(format::kNoBatchSequence))) {
        return Fail(ErrorCode::kOutOfOrderSequence,
                    "Out of order batch sequence for writer {} at offset {} in table-bucket {} : "
                    "{} (incoming batch seq.), {} (current batch seq.)",
                    header.writer_id, offset + header.last_offset_delta, ReferenceText(bucket),
                    header.batch_sequence, last.value_or(format::kNoBatchSequence));
      }
    }
    offset = offset + header.last_offset_delta + 1;
  }
  return std::nullopt;
}

void WriterStates::Record(const format::BatchHeader& header) {
  if (!header.idempotent()) return;
  const WriterBatch batch{header.batch_sequence, header.last_offset(), header.last_offset_delta,
                          header.commit_timestamp};
  const auto known = writers_.find(header.writer_id);
  if (known == writers_.end()) {
    writers_.emplace(header.writer_id, WriterBatches(batch));
    if (writers_.size() > kMaxWritersPerBucket) ForgetIdle();
  } else if (batch.sequence == NextSequence(known->second.newest().sequence)) {
    known->second.Push(batch);
  } else {
    known->second.Restart(batch);
  }
}

void WriterStates::Restore(WriterId writer, std::span<const WriterBatch> oldest_first) {
  STROM_CHECK(!oldest_first.empty() && oldest_first.size() <= kBatchesPerWriter);
  WriterBatches batches(oldest_first[0]);
  for (const WriterBatch& batch : oldest_first.subspan(1))
    batches.Push(batch);
  writers_.insert_or_assign(writer, batches);
}

void WriterStates::Expire(Timestamp oldest) {
  std::erase_if(writers_,
                [&](const auto& writer) { return writer.second.newest().timestamp < oldest; });
}

void WriterStates::ForgetIdle() {
  // A sixteenth at once, so that a flood of writers costs little for each.
  std::vector<std::pair<Offset, WriterId>> by_age;
  by_age.reserve(writers_.size());
  for (const auto& [id, batches] : writers_)
    by_age.emplace_back(batches.newest().last_offset, id);
  const auto cut = by_age.begin() + static_cast<ptrdiff_t>(by_age.size() / 16);
  std::nth_element(by_age.begin(), cut, by_age.end());
  for (auto it = by_age.begin(); it != cut; ++it)
    writers_.erase(it->second);
}

}  // namespace strom::log
