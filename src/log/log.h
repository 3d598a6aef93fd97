// The log of one bucket: segments on disk, appended to and read by the shard that owns the bucket.
// Behaviour: spec 04, 5 to 7; files: spec 02, 9. All of it may be called only on that shard, except
// that what Read returned may travel.
//
// Durability: Append writes to the page cache; Sync (or a GroupCommit, group_commit.h) makes it
// durable. A failed Sync, or an Append that left half a batch behind, ends the log: appends and
// syncs fail with the first reason until it is opened again; reads go on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/batch_check.h"
#include "log/log_facts.h"
#include "log/log_options.h"
#include "log/segment.h"
#include "runtime/file.h"
#include "runtime/task.h"

namespace strom::log {

// One validated batch of a produce request: its bytes (mutable: the header is patched) and header.
using AppendBatch = format::CheckedBatch;

struct AppendResult {
  Offset base_offset;      // of the first batch; the original one for a duplicate
  Offset end_offset;       // exclusive
  bool duplicate = false;  // nothing was appended
  uint64_t appended_bytes = 0;
};

class Log {
 public:
  // Opens or creates the log in `directory` (…/log-0). `clean`: the last shutdown left the marker,
  // so segments are trusted. Otherwise verifies from `recovery_point` on, cuts a torn tail, deletes
  // what lies behind damage, rebuilds indexes, and syncs what it kept. `now` drops expired writers.
  // A log that is not there yet begins at `first_offset`. Blocks for as long as that takes. `files`
  // outlives the log and everything it handed out.
  static Result<std::unique_ptr<Log>> Open(runtime::FileSystem& files, std::string directory,
                                           TableBucket bucket, const LogOptions& options,
                                           Offset recovery_point, bool clean, Timestamp now,
                                           Offset first_offset = Offset(0));
  // The same for a log that was closed cleanly with these `facts` and not touched since: nothing of
  // it is opened before it is needed, which then blocks for as long as Open would. Null when its
  // files are not as the facts say.
  static Result<std::unique_ptr<Log>> OpenLazily(runtime::FileSystem& files, std::string directory,
                                                 TableBucket bucket, const LogOptions& options,
                                                 const LogFacts& facts, Timestamp now);
  // Closes the files; syncs nothing. May be destroyed while a Sync is under way.
  ~Log();

  const TableBucket& bucket() const;
  Offset start_offset() const;   // base of the first segment
  Offset end_offset() const;     // LEO: the next offset to be given out
  Offset synced_offset() const;  // everything below is on disk
  // For the checkpoint: below it the batches, and the indexes of whole segments, are on disk and
  // need no check after a crash.
  Offset recovery_point() const;
  Timestamp max_timestamp() const;  // -1 when empty
  uint64_t size_bytes() const;
  size_t segment_count() const;
  // False while nothing of it was needed since OpenLazily or CloseIfIdle.
  bool is_open() const;
  // All of that for the next OpenLazily, of a log that takes no more appends.
  Result<LogFacts> Facts() const;
  // Why the log ended, if it did.
  const std::optional<Error>& failure() const;

  // Gives offsets and the commit timestamp, checks writer sequences (31; duplicates answered with
  // the original offset), rolls if needed and appends to the page cache. All or nothing. Errors:
  // kOutOfOrderSequence; kRecordTooLarge when the batches span more offsets than a segment can
  // hold; kLogStorage when the device fails: nothing of the batches is left in the log.
  Result<AppendResult> Append(std::span<AppendBatch> batches, Timestamp now);

  // Makes durable what was appended before the call; then synced_offset() has moved. A failure
  // ends the log. Several may be under way.
  runtime::Task<Status> Sync();
  // The same for finished segments only, which moves recovery_point() without touching the active
  // one. Nothing to do unless has_unsynced_segments().
  runtime::Task<Status> SyncFinishedSegments();
  bool has_unsynced_segments() const;

  // Whole batches from the one that contains `from`, up to `limit` (exclusive, a batch boundary)
  // and at most `max_bytes`, but at least one batch if `at_least_one`. Never crosses a segment.
  // from < start_offset() or > end_offset(): kLogOffsetOutOfRange. A batch that was damaged since
  // it was written is kLogStorage, found when it is first read (a check costs every byte of it, so
  // reads that leave most of them untouched pass ReadCheck::kNone).
  Result<ReadResult> Read(Offset from, Offset limit, uint64_t max_bytes, bool at_least_one,
                          ReadCheck check = ReadCheck::kOnce);

  // Where what is known of the columns of a finished segment is kept. The file goes with it.
  std::string RangesPath(Offset segment) const;

  // Base offset of the first batch with commit timestamp >= t, if any.
  Result<std::optional<Offset>> OffsetForTimestamp(Timestamp t);

  // Rolls the active segment when it is older than `max_age_ms` (by its first timestamp).
  Status RollIfOlderThan(int64_t max_age_ms, Timestamp now);
  // Deletes the oldest segments whose newest timestamp is more than `ttl_ms` ago and which end at
  // or below `limit`, up to the first that stays; never the active one. How many went.
  Result<size_t> DeleteExpired(int64_t ttl_ms, Timestamp now, Offset limit);
  // Deletes whole segments, oldest first, that end at or below `offset`; never the active one.
  // After a crash in between, those that are left follow each other without a gap.
  Status DeleteSegmentsBelow(Offset offset);
  void ExpireWriters(Timestamp now);
  size_t writer_count() const;

  // Closes the files, as OpenLazily leaves them, if nothing was asked of the log since the last
  // call of this. Makes it durable first.
  runtime::Task<Status> CloseIfIdle(Timestamp now);
  // Syncs everything, writes the writer snapshot, trims indexes. The log takes no more appends.
  // After an error the directory must not count as cleanly shut down.
  runtime::Task<Status> CloseCleanly();

  // Expires when the log is destroyed: for who remembers logs without owning them.
  std::weak_ptr<const void> lifetime() const;

 private:
  struct State;
  explicit Log(std::shared_ptr<State> state);
  static runtime::Task<Status> SyncState(std::shared_ptr<State> state, bool active_too);
  static runtime::Task<Status> SyncAll(std::shared_ptr<State> state,
                                       std::vector<std::shared_ptr<runtime::File>> side_files);
  static runtime::Task<Status> SyncFile(std::shared_ptr<State> state,
                                        std::shared_ptr<runtime::File> file);
  static runtime::Task<Status> SyncDirectoryOf(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace strom::log
