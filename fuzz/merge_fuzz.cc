// Bitmaps of both formats and rows of an aggregating table, garbage on either side: what unites
// must read back as a set, what merges must decode.
#include <span>

#include "base/check.h"
#include "format/type_text.h"
#include "kv/roaring32.h"
#include "kv/roaring64.h"
#include "kv/row_merger.h"
#include "schemas.h"

namespace {

using namespace strom;

// The input from its fourth byte on, cut in two; bytes 2 and 3 say where.
std::pair<ByteView, ByteView> Halves(ByteView input) {
  const ByteView rest = input.subspan(3);
  const size_t left = std::min<size_t>(LoadLittle<uint16_t>(input.data() + 1), rest.size());
  return {rest.first(left), rest.subspan(left)};
}

void CheckUnion(Result<Bytes> (*unite)(ByteView, ByteView),
                Result<kv::RoaringSet> (*parse)(ByteView), ByteView a, ByteView b) {
  const auto united = unite(a, b);
  if (!united) return;
  STROM_CHECK(parse(*united));
  // A union is in its smallest form, so uniting it with a part of it leaves it alone.
  const auto again = unite(*united, b);
  STROM_CHECK(again && *again == *united);
}

format::Schema AggregatingSchema() {
  format::Schema schema =
      fuzz::MakeSchema({"INT NOT NULL", "INT", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL(18, 2)",
                        "DECIMAL(38, 10)", "DECIMAL(38, 0)", "STRING", "STRING", "BOOLEAN",
                        "TIMESTAMP(9)", "BYTES", "BYTES", "ARRAY<STRING>"});
  const std::string_view functions[] = {
      "sum",     "product", "max",     "min", "sum",   "product", "sum",
      "listagg", "max",     "bool_or", "min", "rbm32", "rbm64",   "last_value_ignore_nulls"};
  for (size_t i = 0; i < std::size(functions); ++i)
    schema.columns[i + 1].agg_function = format::AggFunction{.type = std::string(functions[i])};
  schema.primary_key = {"c0"};
  return schema;
}

kv::TableLayout AggregatingTable(format::RowFormat row_format) {
  const auto schema = std::make_shared<const format::Schema>(AggregatingSchema());
  auto layout = kv::MakeTableLayout(
      {{SchemaId(1), schema}},
      {.row_format = row_format, .merge_engine = kv::MergeEngine::kAggregation});
  STROM_CHECK(layout);
  return *layout;
}

void MergeRows(format::RowFormat row_format, bool partial, ByteView a, ByteView b) {
  const kv::TableLayout layout = AggregatingTable(row_format);
  const int32_t some[] = {0, 1, 5, 8, 12};
  auto merger = kv::MakeRowMerger(
      layout, partial ? std::span<const int32_t>(some) : std::span<const int32_t>(), false);
  STROM_CHECK(merger);
  const auto outcome =
      (*merger)->Upsert(kv::StoredRow{SchemaId(1), a}, kv::StoredRow{SchemaId(1), b});
  if (outcome) STROM_CHECK(format::DecodeRow(row_format, outcome->row, layout.latest().types));
  (void)(*merger)->Delete(kv::StoredRow{SchemaId(1), a});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const auto [a, b] = Halves(ByteView(data, size));
  switch (data[0] % 6) {
    case 0:
      CheckUnion(kv::UniteRoaring32, kv::ParseRoaring32, a, b);
      break;
    case 1:
      CheckUnion(kv::UniteRoaring64, kv::ParseRoaring64, a, b);
      break;
    default:
      MergeRows(data[0] % 2 == 0 ? format::RowFormat::kCompacted : format::RowFormat::kIndexed,
                data[0] % 6 >= 4, a, b);
  }
  return 0;
}
