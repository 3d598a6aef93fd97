// The target columns of a write (spec 05, 5): which columns of the latest schema it sets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kv/latest_rows.h"

namespace strom::kv {

struct TargetColumns {
  std::vector<bool> contains;  // by position in the latest schema
  bool all = false;            // every column
  bool key_only = false;       // the primary key columns and no other
};

// kInvalidTargetColumn for a position that the latest schema does not have. A repeated one is fine.
Result<TargetColumns> ParseTargetColumns(const TableLayout& layout,
                                         std::span<const int32_t> positions);
// Whether the table takes writes of these columns alone: they contain the primary key, and every
// other column is nullable, targets too; the auto-increment column is exempt, as the server fills
// it. kInvalidTargetColumn.
Status CheckPartial(const TableLayout& layout, const TargetColumns& targets);

// What a delete of these columns makes of a row: nothing of it if all other columns are null, else
// the row without the values of its targets. `row` is scratch of the caller.
Result<MergeOutcome> DeleteTargets(LatestRows& rows, const TargetColumns& targets,
                                   const StoredRow& old, format::Row& row);

}  // namespace strom::kv
