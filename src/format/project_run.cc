#include "format/projection.h"

namespace strom::format {
namespace {

// Projections of one run; remembers the plan of the schema it saw last.
class RunProjection {
 public:
  RunProjection(const PlanFor& plan_for, ProjectedBytes& out) : plan_for_(plan_for), out_(out) {}

  // The size the batch would have.
  Result<uint64_t> Locate(ByteView bytes, const BatchHeader& header) {
    if (!plan_ || schema_id_ != header.schema_id) {
      STROM_TRY(plan_, plan_for_(header.schema_id));
      schema_id_ = header.schema_id;
    }
    STROM_TRY(located_, plan_->Locate(bytes, header));
    return located_.size_bytes;
  }
  Status Emit() { return plan_->Emit(located_, out_); }

 private:
  const PlanFor& plan_for_;
  ProjectedBytes& out_;
  std::shared_ptr<const ProjectionPlan> plan_;
  SchemaId schema_id_;
  LocatedBatch located_;
};

}  // namespace

Result<ProjectedRun> ProjectRun(ByteView run, const PlanFor& plan_for, uint64_t max_bytes,
                                bool at_least_one, ProjectedBytes& out) {
  ProjectedRun done;
  RunProjection projection(plan_for, out);
  uint64_t budget = max_bytes;
  while (done.stored_bytes < run.size()) {
    const bool first = done.batches == 0;
    const ByteView rest = run.subspan(static_cast<size_t>(done.stored_bytes));
    const std::expected<BatchHeader, BatchProblem> header = ReadBatchHeader(rest);
    if (!header) {
      if (!first || header.error() == BatchProblem::kIncomplete) break;
      return Fail(ErrorCode::kCorruptRecord, "A stored batch is corrupt: {}.",
                  Describe(header.error()));
    }
    const bool must_take = first && at_least_one;
    if (must_take) budget = std::max<uint64_t>(budget, header->size_bytes);
    if (!must_take && budget <= kMinBatchHeaderBytes) break;
    const Result<uint64_t> size = projection.Locate(rest, *header);
    if (!size && first) return Fail(size.error());
    if (!size || (*size > budget && !must_take)) break;
    if (Status emitted = projection.Emit(); !emitted) {
      if (first) return Fail(emitted.error());
      break;
    }
    budget -= std::min(budget, *size);
    done.stored_bytes += header->size_bytes;
    ++done.batches;
  }
  return done;
}

}  // namespace strom::format
