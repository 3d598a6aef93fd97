// Makes the logs of one shard durable together. A sync costs per dirty file, not per byte, so what
// is appended while one round of syncs runs waits for the next one, and all files of a round are
// synced side by side. Owned by the shard; logs may be destroyed at any time.
//
// log.fsync:
//   ack       Commit returns when everything appended to the log before the call is on disk
//   interval  Commit returns at once; dirty logs are synced every `interval` in the background
//   never     Commit returns at once; only finished segments are synced, in the background
// In the latter two a failed background sync ends the log, which later Commits and appends report.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "log/log.h"
#include "runtime/shard.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace strom::log {

enum class CommitMode { kAck, kInterval, kNever };

// "ack", "interval" or "never".
std::optional<CommitMode> ParseCommitMode(std::string_view text);

struct CommitOptions {
  CommitMode mode = CommitMode::kAck;
  std::chrono::milliseconds interval{1000};
};

class GroupCommit {
 public:
  explicit GroupCommit(CommitOptions options) : options_(options) {}
  GroupCommit(const GroupCommit&) = delete;

  const CommitOptions& options() const { return options_; }

  // See above. An error says that the log has ended (kLogStorage).
  runtime::Task<Status> Commit(Log& log);

  // Syncs what is still dirty and waits for what is under way. No Commit may follow.
  runtime::Task<void> Stop();

 private:
  // A log that waits for the next round, and who waits for it.
  struct Dirty {
    Log* log = nullptr;
    std::weak_ptr<const void> lifetime;
    std::vector<runtime::OneShot<Status>*> waiters;
  };
  // In the order the logs became dirty.
  struct Round {
    std::vector<Dirty> logs;
    std::unordered_map<const Log*, size_t> index;
  };

  Dirty& Register(Log& log);
  void StartRounds();
  runtime::Task<void> RunRounds();
  runtime::Task<bool> SyncOne(Dirty dirty);

  const CommitOptions options_;
  Round next_;
  bool running_ = false;
  bool stopping_ = false;
  runtime::Event stop_;
  runtime::TaskGroup background_;
};

}  // namespace strom::log
