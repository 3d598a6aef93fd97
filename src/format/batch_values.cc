#include "format/batch_values.h"

#include <algorithm>
#include <limits>

#include "format/arrow_message.h"
#include "format/arrow_values.h"
#include "format/compression.h"
#include "format/record_walk.h"

namespace strom::format {
namespace {

// Values of one batch, all columns together.
constexpr size_t kMaxValuesPerBatch = 50'000'000;

using Column = std::vector<Value>;

// Walks nodes and buffers in pre-order, as the schema lists them.
class ArrowDecoder {
 public:
  explicit ArrowDecoder(const ArrowMessageView& message) : message_(message) {}

  Parsed<Column> Decode(const DataType& type) {
    if (next_node_ == message_.node_count()) return std::unexpected("nodes are missing");
    const ArrowNode node = message_.node(next_node_++);
    if (node.length < 0 || values_ + static_cast<uint64_t>(node.length) > kMaxValuesPerBatch) {
      return std::unexpected("a column has an impossible length");
    }
    const auto rows = static_cast<size_t>(node.length);
    values_ += rows;
    Bytes validity_storage;
    auto validity = NextBuffer(validity_storage);
    if (!validity) return std::unexpected(validity.error());
    if (!validity->empty() && validity->size() < (rows + 7) / 8) {
      return std::unexpected("a validity bitmap is too short");
    }
    auto column = DecodeValues(type, rows);
    if (!column) return column;
    for (size_t i = 0; i < rows && !validity->empty(); ++i) {
      if (((*validity)[i / 8] >> (i % 8) & 1) == 0) (*column)[i] = Value::Null();
    }
    return column;
  }

 private:
  Parsed<ByteView> NextBuffer(Bytes& storage) {
    if (next_buffer_ == message_.buffer_count()) return std::unexpected("buffers are missing");
    const ArrowBuffer buffer = message_.buffer(next_buffer_++);
    const ByteView body = message_.body();
    if (buffer.offset < 0 || buffer.length < 0 ||
        static_cast<uint64_t>(buffer.offset) > body.size() ||
        static_cast<uint64_t>(buffer.length) > body.size() - static_cast<uint64_t>(buffer.offset)) {
      return std::unexpected("a buffer lies outside of the body");
    }
    return DecodeBuffer(
        body.subspan(static_cast<size_t>(buffer.offset), static_cast<size_t>(buffer.length)),
        message_.codec(), storage);
  }

  Parsed<Column> DecodeValues(const DataType& type, size_t rows) {
    switch (type.root) {
      case TypeRoot::kArray:
        return DecodeList(type.children[0], rows);
      case TypeRoot::kMap:
        return DecodeMap(type, rows);
      case TypeRoot::kRow:
        return DecodeStruct(type, rows);
      case TypeRoot::kChar:
      case TypeRoot::kString:
      case TypeRoot::kBytes:
        return DecodeStrings(rows);
      case TypeRoot::kBoolean:
        return DecodeBooleans(rows);
      default:
        return DecodeFixed(type, rows);
    }
  }

  Parsed<Column> DecodeBooleans(size_t rows) {
    Bytes storage;
    auto bits = NextBuffer(storage);
    if (!bits) return std::unexpected(bits.error());
    if (bits->size() < (rows + 7) / 8) return std::unexpected("a bitmap is too short");
    Column column(rows);
    for (size_t i = 0; i < rows; ++i)
      column[i] = Value::Bool(((*bits)[i / 8] >> (i % 8) & 1) != 0);
    return column;
  }

  Parsed<Column> DecodeFixed(const DataType& type, size_t rows) {
    const size_t width = ArrowWidth(type);
    Bytes storage;
    auto bytes = NextBuffer(storage);
    if (!bytes) return std::unexpected(bytes.error());
    if (width != 0 && bytes->size() / width < rows) return std::unexpected("a column is too short");
    Column column(rows);
    for (size_t i = 0; i < rows; ++i)
      column[i] = ArrowValue(type, bytes->data() + i * width);
    return column;
  }

  // rows + 1 ascending offsets within [0, limit]; none for no rows.
  Parsed<std::vector<size_t>> Offsets(size_t rows) {
    Bytes storage;
    auto bytes = NextBuffer(storage);
    if (!bytes) return std::unexpected(bytes.error());
    std::vector<size_t> offsets(rows + 1, 0);
    if (rows == 0) return offsets;
    if (bytes->size() / 4 < rows + 1) return std::unexpected("offsets are too short");
    for (size_t i = 0; i <= rows; ++i) {
      const auto offset = LoadLittle<int32_t>(bytes->data() + i * 4);
      if (offset < 0 || (i > 0 && static_cast<size_t>(offset) < offsets[i - 1])) {
        return std::unexpected("offsets do not ascend");
      }
      offsets[i] = static_cast<size_t>(offset);
    }
    return offsets;
  }

  Parsed<Column> DecodeStrings(size_t rows) {
    auto offsets = Offsets(rows);
    if (!offsets) return std::unexpected(offsets.error());
    Bytes storage;
    auto bytes = NextBuffer(storage);
    if (!bytes) return std::unexpected(bytes.error());
    if (offsets->back() > bytes->size()) return std::unexpected("a string ends outside");
    Column column(rows);
    for (size_t i = 0; i < rows; ++i) {
      const size_t begin = (*offsets)[i];
      column[i] = Value::Text(AsText(bytes->subspan(begin, (*offsets)[i + 1] - begin)));
    }
    return column;
  }

  Parsed<Column> DecodeList(const DataType& element, size_t rows) {
    auto offsets = Offsets(rows);
    if (!offsets) return std::unexpected(offsets.error());
    auto items = Decode(element);
    if (!items) return items;
    if (offsets->back() > items->size()) return std::unexpected("a list ends outside");
    Column column(rows);
    for (size_t i = 0; i < rows; ++i) {
      column[i] =
          Value::List(ValueList(items->begin() + static_cast<ptrdiff_t>((*offsets)[i]),
                                items->begin() + static_cast<ptrdiff_t>((*offsets)[i + 1])));
    }
    return column;
  }

  // A list of structs (key, value).
  Parsed<Column> DecodeMap(const DataType& type, size_t rows) {
    const DataType entries{.root = TypeRoot::kRow, .nullable = false, .children = type.children};
    auto lists = DecodeList(entries, rows);
    if (!lists) return lists;
    for (Value& list : *lists) {
      MapValue map;
      for (const Value& entry : *list.As<ValueList>()) {
        const ValueList* pair = entry.As<ValueList>();
        if (pair == nullptr) return std::unexpected("a map has a null entry");
        map.keys.push_back((*pair)[0]);
        map.values.push_back((*pair)[1]);
      }
      list = Value::Map(std::move(map));
    }
    return lists;
  }

  Parsed<Column> DecodeStruct(const DataType& type, size_t rows) {
    Column column(rows, Value::List(ValueList(type.children.size())));
    for (size_t f = 0; f < type.children.size(); ++f) {
      auto field = Decode(type.children[f]);
      if (!field) return field;
      if (field->size() < rows) return std::unexpected("a field is shorter than its struct");
      for (size_t i = 0; i < rows; ++i) {
        std::get<ValueList>(column[i].data)[f] = std::move((*field)[i]);
      }
    }
    return column;
  }

  const ArrowMessageView& message_;
  size_t next_node_ = 0;
  size_t next_buffer_ = 0;
  uint64_t values_ = 0;
};

std::unexpected<Error> Corrupt(const BatchHeader& header, std::string_view problem) {
  return Fail(ErrorCode::kCorruptRecord, "The batch at offset {} cannot be decoded: {}.",
              header.base_offset, problem);
}

Result<std::vector<DecodedRecord>> DecodeArrow(ByteView batch, const BatchHeader& header,
                                               const Schema& schema) {
  std::vector<DecodedRecord> records;
  if (header.record_count == 0) return records;
  const auto arrow = ReadArrowRecords(batch, header);
  if (!arrow) return Corrupt(header, arrow.error());
  if (arrow->message.row_count() != header.record_count) {
    return Corrupt(header, "its row count is not its record count");
  }
  ArrowDecoder decoder(arrow->message);
  const auto rows = static_cast<size_t>(header.record_count);
  std::vector<Column> columns;
  for (const strom::format::Column& column : schema.columns) {
    auto decoded = decoder.Decode(column.type);
    if (!decoded) return Corrupt(header, decoded.error());
    if (decoded->size() != rows) return Corrupt(header, "a column has another length");
    columns.push_back(std::move(*decoded));
  }
  records.reserve(rows);
  for (size_t i = 0; i < rows; ++i) {
    DecodedRecord& record = records.emplace_back();
    record.offset = header.base_offset + static_cast<int64_t>(i);
    if (!arrow->change_types.empty()) {
      record.change_type = static_cast<ChangeType>(arrow->change_types[i]);
    }
    for (Column& column : columns)
      record.row.push_back(std::move(column[i]));
  }
  return records;
}

Result<std::vector<DecodedRecord>> DecodeRows(ByteView batch, const BatchHeader& header,
                                              const Schema& schema, RowFormat format) {
  const std::vector<DataType> types = FieldTypes(schema);
  RecordWalk walk(batch.subspan(header.records_position()), header.record_count);
  std::vector<DecodedRecord> records;
  while (!walk.done()) {
    const auto raw = walk.Next();
    if (!raw) return Corrupt(header, raw.error());
    STROM_TRY(Row row, DecodeRow(format, raw->row, types));
    records.push_back({header.base_offset + static_cast<int64_t>(records.size()), raw->change_type,
                       std::move(row)});
  }
  return records;
}

}  // namespace

Result<std::vector<DecodedRecord>> DecodeBatch(ByteView batch, const Schema& schema,
                                               LogFormat log_format) {
  const auto header = ReadBatchHeader(batch);
  if (!header || header->size_bytes != batch.size()) {
    return Fail(ErrorCode::kCorruptRecord, "{} bytes are not one batch.", batch.size());
  }
  if (header->record_count >
      std::numeric_limits<int64_t>::max() - std::max(header->base_offset.value, int64_t{0})) {
    return Corrupt(*header, "its offsets leave 63 bits");
  }
  switch (log_format) {
    case LogFormat::kArrow:
      return DecodeArrow(batch, *header, schema);
    case LogFormat::kIndexed:
      return DecodeRows(batch, *header, schema, RowFormat::kIndexed);
    case LogFormat::kCompacted:
      return DecodeRows(batch, *header, schema, RowFormat::kCompacted);
  }
  return Corrupt(*header, "its format is unknown");
}

}  // namespace strom::format
