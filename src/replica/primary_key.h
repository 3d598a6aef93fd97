// The key-value side of a primary-key bucket's replica: opens the store when it is first needed,
// brings it up to the end of the log, and moves committed changes into it. Part of a Replica, on
// its shard.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "kv/kv_bucket.h"
#include "log/log.h"
#include "replica/bucket_snapshots.h"
#include "runtime/async_mutex.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace strom::replica {

class PrimaryKey {
 public:
  // `directory` (…/kv-0) holds the store alone. `engine` and `log` outlive this. No `place`: no
  // snapshots.
  PrimaryKey(std::shared_ptr<kv::KvTable> table, kv::StoreEngine& engine, std::string directory,
             log::Log& log, std::optional<SnapshotPlace> place);

  bool is_open() const { return bucket_ != nullptr; }
  // Opens the store and replays what it lacks of the log up to `committed`. Callers are served in
  // the order in which they came. kKvStorage when it cannot be opened; the next call tries again.
  runtime::Task<Status> Open(Offset committed);
  // Only while it is open.
  kv::KvBucket& bucket() { return *bucket_; }

  // Moves what is committed below `target` into the store; how far it came. An error that is not
  // kStorageBackpressure has been seen several times in a row.
  Result<Offset> Commit(Offset target);

  // Whether a batch of that many bytes may be written now (spec 05, 11): kStorageBackpressure.
  Status CheckPressure(size_t batch_bytes);
  // How near it is to refusing, for the writer: 0 to below 1.
  float Pressure();

  // Takes a snapshot if the store is open and has changed since the last one; how many bytes were
  // copied.
  runtime::Task<Result<std::optional<int64_t>>> TakeSnapshot();
  // The changelog below may go: all snapshots have it, and so has the store on disk.
  runtime::Task<Result<Offset>> RetainOffset();

  // Makes the store durable if `flush`, and closes it. No call may follow.
  runtime::Task<Status> Close(bool flush);

 private:
  using Opened = Result<std::unique_ptr<kv::Store>>;

  runtime::Task<Opened> OpenStore(Offset committed);
  runtime::Task<Opened> Rebuild(Opened store, Offset committed, std::string_view reason);
  const kv::StoreLoad& Load();
  runtime::Task<Status> Replay(kv::KvBucket& bucket, Offset committed);

  const std::shared_ptr<kv::KvTable> table_;
  kv::StoreEngine& engine_;
  const std::string directory_;
  log::Log& log_;
  std::optional<BucketSnapshots> snapshots_;
  runtime::AsyncMutex snapshot_lock_;  // the store stays while one is taken
  std::unique_ptr<kv::KvBucket> bucket_;
  bool opening_ = false;
  bool closed_ = false;
  std::string open_failure_;  // the last one
  runtime::Event opened_;
  int failed_commits_ = 0;
  bool refused_ = false;  // the store took no write the last time
  kv::StoreLoad load_;
  runtime::Instant load_until_{};
};

}  // namespace strom::replica
