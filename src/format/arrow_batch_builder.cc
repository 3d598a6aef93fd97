#include "format/arrow_batch_builder.h"

#include <bit>

#include "base/check.h"
#include "format/arrow_values.h"
#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr size_t kBufferAlignment = 8;
constexpr const char* kCutOff = "the row ends inside the field";
constexpr const char* kTooLong = "a column of the batch passes 2 GiB";
constexpr const char* kNoVarint = "an integer is no varint of its width";

std::unexpected<Error> Corrupt(size_t column, const char* problem) {
  return Fail(ErrorCode::kCorruptRecord, "Column {} of a row cannot be logged: {}.", column,
              problem);
}

template <class T>
bool StoreVarint32(ByteReader& in, ArrowColumn& column) {
  const auto number = ReadVarint32(in);
  if (number) StoreLittle(column.AppendFixed(), static_cast<T>(*number));
  return number.has_value();
}

bool TakeSized(ByteReader& in, ByteView& out) {
  const auto size = ReadVarint32(in);
  const auto bytes = size ? in.Take(*size) : std::nullopt;
  if (bytes) out = *bytes;
  return bytes.has_value();
}

const char* CopyDecimal(ByteReader& in, const DataType& type, ArrowColumn& column) {
  Int128 unscaled = 0;
  if (IsCompactDecimal(type)) {
    const auto narrow = ReadVarint64(in);
    if (!narrow) return kNoVarint;
    unscaled = static_cast<int64_t>(*narrow);
  } else {
    ByteView bytes;
    if (!TakeSized(in, bytes)) return kCutOff;
    const auto wide = ParseDecimalBytes(bytes);
    if (!wide) return "the decimal has no 1 to 16 bytes";
    unscaled = *wide;
  }
  return StoreArrowValue(type, Value::Decimal(unscaled), column.AppendFixed());
}

const char* CopyTimestamp(ByteReader& in, const DataType& type, ArrowColumn& column) {
  const auto ms = ReadVarint64(in);
  if (!ms) return kNoVarint;
  uint32_t nanos = 0;
  if (!IsCompactTimestamp(type)) {
    const auto read = ReadVarint32(in);
    if (!read) return kNoVarint;
    nanos = *read;
  }
  return StoreArrowTimestamp(type, {static_cast<int64_t>(*ms), static_cast<int32_t>(nanos)},
                             column.AppendFixed());
}

const char* CopyNested(ByteReader& in, const DataType& type, ArrowColumn& column) {
  ByteView bytes;
  if (!TakeSized(in, bytes)) return kCutOff;
  DecodeContext context;
  Value value;
  if (!DecodeNested(RowFormat::kCompacted, bytes, type, context, value)) return context.problem;
  return column.AppendValue(type, value);
}

// The next field of a CompactedRow into its column (spec 03, 3). nullptr or the problem.
const char* CopyField(ByteReader& in, const DataType& type, ArrowColumn& column) {
  switch (type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
      return StoreVarint32<int32_t>(in, column) ? nullptr : kNoVarint;
    case TypeRoot::kTime: {
      const auto ms = ReadVarint32(in);
      if (!ms) return kNoVarint;
      return StoreArrowValue(type, Value::Int(static_cast<int32_t>(*ms)), column.AppendFixed());
    }
    case TypeRoot::kBigInt: {
      const auto number = ReadVarint64(in);
      if (!number) return kNoVarint;
      StoreLittle(column.AppendFixed(), *number);
      return nullptr;
    }
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBytes: {
      ByteView bytes;
      if (!TakeSized(in, bytes)) return kCutOff;
      return column.AppendText(bytes) ? nullptr : kTooLong;
    }
    case TypeRoot::kBinary: {
      ByteView bytes;
      if (!TakeSized(in, bytes)) return kCutOff;
      return StoreArrowBinary(type, bytes, column.AppendFixed());
    }
    case TypeRoot::kDecimal:
      return CopyDecimal(in, type, column);
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return CopyTimestamp(in, type, column);
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return CopyNested(in, type, column);
    case TypeRoot::kBoolean: {
      const auto flag = in.Little<uint8_t>();
      if (!flag) return kCutOff;
      column.AppendBool(*flag != 0);
      return nullptr;
    }
    default: {  // TINYINT, SMALLINT, FLOAT, DOUBLE: the same bytes in both
      const auto bytes = in.Take(column.width());
      if (!bytes) return kCutOff;
      std::memcpy(column.AppendFixed(), bytes->data(), bytes->size());
      return nullptr;
    }
  }
}

}  // namespace

ArrowBatchBuilder::ArrowBatchBuilder(std::vector<DataType> types, BodyCodec codec, int zstd_level)
    : types_(std::move(types)), compressor_(codec, zstd_level) {
  columns_.reserve(types_.size());
  for (const DataType& type : types_) {
    columns_.emplace_back(type);
    node_count_ += columns_.back().NodeCount();
    buffer_count_ += columns_.back().BufferCount();
  }
}

void ArrowBatchBuilder::Clear() {
  rows_ = 0;
  for (ArrowColumn& column : columns_)
    column.Clear();
}

Status ArrowBatchBuilder::AppendRow(RowFormat format, ByteView row, RowType row_types) {
  STROM_CHECK(row_types.size() <= types_.size());
  if (format == RowFormat::kCompacted) return AppendCompacted(row, row_types);
  STROM_TRY(Row values, DecodeRow(format, row, row_types));
  values.resize(types_.size());
  return AppendValues(values);
}

Status ArrowBatchBuilder::AppendCompacted(ByteView row, RowType row_types) {
  ByteReader in(row);
  const auto nulls = in.Take((row_types.size() + 7) / 8);
  if (!nulls) return Corrupt(0, "the row is shorter than its null bitmap");
  for (size_t i = 0; i < row_types.size(); ++i) {
    if (row_types[i].nullable && BitAt(*nulls, i)) {
      columns_[i].AppendNull();
    } else if (const char* problem = CopyField(in, row_types[i], columns_[i])) {
      return Corrupt(i, problem);
    }
  }
  for (size_t i = row_types.size(); i < columns_.size(); ++i)
    columns_[i].AppendNull();
  ++rows_;
  return {};
}

Status ArrowBatchBuilder::AppendValues(std::span<const Value> row) {
  STROM_CHECK(row.size() == types_.size());
  for (size_t i = 0; i < row.size(); ++i) {
    if (const char* problem = columns_[i].AppendValue(types_[i], row[i])) {
      return Corrupt(i, problem);
    }
  }
  ++rows_;
  return {};
}

void ArrowBatchBuilder::Finish(Bytes& out) {
  STROM_CHECK(rows_ > 0);
  const size_t start = out.size();
  out.resize(start + ArrowMessageBytes(node_count_, buffer_count_, compressor_.codec()));
  const size_t body = out.size();
  std::vector<ArrowNode> nodes;
  std::vector<ArrowBuffer> buffers;
  nodes.reserve(node_count_);
  buffers.reserve(buffer_count_);
  auto on_node = [&](size_t rows, size_t nulls) {
    nodes.push_back({static_cast<int64_t>(rows), static_cast<int64_t>(nulls)});
  };
  auto on_buffer = [&](ByteView buffer) {
    const size_t at = out.size();
    compressor_.AppendBuffer(buffer, out);
    buffers.push_back({static_cast<int64_t>(at - body), static_cast<int64_t>(out.size() - at)});
    const size_t used = out.size() - body;
    out.resize(body + (used + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment);
  };
  for (const ArrowColumn& column : columns_)
    column.Visit(on_node, on_buffer);
  ArrowMessageWriter writer(out.data() + start, node_count_, buffer_count_, compressor_.codec(),
                            static_cast<int64_t>(rows_));
  for (const ArrowNode& node : nodes)
    writer.AddNode(node);
  for (const ArrowBuffer& buffer : buffers)
    writer.AddBuffer(buffer);
  writer.Finish(static_cast<int64_t>(out.size() - body));
  Clear();
}

}  // namespace strom::format
