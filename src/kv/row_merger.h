// What a new row makes of the stored one: the merge engines, partial updates and deletes of spec
// 05, 4 to 7. Pure functions of rows; nothing is stored here. A merger belongs to one PutKv request
// and bucket and keeps buffers from row to row, so one thread at a time may use it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/value_batch.h"
#include "kv/table_layout.h"

namespace strom::kv {

// A row and the schema it was written with. A view.
using StoredRow = format::StoredValue;

enum class MergeKind : uint8_t {
  kUnchanged,  // no change: nothing is stored or logged
  kIncoming,   // store the incoming row as it came; it was not decoded, let alone checked
  kMerged,     // store MergeOutcome::row, which has the latest schema
  kRemoved,    // the key goes
};

struct MergeOutcome {
  MergeKind kind = MergeKind::kUnchanged;
  Bytes row;  // of kMerged only
};

class RowMerger {
 public:
  virtual ~RowMerger() = default;

  // The default engine with full rows: then an upsert is always kIncoming and needs no old row.
  virtual bool replaces_whole_rows() const { return false; }
  // `old` is nothing when the key is not there. An auto-increment column of a new row is for the
  // caller to fill; a merged row has null there, or 0 if the column is NOT NULL.
  // Errors: kCorruptRecord for a row that does not decode, kSchemaNotExist for a schema id that the
  // layout does not know; see each engine.
  virtual Result<MergeOutcome> Upsert(const std::optional<StoredRow>& old,
                                      const StoredRow& incoming) = 0;
  // Of a key that is there. Only called when deletes are allowed.
  virtual Result<MergeOutcome> Delete(const StoredRow& old) = 0;
  // What a delete does before anything is looked up: kIgnore skips it, kDisable fails the batch.
  virtual DeleteBehavior delete_behavior() const = 0;
};

// The merger of a request (spec 05, 5 to 8). `target_columns` are positions in the latest schema,
// empty for all. `overwrite`: agg_mode 1, which bypasses the table's engine and allows deletes.
// kInvalidTargetColumn names columns and rule: a position outside the schema, targets without the
// primary key or in a table with other NOT NULL columns, any target with an engine that takes
// whole rows only, and the rule of auto-increment columns. `layout` outlives the merger.
Result<std::unique_ptr<RowMerger>> MakeRowMerger(const TableLayout& layout,
                                                 std::span<const int32_t> target_columns,
                                                 bool overwrite);

}  // namespace strom::kv
