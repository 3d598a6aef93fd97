#include "log/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include "log/batch_scan.h"
#include "log/checkpoint_file.h"
#include "log/file_names.h"
#include "log/log_directory.h"
#include "log/verify_segment.h"

namespace strom::log {
namespace {

constexpr size_t kMaxDepth = 8;  // data directory, database, table, partition, bucket

constexpr std::string_view kMissingSegment =
    "Segments are missing: restore their files from a backup, what they held cannot be made anew.";
constexpr std::string_view kMissingLog =
    "Restore its .log file from a backup; without one the next start deletes this file.";
constexpr std::string_view kUnknownName =
    "No server reads it: give it back the name it had, or move it away.";
constexpr std::string_view kCheckpointRemedy =
    "Stop the server and delete the file: the next start then checks the logs from their "
    "beginning.";
constexpr std::string_view kLostEnd =
    "The log has lost its end: restore its files from a backup. To go on without, stop the server "
    "and delete this file, so that the next start checks the logs from their beginning.";

// "log-3" with the prefix "log-": 3.
template <class Id>
std::optional<Id> IdBehind(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto number = ParseDigits<typename Id::rep_type>(name.substr(prefix.size()));
  return number ? std::optional(Id(*number)) : std::nullopt;
}

// Whose logs lie in a folder: those of a table, or of one of its partitions.
using LogOwner = std::pair<TableId, std::optional<PartitionId>>;

// `names`: of the folders from the data directory down: "data", "db", "orders-7", "2026-p4".
// Nothing if the last one is neither of a table nor of a partition.
std::optional<LogOwner> OwnerOf(std::span<const std::string> names) {
  const auto last_part = [](const std::string& name) {
    const size_t dash = name.rfind('-');
    return dash == std::string::npos ? std::string_view() : std::string_view(name).substr(dash);
  };
  if (names.size() != 3 && names.size() != 4) return std::nullopt;
  const auto table = IdBehind<TableId>("-", last_part(names[2]));
  if (!table) return std::nullopt;
  if (names.size() == 3) return LogOwner{*table, std::nullopt};
  const auto partition = IdBehind<PartitionId>("-p", last_part(names[3]));
  return partition ? std::optional(LogOwner{*table, partition}) : std::nullopt;
}

class Verifier {
 public:
  Verifier(runtime::FileSystem& files, VerifyReport& report) : files_(files), report_(report) {}

  // `names`: of the folders down to this one, the root of the walk being the first.
  Status Folder(const std::string& path, std::vector<std::string> names) {
    STROM_TRY(const auto entries, files_.List(path));
    if (const auto owner = OwnerOf(names)) owners_.insert(*owner);
    bool segments = false;
    for (const runtime::DirectoryEntry& entry : entries) {
      if (!entry.is_directory) {
        segments = segments || OffsetOfFileName(entry.name, kLogSuffix).has_value();
      } else if (names.size() <= kMaxDepth && !entry.name.starts_with('.')) {
        names.push_back(entry.name);
        const std::string folder = path + "/" + entry.name;
        if (const Status read = Folder(folder, names); !read) Unreadable(folder, read.error());
        names.pop_back();
      }
    }
    const auto bucket = IdBehind<BucketId>("log-", names.back());
    if (!segments && !bucket) return {};
    // The root may be a copy of a bucket.
    if (!bucket && names.size() > 1) {
      AddProblem(report_, {path, 0, "it holds segments, but its name is that of no bucket",
                           std::string(kUnknownName)});
    }
    const std::optional<Offset> end = Bucket(path, entries);
    const auto owner = OwnerOf(std::span(names).first(names.size() - 1));
    if (bucket && owner && end) ends_[{owner->first, owner->second, *bucket}] = *end;
    return {};
  }

  // A file of the data directory, which Folder has walked.
  Status Checkpoint(const std::string& path) {
    STROM_TRY(const bool exists, files_.Exists(path));
    if (!exists) return {};
    const auto content = runtime::ReadFile(files_, path);
    if (!content) {
      Unreadable(path, content.error());
      return {};
    }
    const auto offsets = ParseCheckpoint(AsText(*content));
    if (!offsets) {
      AddProblem(report_, {path, 0, offsets.error().message, std::string(kCheckpointRemedy)});
      return {};
    }
    for (const auto& [bucket, offset] : std::map(offsets->begin(), offsets->end()))
      CheckpointEntry(path, bucket, offset);
    return {};
  }

 private:
  void Unreadable(const std::string& path, const Error& error) {
    AddProblem(report_, {path, 0, error.message, std::string(kUnreadable)});
  }

  void CheckpointEntry(const std::string& path, const TableBucket& bucket, Offset offset) {
    // Entries of what was dropped stay until the next checkpoint.
    if (!owners_.contains({bucket.table, bucket.partition})) return;
    const auto end = ends_.find(bucket);
    if (offset <= (end == ends_.end() ? Offset(0) : end->second)) return;
    std::string what =
        end == ends_.end()
            ? fmt::format("it names offset {} of bucket {}, which has no log", offset, bucket)
            : fmt::format("it names offset {} of bucket {}, whose log ends at {}", offset, bucket,
                          end->second);
    AddProblem(report_, {path, 0, std::move(what), std::string(kLostEnd)});
  }

  // The offset behind its last batch; nothing if that cannot be read.
  std::optional<Offset> Bucket(const std::string& path,
                               const std::vector<runtime::DirectoryEntry>& entries) {
    std::vector<Offset> segments;
    std::vector<Offset> snapshots;
    for (const runtime::DirectoryEntry& entry : entries) {
      if (entry.is_directory) continue;
      if (const auto base = OffsetOfFileName(entry.name, kLogSuffix)) segments.push_back(*base);
      if (const auto at = OffsetOfFileName(entry.name, kWriterSnapshotSuffix))
        snapshots.push_back(*at);
    }
    std::ranges::sort(segments);
    std::ranges::sort(snapshots);
    BucketVerification bucket{files_, report_, path, SnapshotVerifier(files_, report_, path)};
    bucket.snapshots.Load(snapshots);
    const std::optional<Offset> end = Segments(bucket, segments);
    if (end) {
      bucket.snapshots.Finish(segments.empty() ? *end : segments.front(),
                              segments.empty() ? *end : segments.back(), *end, bucket.log_is_whole);
    }
    for (const runtime::DirectoryEntry& entry : entries) {
      if (!entry.is_directory) OtherFile(path, entry.name, segments);
    }
    return end;
  }

  // As Bucket.
  std::optional<Offset> Segments(BucketVerification& bucket, const std::vector<Offset>& segments) {
    std::optional<Offset> end;
    for (const Offset base : segments) {
      if (end && base != *end) {
        bucket.log_is_whole = false;
        AddProblem(report_,
                   {FilePath(bucket.folder, base, kLogSuffix), 0,
                    fmt::format("it begins at offset {}, the one before ends at {}", base, *end),
                    std::string(kMissingSegment)});
      }
      const Result<Offset> verified = VerifySegment(bucket, base, base == segments.back());
      end = verified ? std::optional(*verified) : std::nullopt;
      if (verified) continue;
      bucket.log_is_whole = false;
      Unreadable(FilePath(bucket.folder, base, kLogSuffix), verified.error());
    }
    return segments.empty() ? Offset(0) : end;
  }

  // A file of a bucket that nothing else has looked at.
  void OtherFile(const std::string& folder, const std::string& name,
                 const std::vector<Offset>& segments) {
    const std::string path = folder + "/" + name;
    // What a crash or a retention left; the next start deletes it.
    if (name.ends_with(kDeletedSuffix) || name.ends_with(".tmp")) return;
    if (OffsetOfFileName(name, kLogSuffix) || OffsetOfFileName(name, kWriterSnapshotSuffix)) return;
    for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix, kRangesSuffix}) {
      const auto base = OffsetOfFileName(name, suffix);
      if (!base) continue;
      if (!std::ranges::binary_search(segments, *base)) {
        AddProblem(report_, {path, 0, "it belongs to a segment that is not there",
                             std::string(kMissingLog)});
      }
      return;
    }
    AddProblem(report_,
               {path, 0, "its name is that of no file of a log", std::string(kUnknownName)});
  }

  runtime::FileSystem& files_;
  VerifyReport& report_;
  std::map<TableBucket, Offset> ends_;
  std::set<LogOwner> owners_;
};

// "…/00000000000000000020.log" -> folder and base; nothing for other names.
std::optional<std::pair<std::string, Offset>> SplitSegmentPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto base = OffsetOfFileName(name, kLogSuffix);
  if (!base) return std::nullopt;
  return std::pair(slash == std::string::npos ? std::string(".") : path.substr(0, slash), *base);
}

// "a/b/" -> "a/b"
std::string WithoutSlashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  return path;
}

}  // namespace

Result<VerifyReport> Verify(runtime::FileSystem& files, const std::string& path) {
  VerifyReport report;
  if (const auto segment = SplitSegmentPath(path)) {
    BucketVerification bucket{files, report, segment->first,
                              SnapshotVerifier(files, report, segment->first)};
    STROM_TRY_VOID(VerifySegment(bucket, segment->second, true));
    return report;
  }
  Verifier verifier(files, report);
  const std::string root = WithoutSlashes(path);
  STROM_TRY_VOID(verifier.Folder(root, {root.substr(root.rfind('/') + 1)}));
  for (const std::string_view name : {kRecoveryPointsFile, kHighWatermarksFile})
    STROM_TRY_VOID(verifier.Checkpoint(fmt::format("{}/{}", root, name)));
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
