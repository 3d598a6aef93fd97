// The log of one bucket: segments on disk, appended to and read by the shard that owns the bucket.
// (Contract sketch: see log_test.cc for behaviour.)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"
#include "runtime/file.h"
#include "runtime/task.h"

namespace strom::log {

struct LogOptions {
  uint64_t segment_bytes = uint64_t{1} << 30;
  uint64_t index_interval_bytes = 4096;
  uint64_t index_bytes = 10 << 20;
  int64_t writer_expiration_ms = int64_t{7} * 24 * 3600 * 1000;
};

// One validated batch of a produce request: its bytes (mutable: the header is patched) and header.
struct AppendBatch {
  MutableByteView bytes;
  format::BatchHeader header;
};

struct AppendResult {
  Offset base_offset;         // of the first batch; the original one for a duplicate
  Offset end_offset;          // exclusive
  bool duplicate = false;     // nothing was appended
  uint64_t appended_bytes = 0;
};

// A run of whole batches inside one segment, readable through the mapping that it keeps alive.
struct ReadResult {
  std::shared_ptr<const runtime::Mapping> mapping;
  ByteView bytes;             // empty: nothing between the offset and the limit
};

class Log {
 public:
  // Opens or creates the log in `directory` (…/log-0). `clean`: the last shutdown left the marker,
  // so segments are trusted. Otherwise verifies from `recovery_point` on, cuts a torn tail, deletes
  // what lies behind damage, and rebuilds missing indexes. `now` drops expired writers.
  static Result<std::unique_ptr<Log>> Open(runtime::FileSystem& files, std::string directory,
                                           TableBucket bucket, const LogOptions& options,
                                           Offset recovery_point, bool clean, Timestamp now);
  ~Log();

  Offset start_offset() const;  // base of the first segment
  Offset end_offset() const;    // LEO: the next offset to be given out
  Offset synced_offset() const; // everything below is on disk
  Timestamp max_timestamp() const;  // -1 when empty
  uint64_t size_bytes() const;
  size_t segment_count() const;

  // Gives offsets and the commit timestamp, checks writer sequences (31; duplicates answered with
  // the original offset), rolls if needed and appends to the page cache. All or nothing.
  // An I/O error is kLogStorage and ends the log: every later append fails until it is re-opened.
  Result<AppendResult> Append(std::span<AppendBatch> batches, Timestamp now);

  // Makes durable what was appended before the call; then synced_offset() has moved. A failure
  // ends the log as for Append. Several may be under way.
  runtime::Task<Status> Sync();

  // Whole batches from the one that contains `from`, up to `limit` (exclusive, a batch boundary)
  // and at most `max_bytes`, but at least one batch if `at_least_one`. Never crosses a segment.
  // from < start_offset() or > end_offset(): kLogOffsetOutOfRange.
  Result<ReadResult> Read(Offset from, Offset limit, uint64_t max_bytes, bool at_least_one);

  // Base offset of the first batch with commit timestamp >= t, if any.
  Result<std::optional<Offset>> OffsetForTimestamp(Timestamp t);

  // Rolls the active segment when it is older than `max_age_ms` (by its first timestamp).
  Status RollIfOlderThan(int64_t max_age_ms, Timestamp now);
  void ExpireWriters(Timestamp now);
  size_t writer_count() const;

  // Syncs everything, writes the writer snapshot, trims indexes. The log takes no more appends.
  runtime::Task<Status> CloseCleanly();

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strom::log
