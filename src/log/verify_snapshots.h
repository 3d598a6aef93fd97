// The writer snapshots of a bucket as `strom log verify` looks at them: each by itself, and the
// newest, which the next start reads, against the batches. Reads only; blocks. See verify.h.
#pragma once

#include <map>
#include <span>
#include <string>

#include "log/verify.h"
#include "log/writer_state.h"

namespace strom::log {

class SnapshotVerifier {
 public:
  SnapshotVerifier(runtime::FileSystem& files, VerifyReport& report, std::string folder)
      : files_(files), report_(report), folder_(std::move(folder)) {}

  // First: the offsets that name snapshots in the folder, ascending.
  void Load(std::span<const Offset> snapshots);
  // Then every batch of the log, in order. `closed`: its segment takes no more appends.
  void See(const format::BatchHeader& header, bool closed);
  // At last: the log is [start, end), its last segment begins at `last_segment`. What a snapshot
  // says of batches is not looked at if the log has lost some.
  void Finish(Offset start, Offset last_segment, Offset end, bool log_is_whole);

 private:
  // What the newest snapshot says of a writer, and what the log does.
  struct Claim {
    WriterBatches batches;
    uint32_t found = 0;  // a bit for each of the batches
    Offset newest_seen{-1};
  };

  void LoadOne(Offset at);
  void CheckClaims(Offset start);
  void Found(Offset at, std::string what, std::string_view remedy);

  runtime::FileSystem& files_;
  VerifyReport& report_;
  const std::string folder_;
  std::vector<Offset> snapshots_;
  std::map<WriterId, Claim> claims_;
  Offset claims_at_;       // the snapshot that they are of
  Offset writers_closed_;  // behind the last batch of a writer in a closed segment
};

}  // namespace strom::log
