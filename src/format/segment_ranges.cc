#include "format/segment_ranges.h"

#include <algorithm>
#include <bit>

#include "base/crc32c.h"

namespace strom::format {
namespace {

constexpr std::string_view kMagic = "STROMCR1";

enum class BoundKind : uint8_t {
  kNone = 0,
  kBool = 1,
  kInt = 2,
  kFloat = 3,
  kDouble = 4,
  kText = 5,
  kDecimal = 6,
  kTimestamp = 7,
};

uint64_t ZigZag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

void AppendKind(Bytes& out, BoundKind kind) {
  out.push_back(static_cast<uint8_t>(kind));
}

void AppendBound(Bytes& out, const Value& value) {
  if (const bool* b = value.As<bool>()) {
    AppendKind(out, BoundKind::kBool);
    out.push_back(*b ? 1 : 0);
  } else if (const int64_t* i = value.As<int64_t>()) {
    AppendKind(out, BoundKind::kInt);
    AppendVarint(out, ZigZag(*i));
  } else if (const float* f = value.As<float>()) {
    AppendKind(out, BoundKind::kFloat);
    AppendLittle(out, std::bit_cast<uint32_t>(*f));
  } else if (const double* d = value.As<double>()) {
    AppendKind(out, BoundKind::kDouble);
    AppendLittle(out, std::bit_cast<uint64_t>(*d));
  } else if (const std::string* text = value.As<std::string>()) {
    AppendKind(out, BoundKind::kText);
    AppendVarint(out, uint64_t{text->size()});
    Append(out, AsBytes(*text));
  } else if (const DecimalValue* decimal = value.As<DecimalValue>()) {
    AppendKind(out, BoundKind::kDecimal);
    AppendLittle(out, static_cast<uint64_t>(decimal->unscaled));
    AppendLittle(out, static_cast<int64_t>(decimal->unscaled >> 64));
  } else if (const TimestampValue* time = value.As<TimestampValue>()) {
    AppendKind(out, BoundKind::kTimestamp);
    AppendVarint(out, ZigZag(time->ms));
    AppendVarint(out, static_cast<uint64_t>(time->nano_of_ms));
  } else {
    AppendKind(out, BoundKind::kNone);
  }
}

std::optional<Value> ReadBound(ByteReader& reader) {
  const auto kind = reader.Little<uint8_t>();
  if (!kind) return std::nullopt;
  switch (static_cast<BoundKind>(*kind)) {
    case BoundKind::kNone:
      return Value::Null();
    case BoundKind::kBool: {
      const auto value = reader.Little<uint8_t>();
      if (!value) return std::nullopt;
      return Value::Bool(*value != 0);
    }
    case BoundKind::kInt: {
      const auto value = reader.Varint<uint64_t>();
      if (!value) return std::nullopt;
      return Value::Int(UnZigZag(*value));
    }
    case BoundKind::kFloat: {
      const auto bits = reader.Little<uint32_t>();
      if (!bits) return std::nullopt;
      return Value::Float(std::bit_cast<float>(*bits));
    }
    case BoundKind::kDouble: {
      const auto bits = reader.Little<uint64_t>();
      if (!bits) return std::nullopt;
      return Value::Double(std::bit_cast<double>(*bits));
    }
    case BoundKind::kText: {
      const auto length = reader.Varint<uint64_t>();
      if (!length || *length > kMaxBoundBytes) return std::nullopt;
      const auto text = reader.Take(*length);
      if (!text) return std::nullopt;
      return Value::Text(AsText(*text));
    }
    case BoundKind::kDecimal: {
      const auto low = reader.Little<uint64_t>();
      const auto high = reader.Little<int64_t>();
      if (!low || !high) return std::nullopt;
      return Value::Decimal(static_cast<Int128>(*high) * (static_cast<Int128>(1) << 64) +
                            static_cast<Int128>(*low));
    }
    case BoundKind::kTimestamp: {
      const auto ms = reader.Varint<uint64_t>();
      const auto nanos = reader.Varint<uint64_t>();
      if (!ms || !nanos || *nanos > 999'999) return std::nullopt;
      return Value::TimestampOf(UnZigZag(*ms), static_cast<int32_t>(*nanos));
    }
  }
  return std::nullopt;
}

std::optional<BatchRanges> ReadBatch(ByteReader& reader) {
  const auto position = reader.Little<uint64_t>();
  const auto count = reader.Little<uint16_t>();
  if (!position || !count || *count > kMaxRangedColumns) return std::nullopt;
  BatchRanges batch{*position, {}};
  batch.columns.reserve(*count);
  for (uint16_t i = 0; i < *count; ++i) {
    const auto column = reader.Little<uint16_t>();
    const auto nulls = reader.Varint<uint64_t>();
    if (!column || !nulls || *nulls > uint64_t{INT64_MAX}) return std::nullopt;
    auto min = ReadBound(reader);
    if (!min) return std::nullopt;
    auto max = ReadBound(reader);
    if (!max) return std::nullopt;
    if (!batch.columns.empty() && batch.columns.back().first >= *column) return std::nullopt;
    batch.columns.emplace_back(
        *column, ColumnRange{static_cast<int64_t>(*nulls) - 1, std::move(*min), std::move(*max)});
  }
  return batch;
}

}  // namespace

const ColumnRange* SegmentRanges::Find(uint64_t position, size_t column) const {
  const auto batch = std::ranges::lower_bound(batches, position, {}, &BatchRanges::position);
  if (batch == batches.end() || batch->position != position) return nullptr;
  const auto entry = std::ranges::lower_bound(batch->columns, column, {},
                                              [](const auto& item) { return size_t{item.first}; });
  if (entry == batch->columns.end() || entry->first != column) return nullptr;
  return &entry->second;
}

uint64_t SegmentRanges::MemoryBytes() const {
  uint64_t bytes = sizeof(*this);
  for (const BatchRanges& batch : batches) {
    bytes += sizeof(BatchRanges) + batch.columns.capacity() * sizeof(batch.columns[0]);
  }
  return bytes;
}

std::vector<size_t> RangedColumns(const Schema& schema, const std::vector<std::string>* wanted) {
  std::vector<size_t> columns;
  for (size_t i = 0; i < schema.columns.size() && columns.size() < kMaxRangedColumns; ++i) {
    if (!CanHaveRange(schema.columns[i].type)) continue;
    if (wanted != nullptr && std::ranges::find(*wanted, schema.columns[i].name) == wanted->end()) {
      continue;
    }
    columns.push_back(i);
  }
  return columns;
}

void SegmentRanger::Extend(ByteView segment, SegmentRanges& ranges) {
  while (ranges.covered_bytes < segment.size()) {
    const uint64_t position = ranges.covered_bytes;
    const ByteView rest = segment.subspan(position);
    const auto header = ReadBatchHeader(rest);
    if (!header) return;
    ranges.covered_bytes += header->size_bytes;
    // A row of a changelog may take another back, so one that does not match matters, too.
    if (header->statistics_bytes > 0 || !header->append_only()) continue;
    auto [entry, is_new] = builders_.try_emplace(header->schema_id);
    if (is_new) {
      if (const Schema* schema = schema_of_(header->schema_id); schema != nullptr) {
        entry->second = std::make_unique<RangeBuilder>(*schema, RangedColumns(*schema, wanted_));
      }
    }
    if (!entry->second) continue;
    const RangeBuilder& builder = *entry->second;
    auto computed = builder.Compute(rest.first(header->size_bytes), *header);
    if (!computed) continue;
    BatchRanges batch{position, {}};
    batch.columns.reserve(computed->size());
    for (size_t i = 0; i < computed->size(); ++i) {
      batch.columns.emplace_back(static_cast<uint16_t>(builder.columns()[i]),
                                 std::move((*computed)[i]));
    }
    ranges.batches.push_back(std::move(batch));
  }
}

Bytes EncodeSegmentRanges(const SegmentRanges& ranges) {
  Bytes out;
  Append(out, AsBytes(kMagic));
  AppendLittle(out, ranges.covered_bytes);
  AppendLittle(out, static_cast<uint32_t>(ranges.batches.size()));
  for (const BatchRanges& batch : ranges.batches) {
    AppendLittle(out, batch.position);
    AppendLittle(out, static_cast<uint16_t>(batch.columns.size()));
    for (const auto& [column, range] : batch.columns) {
      AppendLittle(out, column);
      AppendVarint(out, static_cast<uint64_t>(range.null_count + 1));
      AppendBound(out, range.min);
      AppendBound(out, range.max);
    }
  }
  AppendLittle(out, Crc32c(out));
  return out;
}

std::optional<SegmentRanges> DecodeSegmentRanges(ByteView file) {
  if (file.size() < kMagic.size() + 4 || AsText(file.first(kMagic.size())) != kMagic) {
    return std::nullopt;
  }
  const ByteView checked = file.first(file.size() - 4);
  if (LoadLittle<uint32_t>(file.data() + checked.size()) != Crc32c(checked)) return std::nullopt;
  ByteReader reader(checked.subspan(kMagic.size()));
  const auto covered = reader.Little<uint64_t>();
  const auto count = reader.Little<uint32_t>();
  // A batch takes at least 10 bytes.
  if (!covered || !count || *count > reader.remaining() / 10) return std::nullopt;
  SegmentRanges ranges{*covered, {}};
  ranges.batches.reserve(*count);
  for (uint32_t i = 0; i < *count; ++i) {
    auto batch = ReadBatch(reader);
    if (!batch || batch->position >= *covered ||
        (i > 0 && batch->position <= ranges.batches.back().position)) {
      return std::nullopt;
    }
    ranges.batches.push_back(std::move(*batch));
  }
  if (!reader.done()) return std::nullopt;
  return ranges;
}

}  // namespace strom::format
