#include "log/verify.h"

#include <algorithm>
#include <set>

#include "log/batch_scan.h"
#include "log/file_names.h"
#include "log/offset_index.h"
#include "log/time_index.h"

namespace strom::log {
namespace {

constexpr size_t kMaxDepth = 8;  // data directory, database, table, partition, bucket

struct Batch {
  uint64_t position;
  Offset base;
  Offset last;
  Timestamp timestamp;
};

class Verifier {
 public:
  Verifier(runtime::FileSystem& files, VerifyReport& report) : files_(files), report_(report) {}

  Status Folder(const std::string& path, size_t depth) {
    STROM_TRY(const auto entries, files_.List(path));
    std::vector<Offset> segments;
    for (const runtime::DirectoryEntry& entry : entries) {
      const std::string child = path + "/" + entry.name;
      if (entry.is_directory) {
        if (depth < kMaxDepth && !entry.name.starts_with('.')) {
          STROM_TRY_VOID(Folder(child, depth + 1));
        }
      } else if (const auto base = OffsetOfFileName(entry.name, kLogSuffix)) {
        segments.push_back(*base);
      }
    }
    std::ranges::sort(segments);
    std::optional<Offset> expected;
    for (const Offset base : segments) {
      const std::string file = FilePath(path, base, kLogSuffix);
      if (expected && base != *expected) {
        Found(file, 0,
              fmt::format("it begins at offset {}, the one before ends at {}", base, *expected));
      }
      STROM_TRY(expected, Segment(file, path, base));
    }
    return {};
  }

  // The offset behind its last batch.
  Result<Offset> Segment(const std::string& path, const std::string& folder, Offset base) {
    STROM_TRY(const auto file, files_.Open(path, runtime::OpenMode::kRead));
    STROM_TRY(const uint64_t size, file->Size());
    ++report_.segments;
    report_.bytes += size;
    BatchScan scan(*file, 0, size, BatchScan::Depth::kChecksums);
    std::vector<Batch> batches;
    Offset expected = base;
    Timestamp newest{-1};
    while (true) {
      STROM_TRY(const auto batch, scan.Next());
      if (!batch) break;
      const format::BatchHeader& header = batch->header;
      if (!batch->crc_fits) Found(path, batch->position, "the CRC of the batch does not match");
      if (header.base_offset != expected) {
        Found(path, batch->position,
              fmt::format("offset {} where {} must follow", header.base_offset, expected));
      }
      if (header.commit_timestamp < newest) {
        Found(path, batch->position,
              fmt::format("timestamp {} after {}", header.commit_timestamp, newest));
      }
      batches.push_back(
          {batch->position, header.base_offset, header.last_offset(), header.commit_timestamp});
      newest = std::max(newest, header.commit_timestamp);
      expected = header.next_offset();
      ++report_.batches;
      report_.records += static_cast<uint64_t>(std::max(header.record_count, 0));
    }
    if (scan.position() != size) {
      Found(path, scan.position(),
            fmt::format("{} bytes are no batch: {}", size - scan.position(),
                        scan.problem() ? format::Describe(*scan.problem()) : "cut off"));
    }
    if (!folder.empty()) {
      STROM_TRY_VOID(CheckOffsetIndex(folder, base, batches));
      STROM_TRY_VOID(CheckTimeIndex(folder, base, batches));
    }
    return expected;
  }

 private:
  void Found(const std::string& path, uint64_t position, std::string what) {
    if (report_.problems.size() == kMaxProblems) {
      ++report_.more_problems;
      return;
    }
    report_.problems.push_back({path, position, std::move(what)});
  }

  // Nothing if there is no such file.
  Result<std::optional<Bytes>> ReadIndex(const std::string& path) {
    STROM_TRY(const bool exists, files_.Exists(path));
    if (!exists) return std::nullopt;
    STROM_TRY(Bytes content, runtime::ReadFile(files_, path));
    return content;
  }

  Status CheckOffsetIndex(const std::string& folder, Offset base,
                          const std::vector<Batch>& batches) {
    const std::string path = FilePath(folder, base, kOffsetIndexSuffix);
    STROM_TRY(const auto content, ReadIndex(path));
    if (!content) return {};
    if (content->size() % kOffsetIndexEntryBytes != 0) {
      Found(path, content->size(), "its size is no whole number of entries");
      return {};
    }
    std::set<uint64_t> starts;
    for (const Batch& batch : batches)
      starts.insert(batch.position);
    int64_t before = -1;
    for (size_t at = 0; at < content->size(); at += kOffsetIndexEntryBytes) {
      const int64_t relative = LoadBig<int32_t>(content->data() + at);
      const int64_t position = LoadBig<int32_t>(content->data() + at + 4);
      if (relative <= before) Found(path, at, "its entries do not ascend");
      before = relative;
      if (!starts.contains(static_cast<uint64_t>(position))) {
        Found(path, at, fmt::format("it points to byte {}, where no batch begins", position));
        continue;
      }
      const auto batch =
          std::ranges::lower_bound(batches, static_cast<uint64_t>(position), {}, &Batch::position);
      if (base + relative < batch->base) {
        Found(path, at,
              fmt::format("offset {} is not at or behind byte {}", base + relative, position));
      }
    }
    return {};
  }

  Status CheckTimeIndex(const std::string& folder, Offset base, const std::vector<Batch>& batches) {
    const std::string path = FilePath(folder, base, kTimeIndexSuffix);
    STROM_TRY(const auto content, ReadIndex(path));
    if (!content) return {};
    if (content->size() % kTimeIndexEntryBytes != 0) {
      Found(path, content->size(), "its size is no whole number of entries");
      return {};
    }
    int64_t before = -1;
    for (size_t at = 0; at < content->size(); at += kTimeIndexEntryBytes) {
      const int64_t timestamp = LoadBig<int64_t>(content->data() + at);
      const Offset offset = base + LoadBig<int32_t>(content->data() + at + 8);
      if (timestamp <= before) Found(path, at, "its entries do not ascend");
      before = timestamp;
      const auto batch = std::ranges::lower_bound(batches, offset, {}, &Batch::base);
      if (batch == batches.end() || batch->base != offset || batch->timestamp.ms != timestamp) {
        Found(path, at, fmt::format("no batch at offset {} has timestamp {}", offset, timestamp));
      }
    }
    return {};
  }

  runtime::FileSystem& files_;
  VerifyReport& report_;
};

// "…/00000000000000000020.log" -> folder and base; nothing for other names.
std::optional<std::pair<std::string, Offset>> SplitSegmentPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto base = OffsetOfFileName(name, kLogSuffix);
  if (!base) return std::nullopt;
  return std::pair(slash == std::string::npos ? std::string(".") : path.substr(0, slash), *base);
}

}  // namespace

Result<VerifyReport> Verify(runtime::FileSystem& files, const std::string& path) {
  VerifyReport report;
  Verifier verifier(files, report);
  if (const auto segment = SplitSegmentPath(path)) {
    STROM_TRY_VOID(verifier.Segment(path, segment->first, segment->second));
  } else {
    STROM_TRY_VOID(verifier.Folder(path, 0));
  }
  return report;
}

Status ForEachBatch(runtime::FileSystem& files, const std::string& path,
                    const std::function<bool(const DumpedBatch&)>& visit) {
  STROM_TRY(const auto file, files.Open(path, runtime::OpenMode::kRead));
  STROM_TRY(const uint64_t size, file->Size());
  BatchScan scan(*file, 0, size, BatchScan::Depth::kChecksums);
  Bytes bytes;
  while (true) {
    STROM_TRY(const auto batch, scan.Next());
    if (!batch) break;
    bytes.resize(batch->header.size_bytes);
    STROM_TRY(const size_t got, file->ReadAt(batch->position, bytes));
    if (got != bytes.size()) break;
    if (!visit({batch->position, batch->header, batch->crc_fits, bytes})) return {};
  }
  if (scan.position() == size) return {};
  return Fail(ErrorCode::kCorruptRecord, "'{}' ends at byte {} of {}: {}.", path, scan.position(),
              size, scan.problem() ? format::Describe(*scan.problem()) : "the rest is cut off");
}

}  // namespace strom::log
