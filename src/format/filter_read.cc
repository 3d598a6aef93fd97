#include "format/filter_read.h"

#include <algorithm>

#include "format/statistics.h"

namespace strom::format {

bool BatchFilter::MayMatch(const StoredBatch& batch, uint64_t position, const RangesAt& ranges_at) {
  const BatchHeader& header = batch.header;
  // Of a changelog nothing may be left out: a row that does not match may take back one that does.
  if (!header.append_only()) return true;
  const auto [entry, is_new] = bound_.try_emplace(header.schema_id);
  Bound& bound = entry->second;
  if (is_new) {
    bound.schema = schema_of_(header.schema_id);
    if (bound.schema != nullptr) bound.predicate = Bind(predicate_, *bound.schema);
  }
  if (bound.schema == nullptr) return true;
  const std::vector<StatedRange> stated = ReadStatistics(batch.head, header, *bound.schema);
  return format::MayMatch(
      bound.predicate, header.record_count, [&](size_t column) -> const ColumnRange* {
        const auto found = std::ranges::find(stated, column, &StatedRange::column);
        if (found != stated.end()) return &found->range;
        return ranges_at(position, column);
      });
}

namespace {

// What of a run leaves: as it is, or projected if there are plans.
class KeptBatches {
 public:
  KeptBatches(const PlanFor* plan_for, uint64_t max_bytes, ProjectedBytes& out)
      : plan_for_(plan_for), max_bytes_(max_bytes), before_(out.size_bytes), out_(out) {}

  bool any() const { return out_.size_bytes > before_; }

  // Adds the batch at `position` or says that it does not fit.
  Result<bool> Add(const StoredBatch& batch, uint64_t position, BatchHeads* heads) {
    if (plan_for_ == nullptr) return AddWhole(batch);
    if (plan_schema_ != batch.header.schema_id) {
      STROM_TRY(plan_, (*plan_for_)(batch.header.schema_id));
      plan_schema_ = batch.header.schema_id;
    }
    STROM_TRY(const LocatedBatch located, plan_->Locate(batch));
    if (located.empty) return true;
    if (!Fits(located.size_bytes)) return false;
    STROM_TRY_VOID(plan_->Emit(located, out_));
    KeepHead(batch, located.records, position, heads);
    return true;
  }

 private:
  bool Fits(uint64_t size) const {
    return !any() || size <= max_bytes_ - std::min(max_bytes_, out_.size_bytes - before_);
  }

  Result<bool> AddWhole(const StoredBatch& batch) {
    if (!BatchCrcFits(batch.bytes, batch.header)) {
      return Fail(ErrorCode::kLogStorage,
                  "The batch at offset {} is damaged: its CRC does not match. Run 'strom log "
                  "verify' on its segment.",
                  batch.header.base_offset);
    }
    if (!Fits(batch.bytes.size())) return false;
    out_.Add(batch.bytes);
    return true;
  }

  const PlanFor* const plan_for_;
  const uint64_t max_bytes_;
  const uint64_t before_;
  ProjectedBytes& out_;
  std::shared_ptr<const ProjectionPlan> plan_;
  std::optional<SchemaId> plan_schema_;
};

}  // namespace

Result<FilteredRun> FilterRun(ByteView run, BatchHeads* heads, BatchFilter& filter,
                              const BatchFilter::RangesAt& ranges_at, const PlanFor* plan_for,
                              uint64_t max_bytes, ProjectedBytes& out) {
  FilteredRun result;
  KeptBatches kept(plan_for, max_bytes, out);
  for (uint64_t at = 0; at < run.size();) {
    const auto batch = ReadStoredBatch(run, at, heads);
    if (!batch) break;  // cut off at the end of the run
    const BatchHeader& header = batch->header;
    if (filter.MayMatch(*batch, at, ranges_at)) {
      const Result<bool> added = kept.Add(*batch, at, heads);
      if (!added && !result.scanned_end) return Fail(added.error());
      if (!added) break;
      if (!*added) {
        result.full = true;
        break;
      }
      if (kept.any()) {
        result.kept_any = true;
        result.kept_end = header.next_offset();
      }
    } else {
      result.skipped_bytes += header.size_bytes;
      if (heads != nullptr && !batch->head_is_kept()) {
        // The next filter will skip most of these batches again.
        if (const auto records = ReadArrowRecords(*batch)) KeepHead(*batch, *records, at, heads);
      }
    }
    result.scanned_end = header.next_offset();
    at += header.size_bytes;
  }
  return result;
}

}  // namespace strom::format
