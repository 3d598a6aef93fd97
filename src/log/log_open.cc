// Opening a log, now or when it is needed.
#include <algorithm>

#include "log/file_names.h"
#include "log/log.h"
#include "log/log_state.h"
#include "log/recovery.h"

namespace strom::log {

Result<std::unique_ptr<Log>> Log::Open(runtime::FileSystem& files, std::string directory,
                                       TableBucket bucket, const LogOptions& options,
                                       Offset recovery_point, bool clean, Timestamp now,
                                       Offset first_offset) {
  STROM_TRY(RecoveredLog found, RecoverLog({files, directory, bucket, options, recovery_point,
                                            clean, now, first_offset}));
  auto state = std::make_shared<State>(State{files, std::move(directory), bucket, options});
  state->TakeOver(std::move(found));
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

void Log::State::TakeOver(RecoveredLog found) {
  segments = std::move(found.segments);
  end_offset = synced_offset = found.end_offset;
  max_timestamp = std::max(max_timestamp, found.max_timestamp);
  writers = std::move(found.writers);
  snapshot_offset = found.snapshot_offset;
  finished_bytes = 0;
  for (size_t i = 0; i + 1 < segments.size(); ++i)
    finished_bytes += segments[i]->size_bytes();
}

Result<std::unique_ptr<Log>> Log::OpenLazily(runtime::FileSystem& files, std::string directory,
                                             TableBucket bucket, const LogOptions& options,
                                             const LogFacts& facts, Timestamp now) {
  STROM_TRY(const std::optional<uint64_t> active_bytes,
            files.SizeOf(FilePath(directory, facts.active_base, kLogSuffix)));
  if (active_bytes != facts.active_bytes) return nullptr;
  auto state = std::make_shared<State>(State{files, std::move(directory), bucket, options});
  state->asleep = facts;
  state->asleep_since = now;
  state->end_offset = state->synced_offset = facts.end;
  state->max_timestamp = facts.max_timestamp;
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

Status Log::State::Wake() {
  used = true;
  if (!asleep) return {};
  STROM_TRY_VOID(Usable());
  STROM_TRY(RecoveredLog found, RecoverLog({files, directory, bucket, options, asleep->end, true,
                                            asleep_since, asleep->end}));
  const Offset start = found.segments.front()->base_offset();
  if (start != asleep->start || found.end_offset != asleep->end) {
    // Clients have been told other offsets, so this server cannot go on with it.
    return std::unexpected(Fail(
        {ErrorCode::kLogStorage,
         fmt::format("The log of {} reaches from {} to {} on disk and not from {} to {} as when "
                     "it was closed. Restart the server to go on with what is there.",
                     bucket, start, found.end_offset, asleep->start, asleep->end)}));
  }
  TakeOver(std::move(found));
  asleep.reset();
  return {};
}

// Leaves on disk what CloseCleanly leaves, as that does nothing more for a log that is closed.
runtime::Task<Status> Log::CloseIfIdle(Timestamp now) {
  const std::shared_ptr<State> state = state_;
  if (state->asleep || std::exchange(state->used, false)) co_return Status{};
  // Where nobody waits for the disk, what was written last may not be there yet.
  STROM_CO_TRY_VOID(co_await SyncState(state, true));
  STROM_CO_TRY_VOID(state->Usable());
  if (state->used || state->asleep || !state->unsynced.empty()) co_return Status{};
  STROM_CO_TRY(const LogFacts facts, state->Facts());
  std::vector<std::shared_ptr<runtime::File>> side_files = state->active().WriteIndexes();
  if (side_files.empty()) co_return Status{};
  STROM_CO_TRY(std::shared_ptr<runtime::File> snapshot, state->WriteSnapshot());
  if (snapshot) side_files.push_back(std::move(snapshot));
  STROM_CO_TRY_VOID(co_await SyncAll(state, std::move(side_files)));
  STROM_CO_TRY_VOID(state->Usable());
  if (state->used || !state->unsynced.empty()) co_return Status{};
  state->asleep = facts;
  state->asleep_since = now;
  state->segments.clear();
  state->writers = {};
  co_return Status{};
}

Result<LogFacts> Log::Facts() const {
  return state_->Facts();
}

Result<LogFacts> Log::State::Facts() {
  if (asleep) return *asleep;
  LogFacts facts;
  facts.start = start_offset();
  facts.end = end_offset;
  facts.max_timestamp = max_timestamp;
  STROM_TRY(facts.oldest_segment, segments.front()->MaxTimestamp());
  facts.size_bytes = size_bytes();
  facts.segment_count = segments.size();
  facts.active_base = active().base_offset();
  facts.active_bytes = active().size_bytes();
  if (facts.active_bytes > 0) {
    STROM_TRY(facts.active_first_timestamp, active().FirstTimestamp());
  }
  return facts;
}

}  // namespace strom::log
