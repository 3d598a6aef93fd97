// What a careful server checks of produced batches before it appends them (spec 02, 12; spec 04,
// 5). The CRC protects against broken wires only; what it covers may be hostile. A batch that
// passed can be stored, projected and read by every client, unless its values themselves are wrong.
// Everything is bounded by the batch's own size; nothing is decoded, decompressed or copied.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"
#include "format/schema.h"
#include "format/schema_shape.h"

namespace strom::format {

// What batches of a table have to be. Made once per version of a table; immutable, safe to share
// between shards.
struct BatchRules {
  LogFormat log_format = LogFormat::kArrow;
  bool has_primary_key = false;
  // Of every schema the table ever had.
  std::map<SchemaId, std::shared_ptr<const SchemaShape>> shapes;

  static BatchRules Make(LogFormat log_format, bool has_primary_key,
                         const std::map<SchemaId, std::shared_ptr<const Schema>>& schemas);

  // Null if the table has no schema of this id.
  const SchemaShape* Find(SchemaId id) const;
};

// One batch of a produce request that passed the checks; `bytes` is exactly this batch.
struct CheckedBatch {
  MutableByteView bytes;
  BatchHeader header;
};

// Checks every batch of one bucket of a ProduceLog request: all pass or none. No bytes: no batch.
//   15 (kInvalidTable)    the table has a primary key: its log is written by PutKv alone
//   14 (kCorruptRecord)   CRC, lengths, magic, counts, Arrow metadata, record framing; also bytes
//                         behind the last complete batch, because an acknowledged write must not
//                         have lost its tail (the reference drops it)
//   9  (kSchemaNotExist)  the batch names a schema that the table does not have
Result<std::vector<CheckedBatch>> SplitAndCheck(MutableByteView records, const BatchRules& rules);

// The same for the batch at the head of `bytes`, which may hold more.
Result<BatchHeader> CheckBatchForAppend(ByteView bytes, const BatchRules& rules);

// The structure of a batch whose header was read, changelog or not: counts, change types, Arrow
// message or record framing against the schema's shape. Without CRC and without the rules that
// hold for ProduceLog only.
Parsed<void> CheckBatchStructure(ByteView batch, const BatchHeader& header, LogFormat log_format,
                                 const SchemaShape& shape);

// Whether the structure of a batch on disk is one that was appended once: the magic, which says
// where the records begin, lies outside the CRC.
bool StoredStructureFits(ByteView batch, const BatchHeader& header, const BatchRules& rules);

}  // namespace strom::format
