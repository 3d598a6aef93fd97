// Private to log.cc, log_open.cc and log_sync.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/log.h"
#include "log/recovery.h"
#include "log/segment.h"
#include "log/writer_state.h"

namespace strom::log {

// A segment that takes no more appends, until it and its side files are on disk.
struct FinishedSegment {
  std::shared_ptr<Segment> segment;
  std::vector<std::shared_ptr<runtime::File>> side_files;
};

struct Log::State {
  runtime::FileSystem& files;
  std::string directory;
  TableBucket bucket;
  LogOptions options;

  std::vector<std::shared_ptr<Segment>> segments;  // ascending; the last one takes appends
  // Of a log that was not needed yet; then there are no segments.
  std::optional<LogFacts> asleep;
  Timestamp asleep_since;
  bool used = false;  // since the last look for idle logs
  Offset end_offset;
  Offset synced_offset;
  Timestamp max_timestamp{-1};
  uint64_t finished_bytes = 0;  // of all segments but the last

  WriterStates writers;
  Offset snapshot_offset;  // of the newest writer snapshot

  std::vector<std::shared_ptr<FinishedSegment>> unsynced;
  // The folder's entries: how often they changed, and up to which change they are on disk.
  uint64_t directory_changes = 0;
  uint64_t directory_synced = 0;

  std::optional<Error> failure;
  bool closing = false;  // takes no more appends

  Segment& active() { return *segments.back(); }
  Offset start_offset() const { return asleep ? asleep->start : segments.front()->base_offset(); }
  Result<LogFacts> Facts();
  uint64_t size_bytes() const {
    return asleep ? asleep->size_bytes : finished_bytes + segments.back()->size_bytes();
  }
  // Opens what OpenLazily left closed; comes before any use of `segments`.
  Status Wake();
  // Ends the log; the first reason counts.
  Error Fail(Error error);
  Status Usable() const;
  void TakeOver(RecoveredLog found);
  void RemoveSideFiles(Offset base);
  // Of the writers up to the end offset; gives back what has to be synced, null if there is nothing
  // to write. After an error there is no such file.
  Result<std::shared_ptr<runtime::File>> WriteSnapshot();
  // Begins a new segment at the end offset.
  Status Roll();
};

}  // namespace strom::log
