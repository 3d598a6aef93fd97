#include "format/filter_read.h"

#include <algorithm>

#include "format/statistics.h"

namespace strom::format {

bool BatchFilter::MayMatch(ByteView batch, const BatchHeader& header, uint64_t position,
                           const RangesAt& ranges_at) {
  // Of a changelog nothing may be left out: a row that does not match may take back one that does.
  if (!header.append_only()) return true;
  const auto [entry, is_new] = bound_.try_emplace(header.schema_id);
  Bound& bound = entry->second;
  if (is_new) {
    bound.schema = schema_of_(header.schema_id);
    if (bound.schema != nullptr) bound.predicate = Bind(predicate_, *bound.schema);
  }
  if (bound.schema == nullptr) return true;
  const std::vector<StatedRange> stated = ReadStatistics(batch, header, *bound.schema);
  return format::MayMatch(
      bound.predicate, header.record_count, [&](size_t column) -> const ColumnRange* {
        const auto found = std::ranges::find(stated, column, &StatedRange::column);
        if (found != stated.end()) return &found->range;
        return ranges_at(position, column);
      });
}

Result<FilteredRun> FilterRun(ByteView run, BatchFilter& filter,
                              const BatchFilter::RangesAt& ranges_at, const PlanFor* plan_for,
                              uint64_t max_bytes, ProjectedBytes& out) {
  FilteredRun result;
  std::shared_ptr<const ProjectionPlan> plan;
  std::optional<SchemaId> plan_schema;
  const uint64_t before = out.size_bytes;
  // Adds the batch or says that it does not fit.
  const auto keep = [&](ByteView batch, const BatchHeader& header) -> Result<bool> {
    const uint64_t used = out.size_bytes - before;
    const auto fits = [&](uint64_t size) {
      return !result.kept_any || size <= max_bytes - std::min(max_bytes, used);
    };
    if (plan_for == nullptr) {
      if (!BatchCrcFits(batch, header)) {
        return Fail(ErrorCode::kLogStorage,
                    "The batch at offset {} is damaged: its CRC does not match. Run 'strom log "
                    "verify' on its segment.",
                    header.base_offset);
      }
      if (!fits(batch.size())) return false;
      out.Add(batch);
      return true;
    }
    if (plan_schema != header.schema_id) {
      STROM_TRY(plan, (*plan_for)(header.schema_id));
      plan_schema = header.schema_id;
    }
    STROM_TRY(const LocatedBatch located, plan->Locate(batch, header));
    if (located.empty) return true;
    if (!fits(located.size_bytes)) return false;
    STROM_TRY_VOID(plan->Emit(located, out));
    return true;
  };
  for (uint64_t at = 0; at < run.size();) {
    const auto header = ReadBatchHeader(run.subspan(at));
    if (!header) break;  // cut off at the end of the run
    const ByteView batch = run.subspan(at, header->size_bytes);
    if (filter.MayMatch(batch, *header, at, ranges_at)) {
      const Result<bool> kept = keep(batch, *header);
      if (!kept && !result.scanned_end) return Fail(kept.error());
      if (!kept) break;
      if (!*kept) {
        result.full = true;
        break;
      }
      if (out.size_bytes > before) {
        result.kept_any = true;
        result.kept_end = header->next_offset();
      }
    } else {
      result.skipped_bytes += batch.size();
    }
    result.scanned_end = header->next_offset();
    at += header->size_bytes;
  }
  return result;
}

}  // namespace strom::format
