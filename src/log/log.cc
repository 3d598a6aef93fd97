#include "log/log.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "log/file_names.h"
#include "log/log_state.h"
#include "log/writer_snapshot.h"

namespace strom::log {

Error Log::State::Fail(Error error) {
  error.code = ErrorCode::kLogStorage;
  if (!failure) {
    failure = error;
    strom::Log(LogLevel::kError, "log.ended",
               {{"bucket", bucket}, {"directory", directory}, {"reason", error.message}});
  }
  return *failure;
}

Status Log::State::Usable() const {
  if (failure) return std::unexpected(*failure);
  if (closing) {
    return strom::Fail(ErrorCode::kLogStorage, "The log of {} is closed.", bucket);
  }
  return {};
}

Log::Log(std::shared_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;

const TableBucket& Log::bucket() const {
  return state_->bucket;
}
Offset Log::start_offset() const {
  return state_->start_offset();
}
Offset Log::end_offset() const {
  return state_->end_offset;
}
Offset Log::synced_offset() const {
  return state_->synced_offset;
}
Timestamp Log::max_timestamp() const {
  return state_->max_timestamp;
}
uint64_t Log::size_bytes() const {
  return state_->size_bytes();
}
size_t Log::segment_count() const {
  return state_->asleep ? state_->asleep->segment_count : state_->segments.size();
}
bool Log::is_open() const {
  return !state_->asleep;
}
const std::optional<Error>& Log::failure() const {
  return state_->failure;
}
size_t Log::writer_count() const {
  return state_->writers.size();
}
void Log::ExpireWriters(Timestamp now) {
  state_->writers.Expire(Timestamp(now.ms - state_->options.writer_expiration_ms));
}
std::weak_ptr<const void> Log::lifetime() const {
  return state_;
}

Offset Log::recovery_point() const {
  for (const auto& finished : state_->unsynced) {
    return std::min(finished->segment->base_offset(), state_->synced_offset);
  }
  return state_->synced_offset;
}

Result<std::shared_ptr<runtime::File>> Log::State::WriteSnapshot() {
  if (end_offset <= snapshot_offset) return nullptr;
  const std::string path = FilePath(directory, end_offset, kWriterSnapshotSuffix);
  STROM_TRY(std::shared_ptr<runtime::File> file,
            files.Open(path, runtime::OpenMode::kCreateTruncate));
  const std::string text = WriteWriterSnapshot(writers);
  if (Status written = file->WriteAt(0, std::array{AsBytes(text)}); !written) {
    (void)files.Remove(path);
    return std::unexpected(written.error());
  }
  snapshot_offset = end_offset;
  return file;
}

// Finishes the active segment and begins one at the end offset. Until all of it is on disk the old
// segment stays in `unsynced`, and recovery starts there.
Status Log::State::Roll() {
  auto finished = std::make_shared<FinishedSegment>();
  finished->segment = segments.back();
  auto created = Segment::Create(files, directory, end_offset, options);
  if (!created) {
    // Nothing has changed: with room for another file the next append gets further.
    Error error = created.error();
    error.code = ErrorCode::kLogStorage;
    return std::unexpected(std::move(error));
  }
  finished->side_files = finished->segment->Finish();
  auto snapshot = WriteSnapshot();
  if (!snapshot) {
    strom::Log(LogLevel::kWarn, "log.writer_snapshot_not_written",
               {{"bucket", bucket}, {"reason", snapshot.error().message}});
  } else if (*snapshot) {
    finished->side_files.push_back(std::move(*snapshot));
  }
  finished_bytes += finished->segment->size_bytes();
  ++directory_changes;
  segments.push_back(std::move(*created));
  unsynced.push_back(std::move(finished));
  return {};
}

Result<AppendResult> Log::Append(std::span<AppendBatch> batches, Timestamp now) {
  State& state = *state_;
  STROM_TRY_VOID(state.Usable());
  STROM_TRY_VOID(state.Wake());
  if (batches.empty()) return AppendResult{Offset(-1), state.end_offset, false, 0};
  STROM_TRY(const std::optional<WriterBatch> original,
            state.writers.Check(batches, state.end_offset, state.bucket));
  if (original) {
    return AppendResult{original->base_offset(), original->last_offset + 1, true, 0};
  }

  const Offset base = state.end_offset;
  const Timestamp timestamp = std::max(state.max_timestamp, now);
  Offset next = base;
  uint64_t total_bytes = 0;
  std::vector<ByteView> pieces;
  pieces.reserve(batches.size());
  for (AppendBatch& batch : batches) {
    format::SetBaseOffset(batch.bytes, next);
    format::SetCommitTimestamp(batch.bytes, timestamp);
    batch.header.base_offset = next;
    batch.header.commit_timestamp = timestamp;
    next = batch.header.next_offset();
    total_bytes += batch.bytes.size();
    pieces.push_back(batch.bytes);
  }
  if (next - base > kMaxRelativeOffset) {
    return strom::Fail(ErrorCode::kRecordTooLarge,
                       "The batches for {} span {} offsets; a segment holds at most {}.",
                       state.bucket, next - base, kMaxRelativeOffset);
  }
  if (!state.active().HasRoomFor(total_bytes, next - 1)) STROM_TRY_VOID(state.Roll());
  if (Status written = state.active().Append(pieces, total_bytes, base, next - 1, timestamp);
      !written) {
    Error error = written.error();
    error.code = ErrorCode::kLogStorage;
    // A refused write that left nothing behind (a full disk) may be tried again.
    if (state.active().damaged()) error = state.Fail(std::move(error));
    return std::unexpected(std::move(error));
  }
  for (const AppendBatch& batch : batches)
    state.writers.Record(batch.header);
  state.end_offset = next;
  state.max_timestamp = timestamp;
  return AppendResult{base, next, false, total_bytes};
}

Result<ReadResult> Log::Read(Offset from, Offset limit, uint64_t max_bytes, bool at_least_one,
                             ReadCheck check) {
  State& state = *state_;
  if (from < start_offset() || from > state.end_offset) {
    return strom::Fail(ErrorCode::kLogOffsetOutOfRange, "Offset {} of {} is not between {} and {}.",
                       from, state.bucket, start_offset(), state.end_offset);
  }
  if (from >= limit || from == state.end_offset) return ReadResult{nullptr, {}, from};
  STROM_TRY_VOID(state.Wake());
  auto segment = std::ranges::upper_bound(state.segments, from, {},
                                          [](const auto& s) { return s->base_offset(); });
  --segment;  // from >= start, so there is one
  for (; segment != state.segments.end(); ++segment) {
    STROM_TRY(std::optional<ReadResult> found,
              (*segment)->Read(from, limit, max_bytes, at_least_one, check));
    if (!found) continue;
    found->segment = (*segment)->base_offset();
    found->segment_is_finished = segment + 1 != state.segments.end();
    return std::move(*found);
  }
  return ReadResult{nullptr, {}, from};
}

std::string Log::RangesPath(Offset segment) const {
  return FilePath(state_->directory, segment, kRangesSuffix);
}

Result<std::optional<Offset>> Log::OffsetForTimestamp(Timestamp t) {
  if (t > state_->max_timestamp) return std::nullopt;
  STROM_TRY_VOID(state_->Wake());
  for (const auto& segment : state_->segments) {
    if (segment->size_bytes() == 0) continue;
    STROM_TRY(const Timestamp newest, segment->MaxTimestamp());
    if (newest < t) continue;
    STROM_TRY(const std::optional<Offset> found, segment->OffsetForTimestamp(t));
    if (found) return found;
  }
  return std::nullopt;
}

Status Log::RollIfOlderThan(int64_t max_age_ms, Timestamp now) {
  State& state = *state_;
  STROM_TRY_VOID(state.Usable());
  Timestamp first{-1};
  if (state.asleep) {
    first = state.asleep->active_first_timestamp;
  } else if (state.active().size_bytes() > 0) {
    STROM_TRY(first, state.active().FirstTimestamp());
  }
  if (first.ms < 0 || now.ms - first.ms <= max_age_ms) return {};
  STROM_TRY_VOID(state.Wake());
  return state.Roll();
}

Result<size_t> Log::DeleteExpired(int64_t ttl_ms, Timestamp now, Offset limit) {
  State& state = *state_;
  STROM_TRY_VOID(state.Usable());
  if (segment_count() == 1) return size_t{0};
  if (state.asleep && now.ms - state.asleep->oldest_segment.ms <= ttl_ms) return size_t{0};
  STROM_TRY_VOID(state.Wake());
  const size_t before = state.segments.size();
  Offset keep_from = start_offset();
  for (size_t i = 0; i + 1 < before && state.segments[i + 1]->base_offset() <= limit; ++i) {
    STROM_TRY(const Timestamp newest, state.segments[i]->MaxTimestamp());
    if (now.ms - newest.ms <= ttl_ms) break;
    // Without what its writers had sent so far, the log behind it would not know them any more.
    const Offset next = state.segments[i + 1]->base_offset();
    STROM_TRY(const bool knows_writers,
              state.files.Exists(FilePath(state.directory, next, kWriterSnapshotSuffix)));
    if (knows_writers) keep_from = next;
  }
  if (keep_from > start_offset()) STROM_TRY_VOID(DeleteSegmentsBelow(keep_from));
  return before - state.segments.size();
}

// Of a segment whose data is gone. What cannot be removed is swept when the log is opened again.
void Log::State::RemoveSideFiles(Offset base) {
  for (const std::string_view suffix :
       {kOffsetIndexSuffix, kTimeIndexSuffix, kRangesSuffix, kWriterSnapshotSuffix}) {
    const std::string path = FilePath(directory, base, suffix);
    const Result<bool> exists = files.Exists(path);
    const Status removed = !exists   ? Status(std::unexpected(exists.error()))
                           : *exists ? files.Remove(path)
                                     : Status{};
    if (removed) continue;
    strom::Log(LogLevel::kWarn, "log.side_file_stays",
               {{"path", path}, {"reason", removed.error().message}});
  }
}

Status Log::DeleteSegmentsBelow(Offset offset) {
  State& state = *state_;
  STROM_TRY_VOID(state.Usable());
  if (offset <= start_offset()) return {};
  STROM_TRY_VOID(state.Wake());
  while (state.segments.size() > 1 && state.segments[1]->base_offset() <= offset) {
    const auto oldest = state.segments.front();
    const bool waits = std::ranges::any_of(
        state.unsynced, [&](const auto& finished) { return finished->segment == oldest; });
    if (waits) break;
    STROM_TRY_VOID(
        state.files.Remove(FilePath(state.directory, oldest->base_offset(), kLogSuffix)));
    state.finished_bytes -= oldest->size_bytes();
    state.segments.erase(state.segments.begin());
    ++state.directory_changes;
    state.RemoveSideFiles(oldest->base_offset());
  }
  return {};
}

}  // namespace strom::log
