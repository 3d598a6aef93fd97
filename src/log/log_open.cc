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
  state->opened_at = now;
  state->end_offset = state->synced_offset = facts.end;
  state->max_timestamp = facts.max_timestamp;
  return std::unique_ptr<Log>(new Log(std::move(state)));
}

Status Log::State::Wake() {
  if (!asleep) return {};
  STROM_TRY_VOID(Usable());
  STROM_TRY(RecoveredLog found, RecoverLog({files, directory, bucket, options, asleep->end, true,
                                            opened_at, asleep->end}));
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

Result<LogFacts> Log::Facts() const {
  if (state_->asleep) return *state_->asleep;
  Segment& active = state_->active();
  LogFacts facts{start_offset(),  end_offset(),         max_timestamp(),     size_bytes(),
                 segment_count(), active.base_offset(), active.size_bytes(), Timestamp(-1)};
  if (facts.active_bytes > 0) {
    STROM_TRY(facts.active_first_timestamp, active.FirstTimestamp());
  }
  return facts;
}

}  // namespace strom::log
