// What a log finds on disk when it is opened (spec 04, 7.6 and 6.7). Blocks; runs before the log
// belongs to anyone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/segment.h"
#include "log/writer_state.h"
#include "runtime/file.h"

namespace strom::log {

struct RecoveryInput {
  runtime::FileSystem& files;
  std::string directory;
  TableBucket bucket;
  LogOptions options;
  Offset recovery_point;
  bool clean = false;
  Timestamp now;
  Offset first_offset{0};  // of a log that is not there yet
};

struct RecoveredLog {
  std::vector<std::shared_ptr<Segment>> segments;  // at least one; the last is open for appends
  Offset end_offset;
  Timestamp max_timestamp{-1};
  WriterStates writers;
  Offset snapshot_offset;  // of the newest writer snapshot on disk; 0 if there is none
};

// Everything in the result is on disk when this returns.
Result<RecoveredLog> RecoverLog(const RecoveryInput& input);

}  // namespace strom::log
