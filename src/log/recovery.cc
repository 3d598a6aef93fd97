#include "log/recovery.h"

#include <algorithm>

#include "base/log.h"
#include "log/batch_scan.h"
#include "log/file_names.h"
#include "log/writer_snapshot.h"

namespace strom::log {
namespace {

struct FoundFiles {
  std::vector<std::pair<Offset, uint64_t>> segments;  // base and size, ascending
  std::vector<Offset> snapshots;                      // ascending
  bool removed_any = false;
};

// Names in the folder; index files without their segment and deleted files go.
Result<FoundFiles> FindFiles(const RecoveryInput& input) {
  FoundFiles found;
  STROM_TRY(const auto entries, input.files.List(input.directory));
  for (const runtime::DirectoryEntry& entry : entries) {
    if (entry.is_directory) continue;
    if (const auto base = OffsetOfFileName(entry.name, kLogSuffix)) {
      found.segments.emplace_back(*base, entry.size_bytes);
    } else if (const auto end = OffsetOfFileName(entry.name, kWriterSnapshotSuffix)) {
      found.snapshots.push_back(*end);
    } else if (entry.name.ends_with(kDeletedSuffix) || entry.name.ends_with(".tmp")) {
      STROM_TRY_VOID(input.files.Remove(input.directory + "/" + entry.name));
      found.removed_any = true;
    }
  }
  // Of segments that are deleted.
  while (!found.segments.empty() && !found.snapshots.empty() &&
         found.snapshots.front() < found.segments.front().first) {
    STROM_TRY_VOID(input.files.Remove(
        FilePath(input.directory, found.snapshots.front(), kWriterSnapshotSuffix)));
    found.snapshots.erase(found.snapshots.begin());
    found.removed_any = true;
  }
  for (const runtime::DirectoryEntry& entry : entries) {
    for (const std::string_view suffix : {kOffsetIndexSuffix, kTimeIndexSuffix, kRangesSuffix}) {
      const auto base = OffsetOfFileName(entry.name, suffix);
      if (!base || std::ranges::find(found.segments, *base, &std::pair<Offset, uint64_t>::first) !=
                       found.segments.end()) {
        continue;
      }
      STROM_TRY_VOID(input.files.Remove(input.directory + "/" + entry.name));
      found.removed_any = true;
    }
  }
  return found;
}

Status RemoveIfThere(runtime::FileSystem& files, const std::string& path) {
  STROM_TRY(const bool exists, files.Exists(path));
  return exists ? files.Remove(path) : Status{};
}

Status RemoveSegmentFiles(const RecoveryInput& input, Offset base) {
  for (const std::string_view suffix :
       {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kRangesSuffix}) {
    STROM_TRY_VOID(RemoveIfThere(input.files, FilePath(input.directory, base, suffix)));
  }
  return {};
}

// Checks every segment from the one that holds the recovery point on; damage cuts the log there.
Status VerifySegments(const RecoveryInput& input, RecoveredLog& log) {
  size_t first = 0;
  while (first + 1 < log.segments.size() &&
         log.segments[first + 1]->base_offset() <= input.recovery_point) {
    ++first;
  }
  log.end_offset = log.segments[first]->base_offset();
  for (size_t i = first; i < log.segments.size(); ++i) {
    Segment& segment = *log.segments[i];
    const bool gap = i > first && segment.base_offset() != log.end_offset;
    bool cut = gap;
    if (!gap) {
      STROM_TRY(const RecoveredSegment recovered, segment.Recover(input.recovery_point));
      log.end_offset = recovered.end_offset;
      cut = recovered.cut_bytes > 0;
      if (cut) {
        strom::Log(LogLevel::kWarn, "log.tail_cut",
                   {{"bucket", input.bucket},
                    {"segment", FilePath(input.directory, segment.base_offset(), kLogSuffix)},
                    {"end_offset", log.end_offset},
                    {"cut_bytes", recovered.cut_bytes},
                    {"reason", recovered.problem}});
      }
      STROM_TRY_VOID(segment.file()->SyncNow());
      // Only the last one goes on taking appends.
      if (!cut && i + 1 < log.segments.size()) {
        for (const auto& file : segment.Finish())
          STROM_TRY_VOID(file->SyncNow());
        segment.ReleaseFile();
      }
    }
    if (!cut) continue;
    // What follows damage was never acknowledged, or is behind something that is lost.
    const size_t keep = gap ? i : i + 1;
    for (size_t later = keep; later < log.segments.size(); ++later) {
      STROM_TRY_VOID(RemoveSegmentFiles(input, log.segments[later]->base_offset()));
    }
    log.segments.resize(keep);
    if (gap) {
      STROM_TRY(const RecoveredSegment reopened, log.segments.back()->Recover(Offset(INT64_MAX)));
      log.end_offset = reopened.end_offset;
    }
    break;
  }
  return {};
}

// A clean log: only the last segment is opened; one that does not add up is verified after all.
Status OpenCleanly(RecoveredLog& log) {
  Segment& last = *log.segments.back();
  STROM_TRY(const std::optional<Offset> end, last.OpenTail());
  if (end) {
    log.end_offset = *end;
    return {};
  }
  STROM_TRY(const RecoveredSegment recovered, last.Recover(last.base_offset()));
  log.end_offset = recovered.end_offset;
  return last.file()->SyncNow();
}

// Older snapshots that stand at no segment's base: closing an idle log leaves one each time.
Status RemoveInside(const RecoveryInput& input, std::span<const Offset> snapshots,
                    const RecoveredLog& log) {
  for (const Offset at : snapshots) {
    const bool at_base = std::ranges::any_of(
        log.segments, [&](const auto& segment) { return segment->base_offset() == at; });
    if (at_base) continue;
    STROM_TRY_VOID(input.files.Remove(FilePath(input.directory, at, kWriterSnapshotSuffix)));
  }
  return {};
}

// The newest readable snapshot at or below the end; unreadable ones and those above it go.
Result<Offset> LoadSnapshot(const RecoveryInput& input, std::vector<Offset> snapshots,
                            RecoveredLog& log) {
  while (!snapshots.empty()) {
    const Offset at = snapshots.back();
    snapshots.pop_back();
    const std::string path = FilePath(input.directory, at, kWriterSnapshotSuffix);
    if (at <= log.end_offset && at.value > 0) {
      STROM_TRY(const Bytes content, runtime::ReadFile(input.files, path));
      Result<WriterStates> states = ReadWriterSnapshot(AsText(content));
      if (states) {
        log.writers = std::move(*states);
        log.snapshot_offset = at;
        STROM_TRY_VOID(RemoveInside(input, snapshots, log));
        return at;
      }
      strom::Log(LogLevel::kWarn, "log.writer_snapshot_unreadable",
                 {{"path", path}, {"reason", states.error().message}});
    }
    STROM_TRY_VOID(input.files.Remove(path));
  }
  return log.segments.front()->base_offset();
}

// Writer state is the snapshot plus the headers behind it.
Status RebuildWriters(const RecoveryInput& input, const std::vector<Offset>& snapshots,
                      RecoveredLog& log) {
  STROM_TRY(const Offset from, LoadSnapshot(input, snapshots, log));
  for (size_t i = 0; i < log.segments.size(); ++i) {
    Segment& segment = *log.segments[i];
    const bool ends_below =
        i + 1 < log.segments.size() && log.segments[i + 1]->base_offset() <= from;
    if (ends_below || segment.size_bytes() == 0) continue;
    STROM_TRY(const auto file, segment.OpenForScan());
    uint64_t position = 0;
    if (segment.base_offset() < from) {
      STROM_TRY(position, segment.PositionFor(from));
    }
    BatchScan scan(*file, position, segment.size_bytes(), BatchScan::Depth::kHeaders);
    while (true) {
      STROM_TRY(const auto batch, scan.Next());
      if (!batch) break;
      if (batch->header.base_offset >= from) log.writers.Record(batch->header);
    }
  }
  log.writers.Expire(Timestamp(input.now.ms - input.options.writer_expiration_ms));
  return {};
}

}  // namespace

Result<RecoveredLog> RecoverLog(const RecoveryInput& input) {
  STROM_TRY_VOID(input.files.CreateDirectories(input.directory));
  STROM_TRY(const FoundFiles found, FindFiles(input));
  RecoveredLog log;
  if (found.segments.empty()) {
    for (const Offset snapshot : found.snapshots) {
      STROM_TRY_VOID(
          input.files.Remove(FilePath(input.directory, snapshot, kWriterSnapshotSuffix)));
    }
    STROM_TRY(auto segment,
              Segment::Create(input.files, input.directory, input.first_offset, input.options));
    log.segments.push_back(std::move(segment));
    log.end_offset = input.first_offset;
    STROM_TRY_VOID(input.files.SyncDirectory(input.directory));
    return log;
  }
  for (const auto& [base, size] : found.segments) {
    log.segments.push_back(
        Segment::Existing(input.files, input.directory, base, size, input.options));
  }
  STROM_TRY_VOID(input.clean ? OpenCleanly(log) : VerifySegments(input, log));
  // It takes appends again, so what was known of it is not all of it.
  STROM_TRY_VOID(RemoveIfThere(
      input.files, FilePath(input.directory, log.segments.back()->base_offset(), kRangesSuffix)));
  // Timestamps never go back, so the last batch has the newest: no closed segment is touched, which
  // the system would read megabytes ahead of.
  for (auto segment = log.segments.rbegin(); segment != log.segments.rend(); ++segment) {
    if ((*segment)->size_bytes() == 0) continue;
    STROM_TRY(log.max_timestamp, (*segment)->MaxTimestamp());
    break;
  }
  STROM_TRY_VOID(RebuildWriters(input, found.snapshots, log));
  // A clean shutdown left nothing to make durable: with thousands of buckets these syncs would be
  // most of a start.
  if (!input.clean || found.removed_any) {
    STROM_TRY_VOID(input.files.SyncDirectory(input.directory));
  }
  return log;
}

}  // namespace strom::log
