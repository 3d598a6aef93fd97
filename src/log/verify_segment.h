// One segment as `strom log verify` looks at it: its batches, and the files beside it against them.
// Reads only; blocks. See verify.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/verify.h"
#include "log/verify_snapshots.h"

namespace strom::log {

inline constexpr std::string_view kUnreadable =
    "See to its permissions and its device; if those cannot be helped, restore it from a backup.";

// Adds to a report, up to its limit.
void AddProblem(VerifyReport& report, LogProblem problem);

// What a bucket's segments have in common as they are looked at, in order.
struct BucketVerification {
  runtime::FileSystem& files;
  VerifyReport& report;
  std::string folder;
  SnapshotVerifier snapshots;
  bool log_is_whole = true;  // no batch is damaged or missing
  // Of neighbouring entries of an offset index: the interval of the index is smaller.
  std::optional<uint64_t> smallest_index_gap;
};

// The segment of the bucket that begins at `base`; the last one may end in what a crash left and
// need not have indexes. Returns the offset behind its last batch; an error if the segment cannot
// be read.
Result<Offset> VerifySegment(BucketVerification& bucket, Offset base, bool last);

}  // namespace strom::log
