// One segment of a log: batches in a .log file, their sparse indexes in .index and .timeindex, all
// named by the base offset (spec 02, 9). Owned by a Log and used on its shard; a sync or a response
// under way keeps it (or its mapping) alive.
//
// The indexes of a segment that takes appends live in memory and go to their files when it is
// finished: after a crash they are rebuilt anyway, so an append costs one write. A finished segment
// holds no file open once it is on disk; it is mapped when it is first read.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"
#include "log/log_options.h"
#include "log/offset_index.h"
#include "log/time_index.h"
#include "runtime/file.h"

namespace strom::log {

// Offsets of a segment are kept relative to its base, in 31 bits.
inline constexpr int64_t kMaxRelativeOffset = std::numeric_limits<int32_t>::max();

// A run of whole batches inside one segment, readable through the mapping that it keeps alive.
struct ReadResult {
  std::shared_ptr<const runtime::Mapping> mapping;
  ByteView bytes;     // empty: nothing between the offset and the limit
  Offset end_offset;  // where to read on: behind the last batch in `bytes`
  // Where the bytes are: in which segment (base offset), from which byte of it on.
  Offset segment{};
  uint64_t position = 0;
  uint64_t segment_bytes = 0;        // all of it now
  bool segment_is_finished = false;  // takes no more appends
  SegmentHeads heads;                // of the batches in `bytes`
};

// Whether a read checks the CRCs of batches that were not written or checked by this process yet.
enum class ReadCheck { kNone, kOnce };

// What recovery made of a segment.
struct RecoveredSegment {
  Offset end_offset;       // behind its last batch
  uint64_t cut_bytes = 0;  // what was behind the last sound batch
  std::string problem;     // why it was cut; empty if it was not
};

class Segment {
 public:
  // An empty one that takes appends. Fails if the file is there and not empty.
  static Result<std::shared_ptr<Segment>> Create(runtime::FileSystem& files, std::string directory,
                                                 Offset base, const LogOptions& options);
  // One that is on disk. Nothing is read before it is needed.
  static std::shared_ptr<Segment> Existing(runtime::FileSystem& files, std::string directory,
                                           Offset base, uint64_t size_bytes,
                                           const LogOptions& options);

  Offset base_offset() const { return base_; }
  uint64_t size_bytes() const { return size_; }
  const std::string& directory() const { return directory_; }

  // --- appending: Create, Recover or OpenTail came before ---

  // False: the log has to roll before it appends this. An empty segment takes any one batch.
  bool HasRoomFor(uint64_t bytes, Offset last_offset) const;
  // `total_bytes` of whole batches with offsets [base, last]. After an error either nothing of them
  // is left or damaged() says that the file may end in half a batch.
  Status Append(std::span<const ByteView> pieces, uint64_t total_bytes, Offset base, Offset last,
                Timestamp timestamp);
  bool damaged() const { return damaged_; }
  // No more appends: writes the indexes. Returns what has to be synced, besides the file itself,
  // before the segment may be trusted after a crash.
  std::vector<std::shared_ptr<runtime::File>> Finish();
  // Both index files as they are now, to be synced; or none of them and a warning.
  std::vector<std::shared_ptr<runtime::File>> WriteIndexes();
  // Null once released.
  std::shared_ptr<runtime::File> file() const { return file_; }
  void ReleaseFile() { file_.reset(); }

  // --- reading ---

  // As Log::Read; nothing if every batch here ends below `from`.
  Result<std::optional<ReadResult>> Read(Offset from, Offset limit, uint64_t max_bytes,
                                         bool at_least_one, ReadCheck check);
  // Base offset of the first batch with commit timestamp >= t.
  Result<std::optional<Offset>> OffsetForTimestamp(Timestamp t);
  // -1 when empty.
  Result<Timestamp> MaxTimestamp();
  Result<Timestamp> FirstTimestamp();
  // A batch boundary at or in front of the batch that holds `offset`.
  Result<uint64_t> PositionFor(Offset offset);

  // --- opening an existing one ---

  // Opens for appends: reads the indexes and the headers behind their last entry. Nothing if they
  // do not add up with the file, so that it was not closed cleanly.
  Result<std::optional<Offset>> OpenTail();
  // Opens for appends: walks all batches, checks the CRC of those at or above `trusted_below`, cuts
  // the file in front of the first that is torn, damaged or out of order, rebuilds the indexes.
  Result<RecoveredSegment> Recover(Offset trusted_below);
  // Opens the file for a walk by the caller.
  Result<std::unique_ptr<runtime::File>> OpenForScan() const;

  const OffsetIndex& offset_index() const { return offset_index_; }
  const TimeIndex& time_index() const { return time_index_; }

 private:
  Segment(runtime::FileSystem& files, std::string directory, Offset base,
          const LogOptions& options);

  std::string Path(std::string_view suffix) const;
  // Leaves nothing of a write that failed.
  Status TakeBack();
  void ResetIndexes();
  // Takes in data that is in the file: size, timestamps, an index entry if it is time for one.
  void Account(uint64_t position, uint64_t bytes, Offset base, Offset last, Timestamp timestamp);
  void NoteTimestamp(Timestamp timestamp, Offset base);
  // Indexes for reading; those that are missing or make no sense are rebuilt.
  Status LoadIndexes();
  Status RebuildIndexes();
  Result<std::shared_ptr<runtime::File>> WriteIndex(std::string_view suffix, ByteView entries);
  // Makes sure of the batches in `result`, which starts at byte `begin` with the one that holds
  // `from`. Those in front of damage stay in it; damage at its very front is an error.
  Status CheckOnce(ByteView data, uint64_t begin, Offset from, ReadResult& result);
  // What the CRC does not cover, as far as the rules of the table tell.
  bool StructureFits(ByteView batch, const format::BatchHeader& header) const;
  Error DamagedAt(uint64_t position, Offset offset) const;
  void MarkChecked(uint64_t begin, uint64_t end);
  // All bytes of the segment.
  Result<ByteView> Mapped();
  // From where it is stored, or from its kept head.
  Result<format::BatchHeader> StoredHeaderAt(ByteView data, uint64_t position) const;
  Result<format::BatchHeader> HeaderAt(ByteView data, uint64_t position) const;

  runtime::FileSystem& files_;
  const std::string directory_;
  const Offset base_;
  const LogOptions options_;
  const uint64_t heads_id_;  // in the cache of heads
  uint64_t size_ = 0;
  std::shared_ptr<runtime::File> file_;
  std::shared_ptr<const runtime::Mapping> mapping_;
  bool damaged_ = false;
  // One range of bytes that this process wrote or checked.
  uint64_t checked_begin_ = 0;
  uint64_t checked_end_ = 0;

  bool indexes_loaded_ = false;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  uint64_t bytes_since_entry_ = 0;
  // Of the whole segment while it takes appends; else once tail_known_.
  bool tail_known_ = false;
  Timestamp first_timestamp_{-1};
  TimestampOffset max_timestamp_;
};

}  // namespace strom::log
