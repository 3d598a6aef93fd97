// Looks at segment files without changing them, for `strom log verify` and `dump`: while no server
// uses them, or on a copy. Blocks on the device.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "format/record_batch.h"
#include "runtime/file.h"

namespace strom::log {

struct LogProblem {
  std::string path;
  uint64_t position = 0;  // byte in the file
  std::string what;
  std::string remedy;  // what to do, a sentence
};

struct VerifyReport {
  uint64_t segments = 0;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  std::vector<LogProblem> problems;  // at most kMaxProblems; more_problems counts the rest
  uint64_t more_problems = 0;
};

inline constexpr size_t kMaxProblems = 1000;

// `path`: a .log file, the folder of a bucket, or any folder above (a whole data directory). Finds:
// - bytes that are no batch, CRCs that do not fit, offsets that go back or leave a gap (within and
//   between segments), timestamps that go back;
// - indexes that do not fit their segment, end too early or are missing of a closed segment; column
//   ranges that do not fit; any of them whose segment is missing;
// - writer snapshots that are unreadable, missing, or do not say what the batches do;
// - of a data directory, checkpoints that are unreadable or name offsets behind the end of a log;
// - files and folders of other names, and what the device does not give.
// Column ranges need not be there. An error: `path` is not there, or cannot be read.
Result<VerifyReport> Verify(runtime::FileSystem& files, const std::string& path);

// Every batch of a .log file in order, until the end, damage, or `visit` returning false. `batch`
// is valid during the call.
struct DumpedBatch {
  uint64_t position = 0;
  format::BatchHeader header;
  bool crc_fits = true;
  ByteView batch;
};
Status ForEachBatch(runtime::FileSystem& files, const std::string& path,
                    const std::function<bool(const DumpedBatch&)>& visit);

}  // namespace strom::log
