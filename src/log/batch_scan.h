// Walks the batches of a .log file front to back through ReadAt, for recovery, index rebuilds and
// inspection. Memory is bounded by one chunk, whatever a damaged length says. Blocks on the device;
// whoever owns the file calls it, on any thread.
#pragma once

#include <expected>
#include <optional>

#include "format/record_batch.h"
#include "runtime/file.h"

namespace strom::log {

struct ScannedBatch {
  uint64_t position = 0;
  format::BatchHeader header;
  bool crc_fits = true;  // always true when checksums are not looked at
};

class BatchScan {
 public:
  enum class Depth { kHeaders, kChecksums };

  // Reads [position, end) of `file`, which must outlive this.
  BatchScan(const runtime::File& file, uint64_t position, uint64_t end, Depth depth)
      : file_(file), position_(position), end_(end), depth_(depth) {}

  // The batch at position(), then moves behind it. Nothing at the end, and nothing at bytes that
  // are no batch: then problem() says why and position() stays in front of them.
  Result<std::optional<ScannedBatch>> Next();

  uint64_t position() const { return position_; }
  std::optional<format::BatchProblem> problem() const { return problem_; }
  void set_depth(Depth depth) { depth_ = depth; }

 private:
  // A view of at most `length` file bytes from `position`; fewer if the chunk ends before.
  Result<ByteView> Load(uint64_t position, uint64_t length);
  Result<bool> CrcFits(const format::BatchHeader& header);

  const runtime::File& file_;
  uint64_t position_;
  const uint64_t end_;
  Depth depth_;
  std::optional<format::BatchProblem> problem_;
  Bytes chunk_;
  uint64_t chunk_at_ = 0;
};

}  // namespace strom::log
