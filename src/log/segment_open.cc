// Opening segments that are on disk: trusting, checking, rebuilding.
#include "base/log.h"
#include "log/batch_scan.h"
#include "log/file_names.h"
#include "log/segment.h"

namespace strom::log {
namespace {

// Why a batch cannot stand where it stands; empty if it can.
std::string ProblemOf(const ScannedBatch& batch, Offset base, Offset expected) {
  if (batch.header.base_offset != expected) {
    return fmt::format("it has the offset {} where {} should follow", batch.header.base_offset,
                       expected);
  }
  if (batch.header.last_offset() - base > kMaxRelativeOffset) {
    return "its offsets are too far from the segment's base";
  }
  if (!batch.crc_fits) return "its CRC does not match";
  return {};
}

// Null if there is no such file; a file without bytes has no mapping but exists.
struct MappedIndex {
  bool exists = false;
  std::shared_ptr<const runtime::Mapping> mapping;
};

Result<MappedIndex> MapIndex(runtime::FileSystem& files, const std::string& path) {
  STROM_TRY(const bool exists, files.Exists(path));
  if (!exists) return MappedIndex{};
  STROM_TRY(const auto file, files.Open(path, runtime::OpenMode::kRead));
  STROM_TRY(const uint64_t size, file->Size());
  if (size == 0) return MappedIndex{true, nullptr};
  STROM_TRY(auto mapping, file->Map(size));
  return MappedIndex{true, std::move(mapping)};
}

// The content of an index file, nothing if it is missing or larger than any that we write.
Result<std::optional<Bytes>> ReadIndex(runtime::FileSystem& files, const std::string& path,
                                       uint64_t max_bytes) {
  STROM_TRY(const bool exists, files.Exists(path));
  if (!exists) return std::nullopt;
  STROM_TRY(const auto file, files.Open(path, runtime::OpenMode::kRead));
  STROM_TRY(const uint64_t size, file->Size());
  if (size > max_bytes) return std::nullopt;
  Bytes content(size);
  STROM_TRY(const size_t got, file->ReadAt(0, content));
  content.resize(got);
  return content;
}

constexpr uint64_t kRewriteBytes = uint64_t{1} << 20;

// Writes the bytes from..to over themselves. What a failed sync left in the page cache can be read
// but counts as clean there: no later sync would write it, and a power cut would lose it.
Status Rewrite(runtime::File& file, uint64_t from, uint64_t to) {
  Bytes buffer(std::min(kRewriteBytes, to - std::min(from, to)));
  while (from < to) {
    const MutableByteView part =
        MutableByteView(buffer).first(std::min<uint64_t>(to - from, buffer.size()));
    STROM_TRY(const size_t got, file.ReadAt(from, part));
    if (got < part.size()) {
      return Fail(ErrorCode::kLogStorage, "A segment became shorter while it was recovered.");
    }
    STROM_TRY_VOID(file.WriteAt(from, std::array{ByteView(part)}));
    from += part.size();
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<runtime::File>> Segment::OpenForScan() const {
  return files_.Open(Path(kLogSuffix), runtime::OpenMode::kRead);
}

Status Segment::LoadIndexes() {
  if (indexes_loaded_) return {};
  STROM_TRY(MappedIndex offsets, MapIndex(files_, Path(kOffsetIndexSuffix)));
  STROM_TRY(MappedIndex times, MapIndex(files_, Path(kTimeIndexSuffix)));
  if (offsets.mapping) offset_index_ = OffsetIndex(base_, std::move(offsets.mapping));
  if (times.mapping) time_index_ = TimeIndex(base_, std::move(times.mapping));
  indexes_loaded_ =
      offsets.exists && times.exists && offset_index_.Valid(size_) && time_index_.Valid();
  return indexes_loaded_ ? Status{} : RebuildIndexes();
}

Status Segment::RebuildIndexes() {
  strom::Log(LogLevel::kInfo, "log.index_rebuilt", {{"segment", Path(kLogSuffix)}});
  ResetIndexes();
  const uint64_t size = size_;
  STROM_TRY(const auto file, OpenForScan());
  BatchScan scan(*file, 0, size, BatchScan::Depth::kHeaders);
  Offset expected = base_;
  while (true) {
    STROM_TRY(const auto batch, scan.Next());
    // Readers meet damage themselves, with its place; here it only ends the index.
    if (!batch || !ProblemOf(*batch, base_, expected).empty()) break;
    const format::BatchHeader& header = batch->header;
    Account(batch->position, header.size_bytes, header.base_offset, header.last_offset(),
            header.commit_timestamp);
    expected = header.next_offset();
  }
  size_ = size;
  indexes_loaded_ = true;
  WriteIndexes();
  return {};
}

Result<std::optional<Offset>> Segment::OpenTail() {
  STROM_TRY(auto offsets, ReadIndex(files_, Path(kOffsetIndexSuffix), options_.index_bytes));
  STROM_TRY(auto times, ReadIndex(files_, Path(kTimeIndexSuffix), options_.index_bytes));
  if (!offsets || !times) return std::nullopt;
  offset_index_ = OffsetIndex(base_, std::move(*offsets));
  time_index_ = TimeIndex(base_, std::move(*times));
  if (!offset_index_.Valid(size_) || !time_index_.Valid()) return std::nullopt;
  STROM_TRY(file_, files_.Open(Path(kLogSuffix), runtime::OpenMode::kReadWrite));
  if (!time_index_.empty()) max_timestamp_ = time_index_.Last();
  const uint64_t last_entry = offset_index_.Last().position;
  bytes_since_entry_ = size_ - last_entry;
  BatchScan scan(*file_, last_entry, size_, BatchScan::Depth::kHeaders);
  Offset end = base_;
  while (true) {
    STROM_TRY(const auto batch, scan.Next());
    if (!batch) break;
    // Where the walk begins an index entry tells only where the batch ends.
    if (batch->position == last_entry && last_entry > 0) end = batch->header.base_offset;
    if (end < base_ || !ProblemOf(*batch, base_, end).empty()) return std::nullopt;
    NoteTimestamp(batch->header.commit_timestamp, batch->header.base_offset);
    end = batch->header.next_offset();
  }
  if (scan.position() != size_) return std::nullopt;
  if (size_ > 0) {
    BatchScan front(*file_, 0, size_, BatchScan::Depth::kHeaders);
    STROM_TRY(const auto batch, front.Next());
    if (!batch) return std::nullopt;
    first_timestamp_ = batch->header.commit_timestamp;
  }
  indexes_loaded_ = true;
  tail_known_ = true;
  return end;
}

Result<RecoveredSegment> Segment::Recover(Offset trusted_below) {
  STROM_TRY(file_, files_.Open(Path(kLogSuffix), runtime::OpenMode::kReadWrite));
  STROM_TRY(const uint64_t file_size, file_->Size());
  ResetIndexes();
  mapping_.reset();
  size_ = 0;
  checked_begin_ = checked_end_ = 0;
  first_timestamp_ = Timestamp(-1);
  max_timestamp_ = {Timestamp(-1), base_};
  RecoveredSegment recovered{base_, 0, {}};
  BatchScan scan(*file_, 0, file_size, BatchScan::Depth::kHeaders);
  uint64_t trusted_bytes = 0;
  std::shared_ptr<const runtime::Mapping> mapped;
  while (true) {
    const bool trusted = recovered.end_offset < trusted_below;
    if (!trusted) scan.set_depth(BatchScan::Depth::kChecksums);
    STROM_TRY(const auto batch, scan.Next());
    if (!batch) break;
    const format::BatchHeader& header = batch->header;
    recovered.problem = ProblemOf(*batch, base_, recovered.end_offset);
    if (recovered.problem.empty() && !trusted) {
      if (!mapped) {
        STROM_TRY(mapped, file_->Map(file_size));
      }
      if (!StructureFits(mapped->View(batch->position, header.size_bytes), header)) {
        recovered.problem = "its records do not fit its header";
      }
    }
    if (!recovered.problem.empty()) break;
    Account(batch->position, header.size_bytes, header.base_offset, header.last_offset(),
            header.commit_timestamp);
    recovered.end_offset = header.next_offset();
    if (trusted) trusted_bytes = size_;
  }
  if (scan.problem()) recovered.problem = format::Describe(*scan.problem());
  recovered.cut_bytes = file_size - size_;
  // Even if it is as long as it should be: a process before may have cut it and its sync failed, so
  // that what it cut is gone from the page cache alone.
  STROM_TRY_VOID(file_->Truncate(size_));
  STROM_TRY_VOID(Rewrite(*file_, trusted_bytes, size_));
  MarkChecked(trusted_bytes, size_);
  indexes_loaded_ = true;
  tail_known_ = true;
  return recovered;
}

}  // namespace strom::log
