#include "format/batch_ranges.h"

#include <bit>
#include <cmath>

#include "format/arrow_message.h"
#include "format/arrow_values.h"
#include "format/compression.h"

namespace strom::format {
namespace {

// Which of a column's values are there. Without a bitmap all are.
struct Validity {
  ByteView bitmap;

  bool operator()(size_t i) const { return bitmap.empty() || (bitmap[i / 8] >> (i % 8) & 1) != 0; }
};

size_t CountSet(ByteView bitmap, size_t rows) {
  size_t count = 0;
  for (size_t i = 0; i < rows / 8; ++i)
    count += static_cast<size_t>(std::popcount(bitmap[i]));
  for (size_t i = rows / 8 * 8; i < rows; ++i)
    count += bitmap[i / 8] >> (i % 8) & 1;
  return count;
}

// Positions of the smallest and the greatest value under `less`, as values of `T` at `stride`.
template <class T, class Less>
std::optional<std::pair<size_t, size_t>> Extremes(ByteView values, size_t rows,
                                                  const Validity& valid, Less less) {
  const auto at = [&](size_t i) { return LoadLittle<T>(values.data() + i * sizeof(T)); };
  std::optional<std::pair<size_t, size_t>> found;
  T min{};
  T max{};
  for (size_t i = 0; i < rows; ++i) {
    if (!valid(i)) continue;
    const T value = at(i);
    if (!found) {
      found.emplace(i, i);
      min = max = value;
      continue;
    }
    if (less(value, min)) {
      min = value;
      found->first = i;
    }
    if (less(max, value)) {
      max = value;
      found->second = i;
    }
  }
  return found;
}

// NaN above everything, -0.0 below 0.0 (spec 02, 4.4).
template <class Float, class Bits>
bool TotalLess(Bits a, Bits b) {
  const auto x = std::bit_cast<Float>(a);
  const auto y = std::bit_cast<Float>(b);
  if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
  if (x == y) return std::signbit(x) && !std::signbit(y);
  return x < y;
}

struct Decimal128 {
  uint64_t low;
  int64_t high;
};

std::optional<std::pair<size_t, size_t>> DecimalExtremes(ByteView values, size_t rows,
                                                         const Validity& valid) {
  const auto at = [&](size_t i) {
    return Decimal128{LoadLittle<uint64_t>(values.data() + i * 16),
                      LoadLittle<int64_t>(values.data() + i * 16 + 8)};
  };
  const auto less = [](const Decimal128& a, const Decimal128& b) {
    return a.high != b.high ? a.high < b.high : a.low < b.low;
  };
  std::optional<std::pair<size_t, size_t>> found;
  for (size_t i = 0; i < rows; ++i) {
    if (!valid(i)) continue;
    if (!found) found.emplace(i, i);
    if (less(at(i), at(found->first))) found->first = i;
    if (less(at(found->second), at(i))) found->second = i;
  }
  return found;
}

std::optional<std::pair<size_t, size_t>> FixedExtremes(const DataType& type, ByteView values,
                                                       size_t rows, const Validity& valid) {
  if (type.root == TypeRoot::kFloat) {
    return Extremes<uint32_t>(values, rows, valid, TotalLess<float, uint32_t>);
  }
  if (type.root == TypeRoot::kDouble) {
    return Extremes<uint64_t>(values, rows, valid, TotalLess<double, uint64_t>);
  }
  switch (ArrowWidth(type)) {
    case 1:
      return Extremes<int8_t>(values, rows, valid, std::less<>());
    case 2:
      return Extremes<int16_t>(values, rows, valid, std::less<>());
    case 4:
      return Extremes<int32_t>(values, rows, valid, std::less<>());
    case 8:
      return Extremes<int64_t>(values, rows, valid, std::less<>());
    default:
      return DecimalExtremes(values, rows, valid);
  }
}

// A short text that is not above `text`, or not below it.
Value LowerBound(std::string_view text) {
  return Value::Text(text.substr(0, kMaxBoundBytes));
}
Value UpperBound(std::string_view text) {
  if (text.size() <= kMaxBoundBytes) return Value::Text(text);
  std::string bound(text.substr(0, kMaxBoundBytes));
  while (!bound.empty() && static_cast<uint8_t>(bound.back()) == 0xff)
    bound.pop_back();
  if (bound.empty()) return Value::Null();
  bound.back() = static_cast<char>(static_cast<uint8_t>(bound.back()) + 1);
  return Value::Text(bound);
}

// The buffers of one column, decompressed.
class ColumnReader {
 public:
  ColumnReader(const ArrowMessageView& message, const ShapeColumn& place)
      : message_(message), place_(place) {}

  Parsed<ByteView> Buffer(size_t number) {
    if (number >= place_.buffer_count) return std::unexpected("a buffer is missing");
    const ArrowBuffer buffer = message_.buffer(place_.first_buffer + number);
    const ByteView body = message_.body();
    if (buffer.offset < 0 || buffer.length < 0 ||
        static_cast<uint64_t>(buffer.offset) > body.size() ||
        static_cast<uint64_t>(buffer.length) > body.size() - static_cast<uint64_t>(buffer.offset)) {
      return std::unexpected("a buffer lies outside of the body");
    }
    return DecodeBuffer(
        body.subspan(static_cast<size_t>(buffer.offset), static_cast<size_t>(buffer.length)),
        message_.codec(), storage_[number]);
  }

 private:
  const ArrowMessageView& message_;
  const ShapeColumn& place_;
  std::array<Bytes, 3> storage_;
};

Parsed<void> BooleanRange(ColumnReader& reader, size_t rows, const Validity& valid,
                          ColumnRange& range) {
  const auto bits = reader.Buffer(1);
  if (!bits) return std::unexpected(bits.error());
  if (bits->size() < (rows + 7) / 8) return std::unexpected("a bitmap is too short");
  bool any_true = false;
  bool any_false = false;
  for (size_t i = 0; i < rows; ++i) {
    if (!valid(i)) continue;
    ((*bits)[i / 8] >> (i % 8) & 1 ? any_true : any_false) = true;
  }
  if (!any_true && !any_false) return {};
  range.min = Value::Bool(!any_false);
  range.max = Value::Bool(any_true);
  return {};
}

Parsed<void> TextRange(ColumnReader& reader, size_t rows, const Validity& valid,
                       ColumnRange& range) {
  const auto offsets = reader.Buffer(1);
  if (!offsets) return std::unexpected(offsets.error());
  const auto bytes = reader.Buffer(2);
  if (!bytes) return std::unexpected(bytes.error());
  if (offsets->size() / 4 < rows + 1) return std::unexpected("offsets are too short");
  std::optional<std::string_view> min;
  std::optional<std::string_view> max;
  const auto offset_at = [&](size_t i) { return LoadLittle<int32_t>(offsets->data() + i * 4); };
  for (size_t i = 0; i < rows; ++i) {
    const int32_t begin = offset_at(i);
    const int32_t end = offset_at(i + 1);
    if (begin < 0 || end < begin || static_cast<size_t>(end) > bytes->size()) {
      return std::unexpected("a string lies outside of its buffer");
    }
    if (!valid(i)) continue;
    const std::string_view text =
        AsText(bytes->subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
    if (!min || text < *min) min = text;
    if (!max || text > *max) max = text;
  }
  if (!min) return {};
  range.min = LowerBound(*min);
  range.max = UpperBound(*max);
  return {};
}

Parsed<void> FixedRange(ColumnReader& reader, const DataType& type, size_t rows,
                        const Validity& valid, ColumnRange& range) {
  const auto values = reader.Buffer(1);
  if (!values) return std::unexpected(values.error());
  const size_t width = ArrowWidth(type);
  if (values->size() / width < rows) return std::unexpected("a column is too short");
  const auto found = FixedExtremes(type, *values, rows, valid);
  if (!found) return {};
  range.min = ArrowValue(type, values->data() + found->first * width);
  range.max = ArrowValue(type, values->data() + found->second * width);
  return {};
}

Parsed<ColumnRange> RangeOfColumn(const ArrowMessageView& message, const DataType& type,
                                  const ShapeColumn& place, size_t rows) {
  const ArrowNode node = message.node(place.first_node);
  if (node.length < 0 || static_cast<uint64_t>(node.length) != rows) {
    return std::unexpected("a column has another length");
  }
  ColumnReader reader(message, place);
  const auto bitmap = reader.Buffer(0);
  if (!bitmap) return std::unexpected(bitmap.error());
  if (!bitmap->empty() && bitmap->size() < (rows + 7) / 8) {
    return std::unexpected("a validity bitmap is too short");
  }
  const Validity valid{*bitmap};
  ColumnRange range;
  range.null_count = bitmap->empty() ? 0 : static_cast<int64_t>(rows - CountSet(*bitmap, rows));
  Parsed<void> done;
  if (type.root == TypeRoot::kBoolean) {
    done = BooleanRange(reader, rows, valid, range);
  } else if (type.root == TypeRoot::kChar || type.root == TypeRoot::kString) {
    done = TextRange(reader, rows, valid, range);
  } else {
    done = FixedRange(reader, type, rows, valid, range);
  }
  if (!done) return std::unexpected(done.error());
  return range;
}

}  // namespace

bool CanHaveRange(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return false;
    default:
      return true;
  }
}

RangeBuilder::RangeBuilder(const Schema& schema, std::vector<size_t> columns) {
  const SchemaShape shape = SchemaShape::Make(schema);
  node_count_ = shape.nodes.size();
  buffer_count_ = shape.buffer_count;
  for (const size_t column : columns) {
    if (!CanHaveRange(schema.columns[column].type)) continue;
    columns_.push_back(column);
    types_.push_back(schema.columns[column].type);
    places_.push_back(shape.columns[column]);
  }
}

Result<std::vector<ColumnRange>> RangeBuilder::Compute(ByteView batch,
                                                       const BatchHeader& header) const {
  std::vector<ColumnRange> ranges(columns_.size());
  if (header.record_count == 0) {
    for (ColumnRange& range : ranges)
      range.null_count = 0;
    return ranges;
  }
  const auto corrupt = [&](std::string_view problem) {
    return Fail(ErrorCode::kCorruptRecord, "The batch at offset {} cannot be decoded: {}.",
                header.base_offset, problem);
  };
  const auto records = ReadArrowRecords(batch, header);
  if (!records) return corrupt(records.error());
  const ArrowMessageView& message = records->message;
  if (message.row_count() != header.record_count || message.node_count() != node_count_ ||
      message.buffer_count() != buffer_count_) {
    return corrupt("its metadata does not fit the schema");
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto range =
        RangeOfColumn(message, types_[i], places_[i], static_cast<size_t>(header.record_count));
    if (!range) return corrupt(range.error());
    ranges[i] = std::move(*range);
  }
  return ranges;
}

}  // namespace strom::format
