#include "format/batch_check.h"

#include <limits>
#include <optional>

#include "format/arrow_message.h"
#include "format/record_walk.h"

namespace strom::format {
namespace {

// Vectors of rows are counted with int32 by the clients.
constexpr int64_t kMaxNodeLength = std::numeric_limits<int32_t>::max();
constexpr int64_t kBufferAlignment = 8;

int64_t BitmapBytes(int64_t count) {
  return (count + 7) / 8;
}

// The least a buffer of a node has to hold, uncompressed.
int64_t RequiredBytes(const ShapeNode& shape, const ArrowNode& node, uint32_t buffer) {
  if (buffer == 0) return BitmapBytes(node.length);
  if (buffer == 2) return 0;  // how far the offsets reach is a matter of values
  switch (shape.kind) {
    case NodeKind::kBoolean:
      return BitmapBytes(node.length);
    case NodeKind::kFixed:
      return node.length * int64_t{shape.width};
    case NodeKind::kVariable:
    case NodeKind::kList:
      return node.length == 0 ? 0 : 4 * (node.length + 1);
    case NodeKind::kStruct:
      return 0;
  }
  return 0;
}

Parsed<void> CheckNode(const ArrowMessageView& message, const SchemaShape& shape, size_t i) {
  const ArrowNode node = message.node(i);
  const int32_t parent = shape.nodes[i].parent;
  if (node.length < 0 || node.length > kMaxNodeLength) {
    return std::unexpected("the length of an Arrow field node is out of range");
  }
  if (parent < 0 && node.length != message.row_count()) {
    return std::unexpected("a column has not as many values as there are records");
  }
  if (parent >= 0) {
    const auto above = static_cast<size_t>(parent);
    if (shape.nodes[above].kind == NodeKind::kStruct && node.length < message.node(above).length) {
      return std::unexpected("a nested field has fewer values than its row");
    }
  }
  if (node.null_count < 0 || node.null_count > node.length) {
    return std::unexpected("the null count of an Arrow field node is out of range");
  }
  return {};
}

// Inside the body, aligned, not before `previous_end`; gives where it ends.
Parsed<int64_t> CheckPlace(const ArrowBuffer& buffer, int64_t previous_end, int64_t body_length) {
  if (buffer.offset < previous_end) return std::unexpected("its Arrow buffers are not in order");
  if (buffer.offset % kBufferAlignment != 0) {
    return std::unexpected("an Arrow buffer is not aligned to 8 bytes");
  }
  if (buffer.offset > body_length || buffer.length < 0 ||
      buffer.length > body_length - buffer.offset) {
    return std::unexpected("an Arrow buffer does not lie in the body");
  }
  return buffer.offset + buffer.length;
}

// What the buffer holds once it is decompressed, as its writer declares.
Parsed<int64_t> UncompressedBytes(const ArrowMessageView& message, const ArrowBuffer& buffer) {
  if (message.codec() == BodyCodec::kNone || buffer.length == 0) return buffer.length;
  constexpr auto kPrefix = static_cast<int64_t>(kCompressedLengthBytes);
  if (buffer.length < kPrefix) {
    return std::unexpected("a compressed Arrow buffer is shorter than its length prefix");
  }
  const auto declared = LoadLittle<int64_t>(message.body().data() + buffer.offset);
  if (declared == kNotCompressed) return buffer.length - kPrefix;
  if (declared < 0) return std::unexpected("the uncompressed length of a buffer is negative");
  return declared;
}

Parsed<void> CheckBuffers(const ArrowMessageView& message, const SchemaShape& shape) {
  int64_t previous_end = 0;
  for (size_t i = 0; i < shape.nodes.size(); ++i) {
    const ShapeNode& node_shape = shape.nodes[i];
    const ArrowNode node = message.node(i);
    for (uint32_t k = 0; k < node_shape.buffer_count; ++k) {
      const ArrowBuffer buffer = message.buffer(node_shape.first_buffer + k);
      const Parsed<int64_t> end = CheckPlace(buffer, previous_end, message.body_length());
      if (!end) return std::unexpected(end.error());
      previous_end = *end;
      const Parsed<int64_t> holds = UncompressedBytes(message, buffer);
      if (!holds) return std::unexpected(holds.error());
      const bool no_bitmap = k == 0 && *holds == 0 && node.null_count == 0;
      if (!no_bitmap && *holds < RequiredBytes(node_shape, node, k)) {
        return std::unexpected("an Arrow buffer is too short for the values of its field");
      }
    }
  }
  return {};
}

Parsed<void> CheckArrow(ByteView batch, const BatchHeader& header, const SchemaShape& shape) {
  const Parsed<ArrowRecords> records = ReadArrowRecords(batch, header);
  if (!records) return std::unexpected(records.error());
  for (const uint8_t change : records->change_types) {
    if (change > kMaxChangeType) return std::unexpected("a change type is not 0 to 4");
  }
  const ArrowMessageView& message = records->message;
  if (message.body_length() != static_cast<int64_t>(message.body().size())) {
    return std::unexpected("its Arrow body length is not what the batch holds");
  }
  if (message.body_length() % kBufferAlignment != 0) {
    return std::unexpected("its Arrow body is not padded to 8 bytes");
  }
  if (message.row_count() != header.record_count) {
    return std::unexpected("its record count is not the row count of its Arrow message");
  }
  if (message.node_count() != shape.nodes.size() || message.buffer_count() != shape.buffer_count) {
    return std::unexpected("its Arrow fields and buffers are not those of the schema");
  }
  for (size_t i = 0; i < shape.nodes.size(); ++i) {
    if (Parsed<void> node = CheckNode(message, shape, i); !node) return node;
  }
  return CheckBuffers(message, shape);
}

Parsed<void> CheckRecordFraming(ByteView batch, const BatchHeader& header) {
  RecordWalk walk(
      batch.subspan(header.records_position(), header.size_bytes - header.records_position()),
      header.record_count);
  while (!walk.done()) {
    const Parsed<RawRecord> record = walk.Next();
    if (!record) return std::unexpected(record.error());
    if (header.append_only() && record->change_type != ChangeType::kAppendOnly) {
      return std::unexpected("a change type contradicts the append-only flag");
    }
  }
  return {};
}

template <class Problem>
std::unexpected<Error> Corrupt(const Problem& problem) {
  return Fail(ErrorCode::kCorruptRecord,
              "A record batch is corrupt: {}. Nothing of this bucket's part was appended.",
              problem);
}

}  // namespace

BatchRules BatchRules::Make(LogFormat log_format, bool has_primary_key,
                            const std::map<SchemaId, std::shared_ptr<const Schema>>& schemas) {
  BatchRules rules;
  rules.log_format = log_format;
  rules.has_primary_key = has_primary_key;
  for (const auto& [id, schema] : schemas) {
    rules.shapes.emplace(id, std::make_shared<const SchemaShape>(SchemaShape::Make(*schema)));
  }
  return rules;
}

const SchemaShape* BatchRules::Find(SchemaId id) const {
  const auto found = shapes.find(id);
  return found == shapes.end() ? nullptr : found->second.get();
}

Parsed<void> CheckBatchStructure(ByteView batch, const BatchHeader& header, LogFormat log_format,
                                 const SchemaShape& shape) {
  if (header.record_count < 0) return std::unexpected("its record count is negative");
  if (header.last_offset_delta != std::max(header.record_count - 1, 0)) {
    return std::unexpected("its last offset delta does not fit its record count");
  }
  const bool header_only = header.size_bytes == header.header_bytes;
  if (header.record_count == 0 && !header_only) {
    return std::unexpected("it has no records but bytes behind its header");
  }
  if (header.record_count > 0 && header_only) {
    return std::unexpected("it has a record count but no records");
  }
  if (header_only) return {};
  if (log_format == LogFormat::kArrow) return CheckArrow(batch, header, shape);
  return CheckRecordFraming(batch, header);
}

bool StoredStructureFits(ByteView batch, const BatchHeader& header, const BatchRules& rules) {
  const SchemaShape* shape = rules.Find(header.schema_id);
  return shape != nullptr && CheckBatchStructure(batch, header, rules.log_format, *shape);
}

Result<BatchHeader> CheckBatchForAppend(ByteView bytes, const BatchRules& rules) {
  if (rules.has_primary_key) {
    return Fail(ErrorCode::kInvalidTable,
                "The table has a primary key: write to it with upserts and deletes (PutKv); its "
                "log cannot be appended to.");
  }
  const std::expected<BatchHeader, BatchProblem> header = ReadBatchHeader(bytes);
  if (!header) return Corrupt(Describe(header.error()));
  const ByteView batch = bytes.first(header->size_bytes);
  if (const uint32_t computed = ComputeBatchCrc(batch, *header); computed != header->crc) {
    return Fail(ErrorCode::kCorruptRecord,
                "Record is corrupt (stored crc = {}, computed crc = {}). Nothing of this bucket's "
                "part was appended.",
                header->crc, computed);
  }
  const SchemaShape* shape = rules.Find(header->schema_id);
  if (shape == nullptr) {
    return Fail(ErrorCode::kSchemaNotExist,
                "A record batch was written with schema {}, which the table does not have. Fetch "
                "the table's schema again.",
                header->schema_id);
  }
  if (!header->append_only()) return Corrupt("it has change types but the table is a log table");
  const Parsed<void> structure = CheckBatchStructure(batch, *header, rules.log_format, *shape);
  if (!structure) return Corrupt(structure.error());
  return *header;
}

Result<std::vector<CheckedBatch>> SplitAndCheck(MutableByteView records, const BatchRules& rules) {
  std::vector<CheckedBatch> batches;
  while (!records.empty()) {
    STROM_TRY(const BatchHeader header, CheckBatchForAppend(records, rules));
    batches.push_back({records.first(header.size_bytes), header});
    records = records.subspan(header.size_bytes);
  }
  return batches;
}

}  // namespace strom::format
