// The key-value side of a primary-key bucket's replica: opens the store when it is first needed,
// brings it up to the end of the log, and moves committed changes into it. Part of a Replica, on
// its shard.
#pragma once

#include <chrono>
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

// What a store that takes no write is given.
struct StoreRetry {
  int commits = 10;  // in a row, before it counts as failed
  // Between them, doubled each time up to the longest.
  std::chrono::milliseconds first_wait{100};
  std::chrono::milliseconds longest_wait{1000};
  std::chrono::milliseconds reopen_interval{1000};  // of one that has failed
};

class PrimaryKey {
 public:
  // `directory` (…/kv-0) holds the store alone. `engine` and `log` outlive this. No `place`: no
  // snapshots.
  PrimaryKey(std::shared_ptr<kv::KvTable> table, kv::StoreEngine& engine, std::string directory,
             log::Log& log, std::optional<SnapshotPlace> place, StoreRetry retry);

  const StoreRetry& retry() const { return retry_; }
  bool is_open() const { return bucket_ != nullptr; }
  // Opens the store and replays what it lacks of the log up to `committed`. Callers are served in
  // the order in which they came. kKvStorage when it cannot be opened; the next call tries again.
  runtime::Task<Status> Open(Offset committed);
  // Only while it is open.
  kv::KvBucket& bucket() { return *bucket_; }

  // Moves what is committed below `target` into the store; how far it came. An error that is not
  // kStorageBackpressure has been seen several times in a row.
  Result<Offset> Commit(Offset target);

  // The store has failed: writes are refused with that error until it is opened again, reads go on
  // as far as they can.
  void MarkFailed(Error error) { failure_ = std::move(error); }
  Status CheckWritable() const;
  // Closes a store that has failed, opens it again and replays the log up to `committed`, its end.
  // kKvStorage while the disk takes no file, or somebody still scans the store: try again later.
  runtime::Task<Status> Reopen(Offset committed);
  // Closes a store that nobody has used since the last call, if all of the log is in it and all of
  // it in a snapshot; it is opened again when it is needed. Whether it was closed.
  runtime::Task<Result<bool>> CloseIfIdle();

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

  runtime::Task<Status> OpenNow(Offset committed);
  // Closes the store unless somebody reads it. Whether it was closed.
  runtime::Task<bool> CloseUnlessRead();
  // Closes the store on the blocking pool, where it is made durable first if `flush`.
  runtime::Task<Status> LetGoOfStore(bool flush);
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
  bool opening_ = false;  // or closing: whoever needs the store waits
  bool closed_ = false;
  std::string open_failure_;  // the last one
  std::optional<Error> failure_;
  runtime::Event opened_;
  const StoreRetry retry_;
  int failed_commits_ = 0;
  bool refused_ = false;  // the store took no write the last time
  kv::StoreLoad load_;
  runtime::Instant load_until_{};
};

}  // namespace strom::replica
