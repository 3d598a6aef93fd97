// Making a log durable, and closing it.
#include <algorithm>

#include "base/log.h"
#include "log/log.h"
#include "log/log_state.h"
#include "runtime/shard.h"
#include "runtime/sync.h"

namespace strom::log {

bool Log::has_unsynced_segments() const {
  return !state_->unsynced.empty();
}

runtime::Task<Status> Log::Sync() {
  return SyncState(state_, true);
}
runtime::Task<Status> Log::SyncFinishedSegments() {
  return SyncState(state_, false);
}

// Takes the state, not the log: the log may go while this waits.
runtime::Task<Status> Log::SyncState(std::shared_ptr<State> state, bool active_too) {
  if (state->failure) co_return std::unexpected(*state->failure);
  if (state->asleep) co_return Status{};
  const Offset target = state->end_offset;
  const uint64_t changes = state->directory_changes;
  const std::vector<std::shared_ptr<FinishedSegment>> finished = state->unsynced;
  const std::shared_ptr<Segment> active = state->segments.back();

  std::vector<std::shared_ptr<runtime::File>> files;
  for (const auto& segment : finished) {
    if (auto file = segment->segment->file()) files.push_back(std::move(file));
    files.insert(files.end(), segment->side_files.begin(), segment->side_files.end());
  }
  const Offset active_base = active->base_offset();
  if (active_too && target > state->synced_offset) files.push_back(active->file());

  std::vector<runtime::Task<Status>> syncs;
  syncs.reserve(files.size());
  for (const auto& file : files)
    syncs.push_back(SyncFile(state, file));
  if (changes > state->directory_synced) {
    // Captured by value: the coroutine frame of the helper keeps what it uses.
    syncs.push_back(SyncDirectoryOf(state));
  }
  for (Status& synced : co_await runtime::WhenAll(std::move(syncs))) {
    if (!synced) co_return std::unexpected(state->Fail(synced.error()));
  }
  // Another sync of the same files may have met the error instead of this one.
  if (state->failure) co_return std::unexpected(*state->failure);
  state->directory_synced = std::max(state->directory_synced, changes);
  state->synced_offset = std::max(state->synced_offset, active_too         ? target
                                                        : finished.empty() ? state->synced_offset
                                                                           : active_base);
  for (const auto& segment : finished) {
    if (std::erase(state->unsynced, segment) > 0) segment->segment->ReleaseFile();
  }
  co_return Status{};
}

// The system tells one caller only that a file could not be written, and counts its pages as clean
// from then on. So a failure ends the log in that moment, before a sync that runs beside this one
// can take its silence for success.
runtime::Task<Status> Log::SyncFile(std::shared_ptr<State> state,
                                    std::shared_ptr<runtime::File> file) {
  Status synced = co_await file->Sync();
  if (!synced) co_return std::unexpected(state->Fail(synced.error()));
  co_return synced;
}

runtime::Task<Status> Log::SyncDirectoryOf(std::shared_ptr<State> state) {
  co_return co_await runtime::OnBlockingPool(
      [&state]() -> Status { return state->files.SyncDirectory(state->directory); });
}

// The log and files that were just made beside it.
runtime::Task<Status> Log::SyncAll(std::shared_ptr<State> state,
                                   std::vector<std::shared_ptr<runtime::File>> side_files) {
  ++state->directory_changes;
  for (const auto& file : side_files)
    STROM_CO_TRY_VOID(co_await SyncFile(state, file));
  co_return co_await SyncState(state, true);
}

runtime::Task<Status> Log::CloseCleanly() {
  const std::shared_ptr<State> state = state_;
  STROM_CO_TRY_VOID(state->Usable());
  // Requests of other shards may still come in while this waits.
  state->closing = true;
  if (state->asleep) co_return Status{};
  std::vector<std::shared_ptr<runtime::File>> side_files = state->active().Finish();
  if (state->writers.size() > 0) {
    STROM_CO_TRY(std::shared_ptr<runtime::File> snapshot, state->WriteSnapshot());
    if (snapshot) side_files.push_back(std::move(snapshot));
  }
  co_return co_await SyncAll(state, std::move(side_files));
}

}  // namespace strom::log
