#include "log/verify_segment.h"

#include <algorithm>

#include "format/segment_ranges.h"
#include "log/batch_scan.h"
#include "log/file_names.h"
#include "log/offset_index.h"
#include "log/time_index.h"

namespace strom::log {
namespace {

constexpr std::string_view kRestore =
    "Stop the server and restore the file from a backup: what it held cannot be made anew.";
constexpr std::string_view kCutOff = "The next start cuts the log off here.";
constexpr std::string_view kIndexRemedy =
    "Stop the server and delete the file: it is made anew from the segment.";
constexpr std::string_view kMissingIndex =
    "Nothing to do: it is made anew from the segment when that is next read.";
constexpr std::string_view kRangesRemedy =
    "Stop the server and delete the file: it is made anew when a filter wants it.";
// An index without entries says nothing of its interval; this much is more than anyone chooses.
constexpr uint64_t kLargestInterval = 1 << 20;

struct Batch {
  uint64_t position;
  Offset base;
  Offset last;
  Timestamp timestamp;
};

class SegmentVerifier {
 public:
  SegmentVerifier(BucketVerification& bucket, Offset base, bool last)
      : bucket_(bucket), base_(base), last_(last), end_offset_(base) {}

  Result<Offset> Run() {
    STROM_TRY_VOID(ScanBatches());
    CheckIndexesAreThere();
    CheckOffsetIndex();
    CheckTimeIndex();
    CheckRanges();
    return end_offset_;
  }

 private:
  std::string Path(std::string_view suffix) const {
    return FilePath(bucket_.folder, base_, suffix);
  }

  void Found(std::string_view suffix, uint64_t position, std::string what,
             std::string_view remedy) {
    AddProblem(bucket_.report, {Path(suffix), position, std::move(what), std::string(remedy)});
  }
  void FoundInLog(uint64_t position, std::string what) {
    Found(kLogSuffix, position, std::move(what), kRestore);
    bucket_.log_is_whole = false;
  }

  Status ScanBatches() {
    VerifyReport& report = bucket_.report;
    STROM_TRY(const auto file, bucket_.files.Open(Path(kLogSuffix), runtime::OpenMode::kRead));
    STROM_TRY(size_, file->Size());
    ++report.segments;
    report.bytes += size_;
    BatchScan scan(*file, 0, size_, BatchScan::Depth::kChecksums);
    Timestamp newest{-1};
    while (true) {
      STROM_TRY(const auto batch, scan.Next());
      if (!batch) break;
      const format::BatchHeader& header = batch->header;
      if (!batch->crc_fits) FoundInLog(batch->position, "the CRC of the batch does not match");
      if (header.base_offset != end_offset_) {
        FoundInLog(batch->position,
                   fmt::format("offset {} where {} must follow", header.base_offset, end_offset_));
      }
      if (header.commit_timestamp < newest) {
        FoundInLog(batch->position,
                   fmt::format("timestamp {} after {}", header.commit_timestamp, newest));
      }
      bucket_.snapshots.See(header, !last_);
      batches_.push_back(
          {batch->position, header.base_offset, header.last_offset(), header.commit_timestamp});
      newest = std::max(newest, header.commit_timestamp);
      end_offset_ = header.next_offset();
      ++report.batches;
      report.records += static_cast<uint64_t>(std::max(header.record_count, 0));
    }
    if (scan.position() != size_) {
      bucket_.log_is_whole = false;
      Found(kLogSuffix, scan.position(),
            fmt::format("{} bytes are no batch: {}", size_ - scan.position(),
                        scan.problem() ? format::Describe(*scan.problem()) : "cut off"),
            last_ ? kCutOff : kRestore);
    }
    return {};
  }

  // Nothing if there is no such file, or none that can be read, which is noted.
  std::optional<Bytes> ReadIfThere(std::string_view suffix) {
    const auto exists = bucket_.files.Exists(Path(suffix));
    if (exists && !*exists) return std::nullopt;
    auto content = runtime::ReadFile(bucket_.files, Path(suffix));
    if (content) return std::move(*content);
    Found(suffix, 0, content.error().message, kUnreadable);
    return std::nullopt;
  }

  // A segment that is closed has both.
  void CheckIndexesAreThere() {
    if (last_ || size_ == 0) return;
    for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix}) {
      const auto exists = bucket_.files.Exists(Path(suffix));
      if (exists && !*exists) Found(suffix, 0, "it is missing", kMissingIndex);
    }
  }

  // The batch that begins at this byte.
  const Batch* BatchAt(uint64_t position) const {
    const auto batch = std::ranges::lower_bound(batches_, position, {}, &Batch::position);
    return batch != batches_.end() && batch->position == position ? &*batch : nullptr;
  }

  void CheckOffsetIndex() {
    const auto content = ReadIfThere(kOffsetIndexSuffix);
    if (!content) return;
    const auto found = [this](uint64_t at, std::string what) {
      Found(kOffsetIndexSuffix, at, std::move(what), kIndexRemedy);
    };
    if (content->size() % kOffsetIndexEntryBytes != 0) {
      found(content->size(), "its size is no whole number of entries");
      return;
    }
    int64_t before = -1;
    for (size_t at = 0; at < content->size(); at += kOffsetIndexEntryBytes) {
      const int64_t relative = LoadBig<int32_t>(content->data() + at);
      const int64_t position = LoadBig<int32_t>(content->data() + at + 4);
      if (relative <= before) found(at, "its entries do not ascend");
      before = relative;
      const Batch* batch = BatchAt(static_cast<uint64_t>(position));
      if (batch == nullptr) {
        found(at, fmt::format("it points to byte {}, where no batch begins", position));
        continue;
      }
      // The last offset of what was appended there at once, which may be several batches.
      const Offset offset = base_ + relative;
      const auto ends = std::ranges::lower_bound(batches_, offset, {}, &Batch::last);
      if (offset < batch->base || ends == batches_.end() || ends->last != offset) {
        found(at,
              fmt::format("offset {} is no end of a batch at or behind byte {}", offset, position));
      }
      const uint64_t gap = batch->position - std::exchange(last_indexed_, batch->position);
      auto& smallest = bucket_.smallest_index_gap;
      if (batch->position > 0 && gap > 0) smallest = std::min(smallest.value_or(gap), gap);
    }
    CheckIndexReachesTheEnd(content->size());
  }

  // An entry is made for an append when more than the interval was appended since the last one.
  void CheckIndexReachesTheEnd(uint64_t index_bytes) {
    if (last_ || batches_.empty()) return;
    // Batches that were appended at once have one timestamp.
    size_t newest = batches_.size() - 1;
    while (newest > 0 && batches_[newest - 1].timestamp == batches_[newest].timestamp)
      --newest;
    const uint64_t append = batches_[newest].position;
    if (append <= last_indexed_) return;
    if (append - last_indexed_ >= bucket_.smallest_index_gap.value_or(kLargestInterval)) {
      Found(kOffsetIndexSuffix, index_bytes,
            fmt::format("its entries end at byte {} of the segment, {} bytes too early",
                        last_indexed_, append - last_indexed_),
            kIndexRemedy);
    }
  }

  void CheckTimeIndex() {
    const auto content = ReadIfThere(kTimeIndexSuffix);
    if (!content) return;
    const auto found = [this](uint64_t at, std::string what) {
      Found(kTimeIndexSuffix, at, std::move(what), kIndexRemedy);
    };
    if (content->size() % kTimeIndexEntryBytes != 0) {
      found(content->size(), "its size is no whole number of entries");
      return;
    }
    int64_t before = -1;
    for (size_t at = 0; at < content->size(); at += kTimeIndexEntryBytes) {
      const int64_t timestamp = LoadBig<int64_t>(content->data() + at);
      const Offset offset = base_ + LoadBig<int32_t>(content->data() + at + 8);
      if (timestamp <= before) found(at, "its entries do not ascend");
      before = timestamp;
      const auto batch = std::ranges::lower_bound(batches_, offset, {}, &Batch::base);
      if (batch == batches_.end() || batch->base != offset || batch->timestamp.ms != timestamp) {
        found(at, fmt::format("no batch at offset {} has timestamp {}", offset, timestamp));
      }
    }
    // Each entry of the offset index comes with one here, if the timestamp has grown.
    const Batch* indexed = last_indexed_ > 0 ? BatchAt(last_indexed_) : nullptr;
    if (indexed != nullptr && indexed->timestamp.ms > before) {
      found(content->size(), fmt::format("its entries end at timestamp {}, that of offset {} is {}",
                                         before, indexed->base, indexed->timestamp));
    }
  }

  void CheckRanges() {
    const auto content = ReadIfThere(kRangesSuffix);
    if (!content) return;
    const auto ranges = format::DecodeSegmentRanges(*content);
    if (!ranges) {
      Found(kRangesSuffix, 0, "it does not hold column ranges, or its CRC does not match",
            kRangesRemedy);
      return;
    }
    if (ranges->covered_bytes > size_) {
      Found(kRangesSuffix, 0,
            fmt::format("it covers {} bytes of a segment of {}", ranges->covered_bytes, size_),
            kRangesRemedy);
    }
    for (const format::BatchRanges& batch : ranges->batches) {
      if (BatchAt(batch.position) != nullptr) continue;
      Found(kRangesSuffix, 0,
            fmt::format("it has ranges for byte {}, where no batch begins", batch.position),
            kRangesRemedy);
    }
  }

  BucketVerification& bucket_;
  const Offset base_;
  const bool last_;
  uint64_t size_ = 0;
  std::vector<Batch> batches_;
  Offset end_offset_;
  uint64_t last_indexed_ = 0;  // the highest byte that the offset index points to
};

}  // namespace

void AddProblem(VerifyReport& report, LogProblem problem) {
  if (report.problems.size() == kMaxProblems) {
    ++report.more_problems;
    return;
  }
  report.problems.push_back(std::move(problem));
}

Result<Offset> VerifySegment(BucketVerification& bucket, Offset base, bool last) {
  return SegmentVerifier(bucket, base, last).Run();
}

}  // namespace strom::log
