// The part of Replica that is about rows of primary-key tables (spec 05).
#include "base/log.h"
#include "format/kv_batch.h"
#include "replica/replica.h"

namespace strom::replica {

void Replica::AddPrimaryKey(std::shared_ptr<kv::KvTable> table, kv::StoreEngine& engine,
                            std::string directory, std::optional<SnapshotPlace> snapshots,
                            StoreRetry retry) {
  primary_key_ = std::make_unique<PrimaryKey>(std::move(table), engine, std::move(directory), *log_,
                                              std::move(snapshots), retry);
}

runtime::Task<Status> Replica::OpenStore() {
  if (store_is_open()) co_return Status{};
  if (dropped_ || failed_) co_return Fail(GoneError());
  if (!primary_key_) {
    co_return Fail(ErrorCode::kNonPrimaryKeyTable,
                   "Table {} ({}) has no primary key: it is written with ProduceLog and read with "
                   "FetchLog.",
                   table_->path, bucket_);
  }
  co_return co_await primary_key_->Open(high_watermark_);
}

Result<Appended> Replica::Put(ByteView records, const kv::PutOptions& options, Timestamp now) {
  if (dropped_ || failed_) return Fail(GoneError());
  STROM_TRY_VOID(primary_key_->CheckWritable());
  STROM_TRY_VOID(primary_key_->CheckPressure(records.size()));
  STROM_TRY(const format::KvBatch batch, format::ParseKvBatch(records));
  kv::KvBucket& rows = this->rows();
  STROM_TRY(Bytes changelog, rows.Prepare(batch, options));
  const auto header = format::ReadBatchHeader(changelog);
  STROM_CHECK(header.has_value());
  log::AppendBatch append[] = {{changelog, *header}};
  auto appended = log_->Append(append, now);
  if (!appended || appended->duplicate) {
    rows.Discard();
    if (!appended) return Fail(appended.error());
    return Appended{appended->base_offset, appended->end_offset};
  }
  rows.Keep(appended->end_offset);
  StartCommit();
  return Appended{appended->base_offset, appended->end_offset};
}

runtime::Task<Status> Replica::CommitRows(Offset target) {
  const StoreRetry& retry = primary_key_->retry();
  std::chrono::milliseconds wait = retry.first_wait;
  while (true) {
    if (dropped_ || closing_) co_return Fail(GoneError());
    const Result<Offset> reached = primary_key_->Commit(target);
    if (!reached) co_return co_await RecoverStore(reached.error());
    if (*reached > high_watermark_) wait = retry.first_wait;
    AdvanceHighWatermark(*reached);
    if (*reached >= target) co_return Status{};
    co_await runtime::Sleep(wait);
    wait = std::min(wait * 2, retry.longest_wait);
  }
}

// What the log has and the store has not is replayed when the store is opened, so all of the log
// must be committed; nothing is appended meanwhile.
runtime::Task<Status> Replica::RecoverStore(Error why) {
  Log(LogLevel::kError, "kv.failed",
      {{"bucket", bucket_}, {"table", table_->path}, {"reason", why.message}});
  primary_key_->MarkFailed(std::move(why));
  WakeAll();
  if (Status committed = co_await commit_.Commit(*log_); !committed) {
    FailLog(committed.error());
    co_return committed;
  }
  const Offset end = log_->end_offset();
  std::string reason;
  while (true) {
    co_await runtime::Sleep(primary_key_->retry().reopen_interval);
    if (dropped_ || closing_) co_return Fail(GoneError());
    Status reopened = co_await primary_key_->Reopen(end);
    if (reopened) break;
    if (reopened.error().message == std::exchange(reason, reopened.error().message)) continue;
    Log(LogLevel::kWarn, "kv.still_failed",
        {{"bucket", bucket_}, {"table", table_->path}, {"reason", reason}});
  }
  Log(LogLevel::kInfo, "kv.reopened", {{"bucket", bucket_}, {"table", table_->path}});
  AdvanceHighWatermark(end);
  co_return Status{};
}

runtime::Task<Result<bool>> Replica::CloseStoreIfIdle() {
  if (!store_is_open() || dropped_ || closing_ || committing_ || failed_) co_return false;
  co_return co_await primary_key_->CloseIfIdle();
}

}  // namespace strom::replica
