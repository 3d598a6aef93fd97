#include "format/statistics.h"

#include "format/aligned_row.h"
#include "format/batch_ranges.h"

namespace strom::format {
namespace {

constexpr int8_t kVersion = 1;

std::optional<std::vector<StatedRange>> Parse(ByteView section, const Schema& schema) {
  ByteReader reader(section);
  const auto version = reader.Little<int8_t>();
  const auto count = reader.Little<int16_t>();
  if (!version || *version != kVersion || !count || *count <= 0) return std::nullopt;
  const auto columns = static_cast<size_t>(*count);
  std::vector<StatedRange> ranges(columns);
  for (StatedRange& range : ranges) {
    const auto index = reader.Little<int16_t>();
    if (!index || *index < 0 || static_cast<size_t>(*index) >= schema.columns.size()) {
      return std::nullopt;
    }
    range.column = static_cast<size_t>(*index);
    if (!CanHaveRange(schema.columns[range.column].type)) return std::nullopt;
  }
  for (StatedRange& range : ranges) {
    const auto nulls = reader.Little<int32_t>();
    if (!nulls) return std::nullopt;
    range.range.null_count = *nulls < 0 ? -1 : *nulls;
  }
  for (Value ColumnRange::* bound : {&ColumnRange::min, &ColumnRange::max}) {
    const auto size = reader.Little<int32_t>();
    if (!size || *size <= 0) return std::nullopt;
    const auto bytes = reader.Take(static_cast<uint64_t>(*size));
    if (!bytes) return std::nullopt;
    const auto row = AlignedRowView::Open(*bytes, columns);
    if (!row) return std::nullopt;
    for (size_t i = 0; i < columns; ++i) {
      auto value = row->Field(i, schema.columns[ranges[i].column].type);
      if (!value) return std::nullopt;
      ranges[i].range.*bound = std::move(*value);
    }
  }
  if (!reader.done()) return std::nullopt;
  return ranges;
}

}  // namespace

std::vector<StatedRange> ReadStatistics(ByteView batch, const BatchHeader& header,
                                        const Schema& schema) {
  if (header.statistics_bytes == 0) return {};
  const ByteView section = batch.subspan(header.header_bytes, header.statistics_bytes);
  auto ranges = Parse(section, schema);
  return ranges ? std::move(*ranges) : std::vector<StatedRange>();
}

}  // namespace strom::format
