// Column projection of ARROW batches (spec 02, 7): metadata is rebuilt, the bytes of the selected
// columns leave from where they are stored. No record is decoded, nothing is decompressed.
//
// A ProjectionPlan is made once per (schema of the batches, list of fields), is immutable and safe
// to share. A batch costs O(selected buffers), whatever it holds. A projected batch is
//   new header | change types | new Arrow metadata | one range per run of adjacent columns
// of which the first three are written into small owned prefixes (long change types stay ranges).
//
// Batches of an older schema that lacks selected columns get those columns full of nulls
// (spec 02, 7.5); the zeros are ranges over one constant block.
//
// Stored bytes are not trusted: a batch that rotted on disk gives kCorruptRecord, never a read
// outside of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/arrow_message.h"
#include "format/batch_heads.h"
#include "format/record_batch.h"
#include "format/schema.h"
#include "format/schema_shape.h"

namespace strom::format {

// More than this of nulls for one batch is refused: rows that compress to nothing could otherwise
// ask for any amount of zeros.
inline constexpr uint64_t kMaxNullFillBytes = uint64_t{64} << 20;

// Bytes on their way out, in order. `ranges` point into the projected batches, into `prefixes` and
// into constants, so the batches' mapping must live as long. Movable; prefixes never move.
struct ProjectedBytes {
  std::vector<ByteView> ranges;
  std::vector<std::unique_ptr<Bytes>> prefixes;
  uint64_t size_bytes = 0;  // sum of all ranges

  // `count` writable bytes that stay where they are; few allocations for many batches.
  MutableByteView AllocatePrefix(size_t count);
  // Gives back the most recent allocation.
  void ReturnPrefix(size_t count);
  // Appends a range, joined with the last one if they touch.
  void Add(ByteView range);

  // What was appended since a mark can be taken back (but not prefixes).
  struct Mark {
    size_t range_count;
    ByteView last;
    uint64_t size_bytes;
  };
  Mark mark() const;
  void ReturnTo(const Mark& mark);
};

// Where a batch keeps what a plan selects, and how large its projection is.
struct LocatedBatch {
  StoredBatch stored;
  ArrowRecords records;     // unset if empty
  bool empty = false;       // header only: leaves as it is
  uint64_t body_bytes = 0;  // of the projection
  uint64_t fill_bytes = 0;  // thereof zeros for columns that the batch lacks
  uint64_t size_bytes = 0;  // of the whole projected batch
};

class ProjectionPlan {
 public:
  // `fields` are positions of columns, ascending, within `latest`; `batch_schema` is the schema the
  // batches were written with, a prefix of `latest` or the same. Errors are
  // kInvalidColumnProjection: no ARROW, no field, not ascending, twice the same, out of bound.
  static Result<std::shared_ptr<const ProjectionPlan>> Make(const Schema& batch_schema,
                                                            const Schema& latest,
                                                            std::span<const int32_t> fields,
                                                            LogFormat log_format);
  // For tables whose schema never changed, or to refuse columns that batches lack.
  static Result<std::shared_ptr<const ProjectionPlan>> Make(const Schema& schema,
                                                            std::span<const int32_t> fields,
                                                            LogFormat log_format) {
    return Make(schema, schema, fields, log_format);
  }

  // Finds the selected bytes of the batch.
  Result<LocatedBatch> Locate(const StoredBatch& stored) const;
  // Appends the projection of a located batch. `out` is as before when it fails.
  Status Emit(const LocatedBatch& located, ProjectedBytes& out) const;

 private:
  // Adjacent selected columns.
  struct Run {
    uint32_t first_node, end_node;
    uint32_t first_buffer, end_buffer;
  };
  // A node of a column that batches of this schema lack.
  struct FillNode {
    ShapeNode shape;
    bool has_rows;  // false below a list: no elements
  };

  // A stretch of the stored body.
  struct BodyRange {
    int64_t begin, end;
  };

  void AddRun(const ShapeColumn& column);
  void AddFill(const SchemaShape& latest, const ShapeColumn& column);
  // Of all nulls that are added to a batch; only known to exceed kMaxNullFillBytes if it does.
  uint64_t FillBytes(uint64_t row_count, BodyCodec codec) const;
  Parsed<BodyRange> BodyOf(const ArrowMessageView& message, const Run& run) const;
  // The stored columns: writes their nodes and buffers, adds their bytes and gives how many.
  Parsed<uint64_t> EmitRuns(const ArrowMessageView& message, ArrowMessageWriter& writer,
                            ProjectedBytes& out) const;
  // The missing columns, whose bytes begin at `at` of the new body; gives where they end.
  uint64_t EmitFill(const LocatedBatch& located, uint64_t at, ArrowMessageWriter& writer,
                    ProjectedBytes& out) const;

  uint32_t schema_nodes_ = 0;  // of batches of the schema, selected or not
  uint32_t schema_buffers_ = 0;
  uint32_t output_nodes_ = 0;
  uint32_t output_buffers_ = 0;
  std::vector<Run> runs_;
  std::vector<FillNode> fill_;
};

// The plan for batches of a schema; kSchemaNotExist if there is none. Asked once per change of the
// schema within a run.
using PlanFor = std::function<Result<std::shared_ptr<const ProjectionPlan>>(SchemaId)>;

struct ProjectedRun {
  uint64_t stored_bytes = 0;  // of the run that was consumed
  uint64_t batches = 0;
};

// Projects whole batches of a mapped run while they fit into `max_bytes` (spec 02, 7.4). With
// `at_least_one` the first batch is returned whatever its size. A batch that is cut off at the end
// of the run ends it. After the first batch, an error ends the run too, without being returned: the
// reader gets what is good and meets the error with its next fetch. `heads` of the run may be null.
Result<ProjectedRun> ProjectRun(ByteView run, BatchHeads* heads, const PlanFor& plan_for,
                                uint64_t max_bytes, bool at_least_one, ProjectedBytes& out);

}  // namespace strom::format
