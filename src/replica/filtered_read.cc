// Reads with a filter (spec 02, 8.5): batches that cannot hold a matching row stay here. Most
// writers send no statistics, so the ranges of columns are computed when a segment is first read
// with a filter; those of finished segments are kept in a file beside them.
#include "base/log.h"
#include "format/filter_read.h"
#include "format/segment_ranges.h"
#include "replica/replica.h"
#include "runtime/file.h"

namespace strom::replica {
namespace {

// Segments that one request looks through when nothing matches.
constexpr int kMaxSegmentsPerRead = 16;
// Up to so many bytes are looked at on the shard, more on the blocking pool.
constexpr uint64_t kInlineBytes = uint64_t{64} << 10;

using Ranges = std::shared_ptr<format::SegmentRanges>;

format::SchemaOf SchemasOf(const metadata::TableInfo& table) {
  return [&table](SchemaId id) -> const format::Schema* {
    const auto found = table.schemas.find(id);
    return found == table.schemas.end() ? nullptr : found->second.get();
  };
}

// The columns that `table.statistics.columns` names; nothing for all.
std::optional<std::vector<std::string>> WantedColumns(const metadata::TableInfo& table) {
  const auto property = table.descriptor.properties.find("table.statistics.columns");
  if (property == table.descriptor.properties.end() || property->second == "*") return std::nullopt;
  std::vector<std::string> columns;
  std::string_view left = property->second;
  while (!left.empty()) {
    const size_t comma = std::min(left.find(','), left.size());
    std::string_view name = left.substr(0, comma);
    while (name.starts_with(' '))
      name.remove_prefix(1);
    while (name.ends_with(' '))
      name.remove_suffix(1);
    columns.emplace_back(name);
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
  return columns;
}

// Runs anywhere; `table` is immutable.
format::SegmentRanges Look(const metadata::TableInfo& table, ByteView segment, uint64_t from) {
  const auto wanted = WantedColumns(table);
  format::SegmentRanger ranger(SchemasOf(table), wanted ? &*wanted : nullptr);
  format::SegmentRanges ranges{from, {}};
  ranger.Extend(segment, ranges);
  return ranges;
}

// Null if there is no such file, or none for a segment of this size.
Ranges LoadRanges(runtime::FileSystem& files, const std::string& path, uint64_t segment_bytes) {
  const auto exists = files.Exists(path);
  if (!exists || !*exists) return nullptr;
  const auto content = runtime::ReadFile(files, path);
  if (!content) return nullptr;
  auto ranges = format::DecodeSegmentRanges(*content);
  if (!ranges || ranges->covered_bytes != segment_bytes) {
    Log(LogLevel::kWarn, "log.ranges_unusable", {{"path", path}});
    return nullptr;
  }
  return std::make_shared<format::SegmentRanges>(std::move(*ranges));
}

}  // namespace

runtime::Task<std::shared_ptr<const format::SegmentRanges>> Replica::RangesOf(
    const log::ReadResult& run) {
  while (looking_at_ranges_)
    co_await ranges_ready_.Wait();
  const uint64_t end = run.position + run.bytes.size();
  Ranges ranges = range_cache_.Find(bucket_, run.segment);
  if (ranges && ranges->covered_bytes >= end) co_return ranges;
  looking_at_ranges_ = true;
  ranges = co_await MakeRanges(run, std::move(ranges));
  range_cache_.Put(bucket_, run.segment, ranges);
  looking_at_ranges_ = false;
  ranges_ready_.Notify();
  co_return ranges;
}

runtime::Task<std::shared_ptr<format::SegmentRanges>> Replica::MakeRanges(
    const log::ReadResult& run, std::shared_ptr<format::SegmentRanges> known) {
  runtime::FileSystem& files = runtime::ThisShard().files();
  const uint64_t end = run.position + run.bytes.size();
  const std::string path = log_->RangesPath(run.segment);
  const bool whole = run.segment_is_finished && end == run.segment_bytes;
  if (!known && run.segment_is_finished) {
    known = co_await runtime::OnBlockingPool(
        [&] { return LoadRanges(files, path, run.segment_bytes); });
    if (known && known->covered_bytes >= end) co_return known;
  }
  if (!known) known = std::make_shared<format::SegmentRanges>();
  const ByteView segment = run.mapping->View(0, end);
  const uint64_t from = known->covered_bytes;
  format::SegmentRanges more;
  if (end - from <= kInlineBytes) {
    more = Look(*table_, segment, from);
  } else {
    more = co_await runtime::OnBlockingPool([&] { return Look(*table_, segment, from); });
  }
  known->covered_bytes = more.covered_bytes;
  known->batches.insert(known->batches.end(), std::make_move_iterator(more.batches.begin()),
                        std::make_move_iterator(more.batches.end()));
  if (whole && known->covered_bytes == end && !dropped_) {
    const Bytes content = format::EncodeSegmentRanges(*known);
    const Status written = co_await runtime::OnBlockingPool(
        [&] { return runtime::ReplaceFile(files, path, content); });
    if (!written && !dropped_) {
      Log(LogLevel::kWarn, "log.ranges_not_written", {{"reason", written.error().message}});
    }
  }
  co_return known;
}

runtime::Task<Result<BucketRead>> Replica::ReadFiltered(BucketReadRequest request,
                                                        format::Predicate predicate) {
  if (dropped_) co_return Fail(GoneError());
  BucketRead read;
  read.high_watermark = high_watermark_;
  read.log_start_offset = log_->start_offset();
  STROM_CO_TRY(const Offset from, StartOf(request));
  if (request.projected) STROM_CO_TRY_VOID(PlanFor(table_->schema_id, request.projected_fields));
  if (from >= read.high_watermark) co_return read;
  if (!request.at_least_one && request.max_bytes < kMinReadBudgetBytes) co_return read;
  format::BatchFilter filter(std::move(predicate), SchemasOf(*table_));
  const format::PlanFor plan_for = [&](SchemaId schema_id) {
    return PlanFor(schema_id, request.projected_fields);
  };
  Offset at = from;
  for (int i = 0; i < kMaxSegmentsPerRead && at < read.high_watermark; ++i) {
    STROM_CO_TRY(log::ReadResult found,
                 log_->Read(at, read.high_watermark, UINT64_MAX, true, log::ReadCheck::kNone));
    if (found.bytes.empty()) break;
    const auto ranges = co_await RangesOf(found);
    if (dropped_) co_return Fail(GoneError());
    format::ProjectedBytes out;
    STROM_CO_TRY(const format::FilteredRun run,
                 format::FilterRun(
                     found.bytes, &found.heads, filter,
                     [&](uint64_t position, size_t column) {
                       return ranges->Find(found.position + position, column);
                     },
                     request.projected ? &plan_for : nullptr, request.max_bytes, out));
    read.skipped_bytes += run.skipped_bytes;
    if (run.kept_any) {
      read.size_bytes = out.size_bytes;
      read.ranges = std::move(out.ranges);
      read.prefixes = std::move(out.prefixes);
      read.mappings.push_back(found.mapping);
      if (!run.full && *run.scanned_end > run.kept_end) read.filtered_end_offset = run.scanned_end;
      co_return read;
    }
    if (!run.scanned_end || *run.scanned_end <= at) break;
    at = *run.scanned_end;
  }
  if (at > from) read.filtered_end_offset = std::min(at, read.high_watermark);
  co_return read;
}

}  // namespace strom::replica
