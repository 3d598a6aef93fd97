// Rows for measurements: a table half BIGINT, half STRING, and one valid batch of it, uncompressed
// Arrow without a writer id, to be appended again and again as it is. Usable on any shard.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/ids.h"

namespace strom::client {

struct GeneratedShape {
  int columns = 20;  // "number0"…, then "text0"…
  int rows = 1000;
  SchemaId schema{1};
};

// Magic 0, append-only; number0 counts from 0, the rest is random but the same each time.
// Texts have about 20 bytes.
Bytes GenerateBatch(const GeneratedShape& shape);
// The number of rows with which a batch has about `bytes` bytes, at least 1.
int RowsForBytes(int columns, size_t bytes);

// The table's descriptor as JSON (spec 06, 4), batches uncompressed.
std::string GeneratedTable(int columns, int buckets);

}  // namespace strom::client
