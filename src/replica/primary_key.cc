#include "replica/primary_key.h"

#include "base/log.h"
#include "format/record_batch.h"
#include "runtime/file.h"

namespace strom::replica {
namespace {

// Read at once while a store is brought up to date (spec 05, 16).
constexpr uint64_t kReplayBytes = uint64_t{16} << 20;
// Rows of one bucket that may wait for their commit in memory.
constexpr size_t kMaxBufferedBytes = size_t{256} << 20;
constexpr std::chrono::milliseconds kLoadAge{100};
// What a disk must take before a store that failed is opened again: about what that writes.
constexpr size_t kProbeBytes = size_t{1} << 20;

}  // namespace

PrimaryKey::PrimaryKey(std::shared_ptr<kv::KvTable> table, kv::StoreEngine& engine,
                       std::string directory, log::Log& log, std::optional<SnapshotPlace> place,
                       StoreRetry retry)
    : table_(std::move(table)),
      engine_(engine),
      directory_(std::move(directory)),
      log_(log),
      retry_(retry) {
  if (place) snapshots_.emplace(log_.bucket(), *std::move(place), directory_);
}

runtime::Task<Status> PrimaryKey::Open(Offset committed) {
  while (opening_)
    co_await opened_.Wait();
  if (bucket_) co_return Status{};
  if (closed_) {
    co_return Fail(ErrorCode::kNotLeaderOrFollower, "The store of {} is closed.", table_->name());
  }
  STROM_CO_TRY_VOID(CheckWritable());
  co_return co_await OpenNow(committed);
}

Status PrimaryKey::CheckWritable() const {
  if (failure_) return Fail(*failure_);
  return {};
}

runtime::Task<Status> PrimaryKey::OpenNow(Offset committed) {
  opening_ = true;
  auto store = co_await OpenStore(committed);
  Status status;
  if (store) {
    if (snapshots_) snapshots_->Opened(**store);
    auto bucket = std::make_unique<kv::KvBucket>(table_, std::move(*store));
    status = co_await Replay(*bucket, committed);
    if (status) bucket_ = std::move(bucket);
  } else {
    status = Fail(store.error());
  }
  // Each request tries again; the log hears of a reason once.
  if (!status && status.error().message != std::exchange(open_failure_, status.error().message)) {
    Log(LogLevel::kError, "kv.open_failed",
        {{"bucket", log_.bucket()}, {"table", table_->name()}, {"reason", status.error().message}});
  }
  opening_ = false;
  opened_.Notify();
  co_return status;
}

runtime::Task<PrimaryKey::Opened> PrimaryKey::OpenStore(Offset committed) {
  auto store = co_await runtime::OnBlockingPool([this] { return engine_.Open(directory_); });
  if (!store && store.error().code == ErrorCode::kCorruptRecord) {
    const std::string reason = store.error().message;
    co_return co_await Rebuild(std::move(store), committed, reason);
  }
  if (!store) co_return store;
  const Offset at = (*store)->position().offset;
  // The log lost its tail with the machine.
  if (at > committed) co_return co_await Rebuild(std::move(store), committed, "ahead of the log");
  if (at < log_.start_offset()) {
    co_return co_await Rebuild(std::move(store), committed, "behind the start of the log");
  }
  if (at.value == 0 && committed.value > 0 && snapshots_) {
    STROM_CO_TRY(const bool any, co_await snapshots_->Any());
    if (any) co_return co_await Rebuild(std::move(store), committed, "empty");
  }
  co_return store;
}

// From a snapshot if there is one, else from nothing; the rest is replayed.
runtime::Task<PrimaryKey::Opened> PrimaryKey::Rebuild(Opened store, Offset committed,
                                                      std::string_view reason) {
  Log(LogLevel::kWarn, "kv.rebuilt",
      {{"bucket", log_.bucket()},
       {"table", table_->name()},
       {"reason", reason},
       {"log_start", log_.start_offset()},
       {"log_end", committed}});
  const Status destroyed = co_await runtime::OnBlockingPool([&]() -> Status {
    if (store) store->reset();
    return engine_.Destroy(directory_);
  });
  if (!destroyed) co_return Fail(destroyed.error());
  if (snapshots_) {
    STROM_CO_TRY_VOID(co_await snapshots_->Restore(log_.start_offset(), committed));
  }
  co_return co_await runtime::OnBlockingPool([this] { return engine_.Open(directory_); });
}

runtime::Task<Status> PrimaryKey::Replay(kv::KvBucket& bucket, Offset committed) {
  Offset at = bucket.position().offset;
  if (at < log_.start_offset()) {
    co_return Fail(ErrorCode::kKvStorage,
                   "The store of {} ({}) ends at offset {} and its log begins at {}: rows in "
                   "between cannot be replayed. Restore the data directory or a snapshot.",
                   table_->name(), log_.bucket(), at, log_.start_offset());
  }
  const Offset from = at;
  while (at < committed) {
    STROM_CO_TRY(const log::ReadResult read, log_.Read(at, committed, kReplayBytes, true));
    ByteView rest = read.bytes;
    while (!rest.empty()) {
      const auto header = format::ReadBatchHeader(rest);
      if (!header) {
        co_return Fail(ErrorCode::kKvStorage, "The log of {} has damaged bytes behind offset {}.",
                       table_->name(), at);
      }
      STROM_CO_TRY_VOID(bucket.Replay(rest.first(header->size_bytes), *header, at));
      at = header->next_offset();
      rest = rest.subspan(header->size_bytes);
      co_await runtime::Yield();
    }
    if (read.bytes.empty()) at = read.end_offset;
  }
  if (at > from) {
    Log(LogLevel::kInfo, "kv.replayed",
        {{"bucket", log_.bucket()}, {"table", table_->name()}, {"from", from}, {"to", at}});
  }
  co_return Status{};
}

Result<Offset> PrimaryKey::Commit(Offset target) {
  Status committed = bucket_->Commit(target);
  if (committed) {
    failed_commits_ = 0;
    refused_ = false;
    return target;
  }
  refused_ = committed.error().code == ErrorCode::kStorageBackpressure;
  if (committed.error().code != ErrorCode::kStorageBackpressure &&
      ++failed_commits_ >= retry_.commits) {
    return Fail(committed.error());
  }
  return std::min(target, bucket_->position().offset);
}

const kv::StoreLoad& PrimaryKey::Load() {
  const runtime::Instant now = runtime::ThisShard().Now();
  if (now >= load_until_) {
    load_ = bucket_->store().load();
    load_until_ = now + kLoadAge;
  }
  return load_;
}

Status PrimaryKey::CheckPressure(size_t batch_bytes) {
  const size_t bytes = bucket_->buffered_bytes() + batch_bytes;
  if (!refused_ && bytes <= kMaxBufferedBytes && !kv::IsOverloaded(Load(), bytes)) return {};
  return Fail(ErrorCode::kStorageBackpressure,
              "The store of {} ({}) is behind its writes: {} bytes wait for their commit, {} files "
              "for compaction. Send the write again a little later.",
              table_->name(), log_.bucket(), bucket_->buffered_bytes(), Load().level0_files);
}

float PrimaryKey::Pressure() {
  return kv::PressureOf(Load(), refused_);
}

runtime::Task<bool> PrimaryKey::CloseUnlessRead() {
  if (bucket_->store_is_shared() || bucket_->store().has_cursors()) co_return false;
  opening_ = true;
  (void)co_await LetGoOfStore(false);
  opening_ = false;
  opened_.Notify();
  co_return true;
}

runtime::Task<Status> PrimaryKey::LetGoOfStore(bool flush) {
  std::shared_ptr<kv::Store> store = bucket_->TakeStore();
  bucket_.reset();
  co_return co_await runtime::OnBlockingPool([&]() -> Status {
    Status flushed = flush ? store->Flush() : Status{};
    store.reset();
    return flushed;
  });
}

runtime::Task<Status> PrimaryKey::Reopen(Offset committed) {
  auto held = co_await snapshot_lock_.Lock();
  while (opening_)
    co_await opened_.Wait();
  if (closed_) co_return CheckWritable();
  // Opening is dear, and without room it would fail: the rows that can still be read would be gone.
  runtime::FileSystem& files = runtime::ThisShard().files();
  const std::string probe = directory_ + ".probe";
  STROM_CO_TRY_VOID(co_await runtime::OnBlockingPool([&]() -> Status {
    STROM_TRY_VOID(runtime::ReplaceFile(files, probe, Bytes(kProbeBytes)));
    return files.Remove(probe);
  }));
  if (closed_) co_return CheckWritable();
  if (bucket_ && !co_await CloseUnlessRead()) {
    co_return Fail(ErrorCode::kKvStorage, "The store of {} is still being read.", table_->name());
  }
  STROM_CO_TRY_VOID(co_await OpenNow(committed));
  failure_.reset();
  failed_commits_ = 0;
  refused_ = false;
  co_return Status{};
}

runtime::Task<Result<bool>> PrimaryKey::CloseIfIdle() {
  auto held = co_await snapshot_lock_.Lock();
  if (!bucket_ || closed_ || opening_ || failure_) co_return false;
  kv::Store& store = bucket_->store();
  const Offset end = store.position().offset;
  if (store.TakeUsed() || end < log_.end_offset()) co_return false;
  if (snapshots_ && !snapshots_->HasAllBelow(end)) co_return false;
  Status flushed = co_await runtime::OnBlockingPool([&] { return store.Flush(); });
  if (!flushed) co_return Fail(flushed.error());
  // Writers and readers may have come meanwhile.
  if (!bucket_ || closed_ || opening_ || store.TakeUsed()) co_return false;
  co_return co_await CloseUnlessRead();
}

runtime::Task<Result<std::optional<int64_t>>> PrimaryKey::TakeSnapshot() {
  auto held = co_await snapshot_lock_.Lock();
  if (!snapshots_ || !bucket_ || closed_) co_return std::nullopt;
  co_return co_await snapshots_->Take(*bucket_, log_);
}

runtime::Task<Result<Offset>> PrimaryKey::RetainOffset() {
  if (!snapshots_) co_return Offset(0);
  co_return co_await snapshots_->RetainOffset();
}

runtime::Task<Status> PrimaryKey::Close(bool flush) {
  closed_ = true;
  while (opening_)
    co_await opened_.Wait();
  auto held = co_await snapshot_lock_.Lock();
  if (!bucket_) co_return Status{};
  co_return co_await LetGoOfStore(flush);
}

}  // namespace strom::replica
