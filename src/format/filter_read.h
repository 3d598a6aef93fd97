// Filtered reads of a run of batches: which leave, projected or as they are, and how far was looked
// (spec 02, 8.5). What is left out costs its head.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "format/predicate.h"
#include "format/projection.h"
#include "format/record_batch.h"
#include "format/schema.h"

namespace strom::format {

// The schema of that id, null if there is none.
using SchemaOf = std::function<const Schema*(SchemaId)>;

// A predicate for batches of any schema of a table; bound to each once. For one request.
class BatchFilter {
 public:
  BatchFilter(Predicate predicate, SchemaOf schema_of)
      : predicate_(std::move(predicate)), schema_of_(std::move(schema_of)) {}

  // By the statistics that the batch carries, else by `ranges_of`, which may know nothing (null).
  // `position`: of the batch in the run.
  using RangesAt = std::function<const ColumnRange*(uint64_t position, size_t column)>;
  bool MayMatch(const StoredBatch& batch, uint64_t position, const RangesAt& ranges_at);

 private:
  struct Bound {
    const Schema* schema = nullptr;
    Predicate predicate;
  };

  Predicate predicate_;
  SchemaOf schema_of_;
  std::map<SchemaId, Bound> bound_;
};

struct FilteredRun {
  bool kept_any = false;
  bool full = false;                  // the next kept batch would not have fitted
  uint64_t skipped_bytes = 0;         // of batches that were left out
  Offset kept_end;                    // behind the last kept batch
  std::optional<Offset> scanned_end;  // behind the last batch that was looked at
};

// Appends the kept batches of `run` to `out` while they fit into `max_bytes`; the first one always
// does. Projected if `plan_for` is set; batches without records are left out then. An error at the
// front is returned, later it ends the run. `heads` of the run may be null.
Result<FilteredRun> FilterRun(ByteView run, BatchHeads* heads, BatchFilter& filter,
                              const BatchFilter::RangesAt& ranges_at, const PlanFor* plan_for,
                              uint64_t max_bytes, ProjectedBytes& out);

}  // namespace strom::format
