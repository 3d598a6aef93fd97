#include "log/verify_snapshots.h"

#include "log/file_names.h"
#include "log/verify_segment.h"
#include "log/writer_snapshot.h"

namespace strom::log {
namespace {

constexpr std::string_view kRemedy =
    "Stop the server and delete the file: writers are learned from the batches instead.";
constexpr std::string_view kMissing =
    "Nothing to do: writers are learned from the batches instead, which takes the next start "
    "longer.";

}  // namespace

void SnapshotVerifier::Found(Offset at, std::string what, std::string_view remedy) {
  AddProblem(report_, {FilePath(folder_, at, kWriterSnapshotSuffix), 0, std::move(what),
                       std::string(remedy)});
}

void SnapshotVerifier::Load(std::span<const Offset> snapshots) {
  snapshots_.assign(snapshots.begin(), snapshots.end());
  for (const Offset at : snapshots_)
    LoadOne(at);
}

void SnapshotVerifier::LoadOne(Offset at) {
  const auto content = runtime::ReadFile(files_, FilePath(folder_, at, kWriterSnapshotSuffix));
  if (!content) return Found(at, content.error().message, kUnreadable);
  const auto states = ReadWriterSnapshot(AsText(*content));
  if (!states) return Found(at, states.error().message, kRemedy);
  claims_.clear();
  claims_at_ = at;
  for (const auto& [writer, batches] : states->writers()) {
    claims_.emplace(writer, Claim{batches});
    if (batches.newest().last_offset < at) continue;
    Found(at,
          fmt::format("writer {} has a batch at offset {}, at or behind the end of what it covers",
                      writer, batches.newest().last_offset),
          kRemedy);
  }
}

void SnapshotVerifier::See(const format::BatchHeader& header, bool closed) {
  if (!header.idempotent()) return;
  if (closed) writers_closed_ = header.next_offset();
  if (header.base_offset >= claims_at_) return;
  const auto known = claims_.find(header.writer_id);
  if (known == claims_.end()) return;  // it had expired
  Claim& claim = known->second;
  claim.newest_seen = header.last_offset();
  const WriterBatch seen{header.batch_sequence, header.last_offset(), header.last_offset_delta,
                         header.commit_timestamp};
  const auto batches = claim.batches.all();
  for (size_t i = 0; i < batches.size(); ++i) {
    if (batches[i] == seen) claim.found |= 1U << i;
  }
}

void SnapshotVerifier::Finish(Offset start, Offset last_segment, Offset end, bool log_is_whole) {
  for (const Offset at : snapshots_) {
    if (at <= end) continue;
    Found(at, fmt::format("it covers up to offset {}, the log ends at {}", at, end), kRemedy);
  }
  // One is written whenever a segment is closed.
  const Offset newest = snapshots_.empty() ? Offset(0) : snapshots_.back();
  if (newest < writers_closed_) {
    Found(last_segment,
          fmt::format("it is missing, of batches with writers in front of offset {}",
                      writers_closed_),
          kMissing);
  }
  if (log_is_whole && claims_at_ <= end) CheckClaims(start);
}

void SnapshotVerifier::CheckClaims(Offset start) {
  for (const auto& [writer, claim] : claims_) {
    const auto batches = claim.batches.all();
    for (size_t i = 0; i < batches.size(); ++i) {
      // The segments of older ones may have expired.
      if ((claim.found >> i & 1) != 0 || batches[i].base_offset() < start) continue;
      Found(claims_at_,
            fmt::format("the log has no batch of writer {} as it says: sequence {}, offsets {} to "
                        "{}, timestamp {}",
                        writer, batches[i].sequence, batches[i].base_offset(),
                        batches[i].last_offset, batches[i].timestamp),
            kRemedy);
    }
    if (claim.newest_seen <= claim.batches.newest().last_offset) continue;
    Found(claims_at_,
          fmt::format("writer {} has a batch up to offset {}, it knows none behind {}", writer,
                      claim.newest_seen, claim.batches.newest().last_offset),
          kRemedy);
  }
}

}  // namespace strom::log
