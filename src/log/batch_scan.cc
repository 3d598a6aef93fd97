#include "log/batch_scan.h"

#include "base/check.h"
#include "base/crc32c.h"

namespace strom::log {
namespace {

// One read of a scan that looks at everything, and of one that looks at headers: small batches
// come many to a read, large ones cost a few pages each.
constexpr uint64_t kChunkBytes = 1 << 20;
constexpr uint64_t kHeaderChunkBytes = 16 << 10;

// Where the bytes under the CRC begin: schema_id (spec 02, 2).
uint64_t ChecksummedFrom(const format::BatchHeader& header) {
  return header.magic == 2 ? 29 : 25;
}

// The header of a batch of which only `head` was read while the file holds `available` bytes.
std::expected<format::BatchHeader, format::BatchProblem> ReadHeader(ByteView head,
                                                                    uint64_t available) {
  // The longer view only tells how much the file holds: a header's own bytes are all that is read.
  STROM_CHECK(head.size() >= std::min<uint64_t>(available, format::kMaxBatchHeaderBytes));
  return format::ReadBatchHeader(ByteView(head.data(), available));
}

}  // namespace

Result<ByteView> BatchScan::Load(uint64_t position, uint64_t length) {
  const bool buffered = position >= chunk_at_ && position - chunk_at_ < chunk_.size();
  const uint64_t at_hand = buffered ? chunk_.size() - (position - chunk_at_) : 0;
  if (at_hand < std::min<uint64_t>(length, format::kMaxBatchHeaderBytes)) {
    const uint64_t chunk = depth_ == Depth::kChecksums ? kChunkBytes : kHeaderChunkBytes;
    chunk_.resize(std::min(chunk, end_ - position));
    chunk_at_ = position;
    STROM_TRY(const size_t got, file_.ReadAt(position, chunk_));
    chunk_.resize(got);
  }
  const ByteView from_here = ByteView(chunk_).subspan(position - chunk_at_);
  return from_here.first(std::min<uint64_t>(length, from_here.size()));
}

Result<bool> BatchScan::CrcFits(const format::BatchHeader& header) {
  uint32_t crc = 0;
  uint64_t at = position_ + ChecksummedFrom(header);
  const uint64_t batch_end = position_ + header.size_bytes;
  while (at < batch_end) {
    STROM_TRY(const ByteView piece, Load(at, batch_end - at));
    if (piece.empty()) return false;  // the file became shorter
    crc = Crc32cExtend(crc, piece);
    at += piece.size();
  }
  return crc == header.crc;
}

Result<std::optional<ScannedBatch>> BatchScan::Next() {
  problem_.reset();
  if (position_ >= end_) return std::nullopt;
  const uint64_t available = end_ - position_;
  const uint64_t head_bytes = std::min<uint64_t>(available, format::kMaxBatchHeaderBytes);
  STROM_TRY(const ByteView head, Load(position_, head_bytes));
  if (head.size() < head_bytes) {
    problem_ = format::BatchProblem::kIncomplete;
    return std::nullopt;
  }
  const auto header = ReadHeader(head, available);
  if (!header) {
    problem_ = header.error();
    return std::nullopt;
  }
  ScannedBatch batch{position_, *header};
  if (depth_ == Depth::kChecksums) {
    STROM_TRY(batch.crc_fits, CrcFits(*header));
  }
  position_ += header->size_bytes;
  return batch;
}

}  // namespace strom::log
