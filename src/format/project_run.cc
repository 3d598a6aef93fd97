#include "format/projection.h"

namespace strom::format {
namespace {

// Projections of one run; remembers the plan of the schema it saw last.
class RunProjection {
 public:
  RunProjection(const PlanFor& plan_for, ProjectedBytes& out) : plan_for_(plan_for), out_(out) {}

  // The size the batch would have.
  Result<uint64_t> Locate(const StoredBatch& batch) {
    const SchemaId schema_id = batch.header.schema_id;
    if (!plan_ || schema_id_ != schema_id) {
      STROM_TRY(plan_, plan_for_(schema_id));
      schema_id_ = schema_id;
    }
    STROM_TRY(located_, plan_->Locate(batch));
    return located_.size_bytes;
  }
  const LocatedBatch& located() const { return located_; }
  Status Emit() { return plan_->Emit(located_, out_); }

 private:
  const PlanFor& plan_for_;
  ProjectedBytes& out_;
  std::shared_ptr<const ProjectionPlan> plan_;
  SchemaId schema_id_;
  LocatedBatch located_;
};

}  // namespace

Result<ProjectedRun> ProjectRun(ByteView run, BatchHeads* heads, const PlanFor& plan_for,
                                uint64_t max_bytes, bool at_least_one, ProjectedBytes& out) {
  ProjectedRun done;
  RunProjection projection(plan_for, out);
  uint64_t budget = max_bytes;
  while (done.stored_bytes < run.size()) {
    const bool first = done.batches == 0;
    const auto batch = ReadStoredBatch(run, done.stored_bytes, heads);
    if (!batch) {
      if (!first || batch.error() == BatchProblem::kIncomplete) break;
      return Fail(ErrorCode::kCorruptRecord, "A stored batch is corrupt: {}.",
                  Describe(batch.error()));
    }
    const bool must_take = first && at_least_one;
    const uint32_t stored_bytes = batch->header.size_bytes;
    if (must_take) budget = std::max<uint64_t>(budget, stored_bytes);
    if (!must_take && budget <= kMinBatchHeaderBytes) break;
    const Result<uint64_t> size = projection.Locate(*batch);
    if (!size && first) return Fail(size.error());
    if (!size || (*size > budget && !must_take)) break;
    if (Status emitted = projection.Emit(); !emitted) {
      if (first) return Fail(emitted.error());
      break;
    }
    if (!projection.located().empty) {
      KeepHead(*batch, projection.located().records, done.stored_bytes, heads);
    }
    budget -= std::min(budget, *size);
    done.stored_bytes += stored_bytes;
    ++done.batches;
  }
  return done;
}

}  // namespace strom::format
