#include "format/projection.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace strom::format {
namespace {

constexpr size_t kFirstPrefixChunkBytes = 4 << 10;
constexpr size_t kMaxPrefixChunkBytes = 256 << 10;
// Longer change types are sent from where they are stored.
constexpr size_t kMaxCopiedChangeTypes = 1024;
constexpr size_t kMaxFieldsInMessage = 64;
constexpr uint64_t kMaxBatchBytes =
    uint64_t{std::numeric_limits<int32_t>::max()} + kBatchOverheadBytes;
constexpr uint64_t kAlignment = 8;

uint64_t Padded(uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// "[0, 2]"
std::string ToText(std::span<const int32_t> fields) {
  const auto shown = fields.first(std::min(fields.size(), kMaxFieldsInMessage));
  return fmt::format("[{}{}]", fmt::join(shown, ", "), shown.size() < fields.size() ? ", ..." : "");
}

Status CheckFields(std::span<const int32_t> fields, size_t column_count) {
  constexpr ErrorCode kCode = ErrorCode::kInvalidColumnProjection;
  if (fields.empty()) {
    return Fail(kCode,
                "Empty projection is not supported. Please project at least one column. For "
                "aggregations like COUNT(*) / COUNT(1), the connector should push down a "
                "projection that selects at least one column.");
  }
  for (int32_t previous = -1; const int32_t field : fields) {
    if (field < previous) {
      return Fail(kCode, "The projection indexes should be in field order, but is {}",
                  ToText(fields));
    }
    if (field == previous) {
      return Fail(kCode, "The projection indexes should not contain duplicated fields, but is {}",
                  ToText(fields));
    }
    if (static_cast<size_t>(field) >= column_count) {
      return Fail(kCode, "Projected fields {} is out of bound for schema with {} fields.",
                  ToText(fields), column_count);
    }
    previous = field;
  }
  return {};
}

std::unexpected<Error> Corrupt(const BatchHeader& header, std::string_view problem) {
  return Fail(ErrorCode::kCorruptRecord,
              "The stored batch at offset {} is corrupt: {}. Read on from offset {} to skip it.",
              header.base_offset, problem, header.next_offset());
}

// Eight bytes ff, the length prefix of an uncompressed buffer in a compressed body, then zeros.
constexpr size_t kZeroBytes = 64 << 10;
const Bytes& ZeroBlock() {
  static const Bytes block = [] {
    Bytes made(kCompressedLengthBytes + kZeroBytes, 0);
    StoreLittle(made.data(), kNotCompressed);
    return made;
  }();
  return block;
}

void AddZeros(uint64_t count, ProjectedBytes& out) {
  const ByteView zeros = ByteView(ZeroBlock()).subspan(kCompressedLengthBytes);
  while (count > 0) {
    const uint64_t piece = std::min<uint64_t>(count, zeros.size());
    out.Add(zeros.first(static_cast<size_t>(piece)));
    count -= piece;
  }
}

// A buffer of nulls as the metadata gives it, without padding.
uint64_t FillBufferBytes(const ShapeNode& node, bool has_rows, uint32_t buffer, uint64_t row_count,
                         BodyCodec codec) {
  const uint64_t rows = has_rows ? row_count : 0;
  uint64_t bytes = 0;
  if (buffer == 0 || (buffer == 1 && node.kind == NodeKind::kBoolean)) {
    bytes = (rows + 7) / 8;
  } else if (buffer == 1 && node.kind == NodeKind::kFixed) {
    bytes = rows * node.width;
  } else if (buffer == 1 && rows > 0) {
    bytes = 4 * (rows + 1);
  }
  return bytes > 0 && codec != BodyCodec::kNone ? bytes + kCompressedLengthBytes : bytes;
}

}  // namespace

MutableByteView ProjectedBytes::AllocatePrefix(size_t count) {
  if (prefixes.empty() || prefixes.back()->capacity() - prefixes.back()->size() < count) {
    const size_t chunk = std::min(kMaxPrefixChunkBytes,
                                  kFirstPrefixChunkBytes << std::min<size_t>(prefixes.size(), 6));
    prefixes.push_back(std::make_unique<Bytes>());
    prefixes.back()->reserve(std::max(chunk, count));
  }
  // Within the capacity: what was given out before does not move.
  Bytes& chunk = *prefixes.back();
  const size_t at = chunk.size();
  chunk.resize(at + count);
  return MutableByteView(chunk).subspan(at);
}

void ProjectedBytes::ReturnPrefix(size_t count) {
  STROM_CHECK(!prefixes.empty() && prefixes.back()->size() >= count);
  prefixes.back()->resize(prefixes.back()->size() - count);
}

void ProjectedBytes::Add(ByteView range) {
  if (range.empty()) return;
  size_bytes += range.size();
  if (!ranges.empty() && ranges.back().data() + ranges.back().size() == range.data()) {
    ranges.back() = ByteView(ranges.back().data(), ranges.back().size() + range.size());
  } else {
    ranges.push_back(range);
  }
}

ProjectedBytes::Mark ProjectedBytes::mark() const {
  return {ranges.size(), ranges.empty() ? ByteView() : ranges.back(), size_bytes};
}

void ProjectedBytes::ReturnTo(const Mark& mark) {
  STROM_CHECK(ranges.size() >= mark.range_count);
  ranges.resize(mark.range_count);
  if (!ranges.empty()) ranges.back() = mark.last;
  size_bytes = mark.size_bytes;
}

void ProjectionPlan::AddRun(const ShapeColumn& column) {
  if (!runs_.empty() && runs_.back().end_node == column.first_node) {
    runs_.back().end_node = column.end_node();
    runs_.back().end_buffer = column.end_buffer();
  } else {
    runs_.push_back(
        {column.first_node, column.end_node(), column.first_buffer, column.end_buffer()});
  }
}

void ProjectionPlan::AddFill(const SchemaShape& latest, const ShapeColumn& column) {
  const size_t first = fill_.size();
  for (uint32_t i = column.first_node; i < column.end_node(); ++i) {
    const ShapeNode& node = latest.nodes[i];
    bool has_rows = true;
    if (node.parent >= 0) {
      const FillNode& parent =
          fill_[first + static_cast<uint32_t>(node.parent) - column.first_node];
      has_rows = parent.has_rows && parent.shape.kind == NodeKind::kStruct;
    }
    fill_.push_back({node, has_rows});
  }
}

Result<std::shared_ptr<const ProjectionPlan>> ProjectionPlan::Make(const Schema& batch_schema,
                                                                   const Schema& latest,
                                                                   std::span<const int32_t> fields,
                                                                   LogFormat log_format) {
  if (log_format != LogFormat::kArrow) {
    return Fail(ErrorCode::kInvalidColumnProjection,
                "Column projection needs the log format ARROW; the log of this table is {}. Read "
                "all columns.",
                log_format == LogFormat::kIndexed ? "INDEXED" : "COMPACTED");
  }
  const size_t batch_columns = batch_schema.columns.size();
  // A batch of a schema that is newer than the one the caller knows counts as well.
  const bool batch_is_newer = batch_columns > latest.columns.size();
  const Schema& widest = batch_is_newer ? batch_schema : latest;
  STROM_TRY_VOID(CheckFields(fields, widest.columns.size()));

  const SchemaShape stored = SchemaShape::Make(batch_schema);
  const SchemaShape wanted = SchemaShape::Make(widest);
  auto plan = std::make_shared<ProjectionPlan>();
  plan->schema_nodes_ = static_cast<uint32_t>(stored.nodes.size());
  plan->schema_buffers_ = stored.buffer_count;
  for (const int32_t field : fields) {
    const auto position = static_cast<size_t>(field);
    const bool has_column = position < batch_columns;
    const ShapeColumn& column = (has_column ? stored : wanted).columns[position];
    if (has_column) {
      plan->AddRun(column);
    } else {
      plan->AddFill(wanted, column);
    }
    plan->output_nodes_ += column.node_count;
    plan->output_buffers_ += column.buffer_count;
  }
  return plan;
}

uint64_t ProjectionPlan::FillBytes(uint64_t row_count, BodyCodec codec) const {
  uint64_t bytes = 0;
  for (const FillNode& node : fill_) {
    for (uint32_t k = 0; k < node.shape.buffer_count; ++k) {
      bytes += Padded(FillBufferBytes(node.shape, node.has_rows, k, row_count, codec));
      if (bytes > kMaxNullFillBytes) return bytes;  // before the sum can overflow
    }
  }
  return bytes;
}

Parsed<ProjectionPlan::BodyRange> ProjectionPlan::BodyOf(const ArrowMessageView& message,
                                                         const Run& run) const {
  const int64_t begin = message.buffer(run.first_buffer).offset;
  const int64_t end = run.end_buffer < schema_buffers_ ? message.buffer(run.end_buffer).offset
                                                       : message.body_length();
  if (begin < 0 || begin > end || end > message.body_length() ||
      begin % static_cast<int64_t>(kAlignment) != 0 ||
      end % static_cast<int64_t>(kAlignment) != 0) {
    return std::unexpected("its Arrow buffers do not lie in order in the body");
  }
  return BodyRange{begin, end};
}

Result<LocatedBatch> ProjectionPlan::Locate(const StoredBatch& stored) const {
  const BatchHeader& header = stored.header;
  LocatedBatch located;
  located.stored = stored;
  if (header.size_bytes == header.header_bytes) {
    located.empty = true;
    located.size_bytes = header.size_bytes;
    return located;
  }
  const Parsed<ArrowRecords> records = ReadArrowRecords(stored);
  if (!records) return Corrupt(header, records.error());
  located.records = *records;
  const ArrowMessageView& message = records->message;
  if (message.body_length() != static_cast<int64_t>(message.body().size()) ||
      message.row_count() != header.record_count || header.record_count < 0 ||
      message.node_count() != schema_nodes_ || message.buffer_count() != schema_buffers_) {
    return Corrupt(header, "its Arrow message does not fit its header and its schema");
  }
  int64_t previous_end = 0;
  for (const Run& run : runs_) {
    const Parsed<BodyRange> body = BodyOf(message, run);
    if (!body) return Corrupt(header, body.error());
    if (body->begin < previous_end) return Corrupt(header, "its Arrow buffers are not in order");
    previous_end = body->end;
    located.body_bytes += static_cast<uint64_t>(body->end - body->begin);
  }
  located.fill_bytes = FillBytes(static_cast<uint64_t>(header.record_count), message.codec());
  located.body_bytes += located.fill_bytes;
  located.size_bytes = header.header_bytes + records->change_types.size() +
                       ArrowMessageBytes(output_nodes_, output_buffers_, message.codec()) +
                       located.body_bytes;
  if (located.fill_bytes > kMaxNullFillBytes || located.size_bytes > kMaxBatchBytes) {
    return Fail(ErrorCode::kInvalidColumnProjection,
                "The batch at offset {} with {} records lacks a projected column and is too large "
                "to be filled with nulls (limit {} bytes). Project columns it has, or read all.",
                header.base_offset, header.record_count, kMaxNullFillBytes);
  }
  return located;
}

Parsed<uint64_t> ProjectionPlan::EmitRuns(const ArrowMessageView& message,
                                          ArrowMessageWriter& writer, ProjectedBytes& out) const {
  int64_t written = 0;  // body bytes of the runs so far
  for (const Run& run : runs_) {
    const Parsed<BodyRange> body = BodyOf(message, run);
    if (!body) return std::unexpected(body.error());
    for (uint32_t i = run.first_node; i < run.end_node; ++i)
      writer.AddNode(message.node(i));
    ArrowBuffer buffer = message.buffer(run.first_buffer);
    for (uint32_t i = run.first_buffer; i < run.end_buffer; ++i) {
      const bool last = i + 1 == run.end_buffer;
      const ArrowBuffer next = last ? ArrowBuffer{body->end, 0} : message.buffer(i + 1);
      if (next.offset < buffer.offset || next.offset > body->end || buffer.length < 0 ||
          buffer.length > next.offset - buffer.offset) {
        return std::unexpected("its Arrow buffers overlap");
      }
      writer.AddBuffer({written + (buffer.offset - body->begin), buffer.length});
      buffer = next;
    }
    out.Add(message.body().subspan(static_cast<size_t>(body->begin),
                                   static_cast<size_t>(body->end - body->begin)));
    written += body->end - body->begin;
  }
  return static_cast<uint64_t>(written);
}

uint64_t ProjectionPlan::EmitFill(const LocatedBatch& located, uint64_t at,
                                  ArrowMessageWriter& writer, ProjectedBytes& out) const {
  const auto rows = static_cast<uint64_t>(located.stored.header.record_count);
  const BodyCodec codec = located.records.message.codec();
  const ByteView block(ZeroBlock());
  for (const FillNode& node : fill_) {
    const auto length = node.has_rows ? static_cast<int64_t>(rows) : 0;
    writer.AddNode({length, length});
    for (uint32_t k = 0; k < node.shape.buffer_count; ++k) {
      const uint64_t bytes = FillBufferBytes(node.shape, node.has_rows, k, rows, codec);
      writer.AddBuffer({static_cast<int64_t>(at), static_cast<int64_t>(bytes)});
      at += Padded(bytes);
      if (bytes == 0) continue;
      uint64_t zeros = Padded(bytes);
      if (codec != BodyCodec::kNone) {
        out.Add(block.first(kCompressedLengthBytes));
        zeros -= kCompressedLengthBytes;
      }
      AddZeros(zeros, out);
    }
  }
  return at;
}

Status ProjectionPlan::Emit(const LocatedBatch& located, ProjectedBytes& out) const {
  if (located.empty) {
    out.Add(located.stored.bytes);
    return {};
  }
  const ArrowMessageView& message = located.records.message;
  const ByteView change_types = located.records.change_types;
  const size_t copied = change_types.size() <= kMaxCopiedChangeTypes ? change_types.size() : 0;
  const size_t header_bytes = located.stored.header.header_bytes;
  const size_t message_bytes = ArrowMessageBytes(output_nodes_, output_buffers_, message.codec());
  const size_t prefix_bytes = header_bytes + copied + message_bytes;
  const MutableByteView prefix = out.AllocatePrefix(prefix_bytes);
  const MutableByteView head = prefix.first(header_bytes + copied);
  const MutableByteView metadata = prefix.subspan(head.size());

  // Everything but the sizes stays, the CRC too: clients do not check it under projection.
  BatchHeader header = located.stored.header;
  header.size_bytes = static_cast<uint32_t>(located.size_bytes);
  header.statistics_bytes = 0;
  WriteBatchHeader(head, header);
  std::ranges::copy(change_types.first(copied),
                    head.begin() + static_cast<ptrdiff_t>(header_bytes));
  const ProjectedBytes::Mark before = out.mark();
  out.Add(head);
  // A kept head does not live as long as the batch.
  out.Add(located.stored.bytes.subspan(located.stored.header.records_position(),
                                       change_types.size() - copied));
  out.Add(metadata);

  ArrowMessageWriter writer(metadata.data(), output_nodes_, output_buffers_, message.codec(),
                            message.row_count());
  Parsed<uint64_t> stored = EmitRuns(message, writer, out);
  if (stored && *stored != located.body_bytes - located.fill_bytes) {
    stored = std::unexpected("it changed while it was read");
  }
  if (!stored) {
    out.ReturnTo(before);
    out.ReturnPrefix(prefix_bytes);
    return Corrupt(located.stored.header, stored.error());
  }
  const uint64_t body_bytes = EmitFill(located, *stored, writer, out);
  STROM_CHECK(body_bytes == located.body_bytes);
  writer.Finish(static_cast<int64_t>(body_bytes));
  return {};
}

}  // namespace strom::format
