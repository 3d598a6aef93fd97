// One bucket that this server leads: its log, its high watermark, and the fetches parked on it.
// Owned by a ReplicaSet; used only on the shard that owns the bucket. Long waits hold the
// shared_ptr, so a replica that is dropped while requests wait stays valid and answers them with
// kUnknownTableOrBucket.
//
// The high watermark (spec 04, 3.1) is what readers may see. With one replica it is the end of what
// is committed: synced under log.fsync=ack, appended otherwise. It never moves back, so a reader
// never sees a record that a crash of this server could take away again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/batch_check.h"
#include "format/predicate.h"
#include "log/group_commit.h"
#include "log/log.h"
#include "metadata/catalog.h"
#include "replica/primary_key.h"
#include "replica/range_cache.h"
#include "replica/read_plan.h"
#include "runtime/async_mutex.h"
#include "runtime/sync.h"

namespace strom::replica {

class ParkedFetch;

// The committed rows of a bucket, for readers on any shard. Whoever keeps it lets go of it when the
// table is dropped.
struct ReadableRows {
  std::shared_ptr<const kv::Store> store;
  std::shared_ptr<const metadata::TableInfo> table;
};

// What an append of one bucket came to, before its commit.
struct Appended {
  Offset base_offset;      // -1 when the request carried no batch
  Offset required_offset;  // acknowledged under acks=-1 once the high watermark reached this
};

class Replica : public std::enable_shared_from_this<Replica> {
 public:
  // `rules` were made from `table`; the buckets of a table share them.
  Replica(TableBucket bucket, std::shared_ptr<const metadata::TableInfo> table,
          std::shared_ptr<const format::BatchRules> rules, std::unique_ptr<log::Log> log,
          log::GroupCommit& commit, RangeCache& range_cache);
  ~Replica();

  // Of a primary-key table, before anything else is called.
  void AddPrimaryKey(std::shared_ptr<kv::KvTable> table, kv::StoreEngine& engine,
                     std::string directory, std::optional<SnapshotPlace> snapshots,
                     StoreRetry retry = {});

  const TableBucket& bucket() const { return bucket_; }
  const metadata::TableInfo& table() const { return *table_; }
  std::shared_ptr<const metadata::TableInfo> table_info() const { return table_; }
  log::Log& log() { return *log_; }
  Offset high_watermark() const { return high_watermark_; }
  Offset log_start_offset() const { return log_->start_offset(); }

  // Checks every batch of `records` (spec 02, 12), appends all of them or none, and starts their
  // commit. Errors are per bucket: 9, 10, 14, 15, 31.
  Result<Appended> Append(MutableByteView records, Timestamp now);

  // Before Put and any read of rows: opens the store of a primary-key bucket. kNonPrimaryKeyTable
  // for a log table, kKvStorage.
  runtime::Task<Status> OpenStore();
  bool store_is_open() const { return primary_key_ && primary_key_->is_open(); }
  // Only while the store is open: not to be kept across a wait, in which it may be closed.
  kv::KvBucket& rows() {
    primary_key_->bucket().store().MarkUsed();
    return primary_key_->bucket();
  }
  ReadableRows readable_rows() { return {rows().ShareStore(), table_}; }

  // Applies one KV batch (spec 05, 2): all of it or nothing. Errors are per bucket: 3, 9, 13, 14,
  // 31, 35, 57, 72.
  Result<Appended> Put(ByteView records, const kv::PutOptions& options, Timestamp now);
  // How near the store is to refusing writes: 0 to below 1.
  float Pressure() { return primary_key_->Pressure(); }
  // Held while a write waits for auto-increment ids or for old rows from the disk, so that writes
  // keep their order.
  runtime::AsyncMutex& order_lock() { return order_lock_; }

  // Waits until the high watermark reaches `offset`: kRequestTimeOut after `deadline`,
  // kUnknownTableOrBucket when the bucket is dropped, kLogStorage when its log failed.
  runtime::Task<Status> AwaitHighWatermark(Offset offset, runtime::Instant deadline);

  // Whole batches from `request.fetch_offset` up to the high watermark (spec 04, 7.2).
  Result<BucketRead> Read(const BucketReadRequest& request);

  // The same without batches that cannot match (spec 02, 8.5). `request`'s fields outlive it, the
  // caller keeps the replica.
  runtime::Task<Result<BucketRead>> ReadFiltered(BucketReadRequest request,
                                                 format::Predicate predicate);

  // Offsets for clients (spec 04, 7.4): 0 earliest, 1 latest, 2 by timestamp, 3 promotion end.
  Result<Offset> ListOffset(int32_t offset_type, std::optional<int64_t> timestamp_ms,
                            Timestamp now);

  // The batches that hold the last `limit` offsets below the high watermark (spec 05, 10).
  Result<BucketRead> LimitScan(int32_t limit);

  // Deletes what `table.log.ttl` lets go, below the high watermark (spec 04, 7.7) and, of a
  // changelog, below what its snapshots need; how many segments. With `roll_active` an active
  // segment that is old as a whole is closed, so that it can go later.
  runtime::Task<Result<size_t>> ApplyRetention(Timestamp now, bool roll_active);

  // Lets go of the log's files while nobody needs them (see Log::CloseIfIdle).
  runtime::Task<Status> CloseLogIfIdle(Timestamp now);

  // Lets go of the store's files and memory if it is idle (see PrimaryKey::CloseIfIdle).
  runtime::Task<Result<bool>> CloseStoreIfIdle();

  // Of a primary-key bucket; nothing to do for others (see PrimaryKey).
  runtime::Task<Result<std::optional<int64_t>>> TakeSnapshot();

  // The bucket is gone: everything that waits on it is answered.
  void Drop();
  bool dropped() const { return dropped_; }
  // Waits for the commit that is under way, then closes the log cleanly (or just closes it when
  // the replica was dropped or its log failed).
  runtime::Task<Status> Close();

  // Fetches parked here; see ParkedFetch.
  void Park(ParkedFetch* fetch) { parked_.push_back(fetch); }
  void Unpark(ParkedFetch* fetch) { std::erase(parked_, fetch); }
  size_t parked_count() const { return parked_.size(); }

 private:
  runtime::Task<void> CommitLoop();
  void StartCommit();
  // Lets the store follow the log to `target`, in steps as it can, and readers with it.
  runtime::Task<Status> CommitRows(Offset target);
  // After the store has failed with `why`: opens it again as soon as that works, with all of the
  // log.
  runtime::Task<Status> RecoverStore(Error why);
  Result<BucketRead> Project(const BucketReadRequest& request, Offset from, BucketRead read);
  // Where a read starts, if the log has it.
  Result<Offset> StartOf(const BucketReadRequest& request) const;
  Result<std::shared_ptr<const format::ProjectionPlan>> PlanFor(SchemaId schema_id,
                                                                std::span<const int32_t> fields);
  // Column ranges that cover the run, from the cache, from their file or computed.
  runtime::Task<std::shared_ptr<const format::SegmentRanges>> RangesOf(const log::ReadResult& run);
  runtime::Task<std::shared_ptr<format::SegmentRanges>> MakeRanges(
      const log::ReadResult& run, std::shared_ptr<format::SegmentRanges> known);
  void FailLog(const Error& error);
  void AdvanceHighWatermark(Offset to);
  void WakeAll();
  Error GoneError() const;

  const TableBucket bucket_;
  const std::shared_ptr<const metadata::TableInfo> table_;
  const std::shared_ptr<const format::BatchRules> rules_;
  const std::unique_ptr<log::Log> log_;
  std::unique_ptr<PrimaryKey> primary_key_;
  log::GroupCommit& commit_;
  Offset high_watermark_;
  const Offset end_at_promotion_;
  bool dropped_ = false;
  bool closing_ = false;
  std::optional<Error> failed_;
  bool committing_ = false;
  runtime::TaskGroup background_;
  runtime::Event advanced_;
  std::vector<ParkedFetch*> parked_;
  ProjectionCache projections_;
  RangeCache& range_cache_;
  runtime::AsyncMutex order_lock_;
  bool looking_at_ranges_ = false;  // one computation at a time
  runtime::Event ranges_ready_;
};

}  // namespace strom::replica
