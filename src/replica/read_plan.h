// What a fetch asks of one bucket and what it gets: ranges of mapped bytes, ready to be sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/projection.h"
#include "runtime/file.h"

namespace strom::replica {

// fetch_offset that stands for the log start offset (spec 04, 7.1).
inline constexpr int64_t kEarliestOffset = -2;
// A budget below a batch header returns nothing once something was returned (spec 02, 6.2).
inline constexpr uint64_t kMinReadBudgetBytes = 48;

struct BucketReadRequest {
  int64_t fetch_offset = 0;
  uint64_t max_bytes = 0;
  bool at_least_one = true;  // the first batch is returned whatever its size
  bool projected = false;
  std::span<const int32_t> projected_fields;
};

// Bytes of one bucket on their way out. `ranges` point into `mappings` and `prefixes`, which this
// object keeps alive; it may be moved to another shard and destroyed there.
struct BucketRead {
  Offset high_watermark;
  Offset log_start_offset;
  std::vector<ByteView> ranges;
  uint64_t size_bytes = 0;
  std::optional<Offset> filtered_end_offset;
  uint64_t skipped_bytes = 0;  // of batches that a filter left out
  std::vector<std::shared_ptr<const runtime::Mapping>> mappings;
  // Headers and metadata written for projected batches.
  std::vector<std::unique_ptr<Bytes>> prefixes;
};

// The plans of one bucket's recent projections, newest first. Readers of a table mostly ask for
// the same columns again and again.
class ProjectionCache {
 public:
  static constexpr size_t kMaxPlans = 16;

  // The plan for `fields` over batches of `schema_id`, made with `make` on a miss.
  template <class Make>
  Result<std::shared_ptr<const format::ProjectionPlan>> Get(SchemaId schema_id,
                                                            std::span<const int32_t> fields,
                                                            Make make) {
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].schema_id != schema_id || !std::ranges::equal(plans_[i].fields, fields)) {
        continue;
      }
      if (i > 0)
        std::rotate(plans_.begin(), plans_.begin() + static_cast<ptrdiff_t>(i),
                    plans_.begin() + static_cast<ptrdiff_t>(i) + 1);
      return plans_.front().plan;
    }
    STROM_TRY(std::shared_ptr<const format::ProjectionPlan> plan, make());
    if (plans_.size() == kMaxPlans) plans_.pop_back();
    plans_.insert(plans_.begin(), Entry{schema_id, {fields.begin(), fields.end()}, plan});
    return plan;
  }

 private:
  struct Entry {
    SchemaId schema_id;
    std::vector<int32_t> fields;
    std::shared_ptr<const format::ProjectionPlan> plan;
  };
  std::vector<Entry> plans_;
};

}  // namespace strom::replica
