#include "log/group_commit.h"

#include "base/log.h"

namespace strom::log {

std::optional<CommitMode> ParseCommitMode(std::string_view text) {
  if (text == "ack") return CommitMode::kAck;
  if (text == "interval") return CommitMode::kInterval;
  if (text == "never") return CommitMode::kNever;
  return std::nullopt;
}

GroupCommit::Dirty& GroupCommit::Register(Log& log) {
  const auto [entry, is_new] = next_.index.try_emplace(&log, next_.logs.size());
  if (is_new) next_.logs.emplace_back();
  Dirty& dirty = next_.logs[entry->second];
  dirty.log = &log;
  dirty.lifetime = log.lifetime();
  return dirty;
}

runtime::Task<Status> GroupCommit::Commit(Log& log) {
  if (log.failure()) co_return std::unexpected(*log.failure());
  if (options_.mode == CommitMode::kAck) {
    if (log.synced_offset() >= log.end_offset()) co_return Status{};
    runtime::OneShot<Status> done;
    Register(log).waiters.push_back(&done);
    StartRounds();
    co_return co_await done;
  }
  if (options_.mode == CommitMode::kInterval || log.has_unsynced_segments()) {
    Register(log);
    StartRounds();
  }
  co_return Status{};
}

void GroupCommit::StartRounds() {
  if (running_) return;
  running_ = true;
  background_.Spawn(RunRounds());
}

runtime::Task<void> GroupCommit::RunRounds() {
  // Whoever runs in this turn of the shard joins the first round.
  if (options_.mode == CommitMode::kAck) co_await runtime::Yield();
  while (!next_.logs.empty()) {
    if (options_.mode == CommitMode::kInterval && !stopping_) {
      co_await stop_.WaitUntil(runtime::ThisShard().Now() + options_.interval);
    }
    Round round = std::exchange(next_, {});
    std::vector<runtime::Task<bool>> syncs;
    syncs.reserve(round.logs.size());
    for (Dirty& dirty : round.logs)
      syncs.push_back(SyncOne(std::move(dirty)));
    co_await runtime::WhenAll(std::move(syncs));
  }
  running_ = false;
}

runtime::Task<bool> GroupCommit::SyncOne(Dirty dirty) {
  Status synced;
  if (dirty.lifetime.expired()) {
    synced = Fail(ErrorCode::kLogStorage, "The log was closed before the commit.");
  } else if (options_.mode == CommitMode::kNever && !stopping_) {
    synced = co_await dirty.log->SyncFinishedSegments();
  } else {
    synced = co_await dirty.log->Sync();
  }
  for (runtime::OneShot<Status>* waiter : dirty.waiters)
    waiter->Set(synced);
  co_return true;
}

runtime::Task<void> GroupCommit::Stop() {
  stopping_ = true;
  stop_.Notify();
  co_await background_.Join();
}

}  // namespace strom::log
