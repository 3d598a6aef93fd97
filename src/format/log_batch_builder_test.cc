#include "format/log_batch_builder.h"

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/batch_check.h"
#include "format/batch_values.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

struct GoldenRow {
  std::string name;
  Schema schema;
  std::vector<DataType> types;
  Row values;
  Bytes bytes;
};

std::vector<GoldenRow> GoldenRows(const std::string& file) {
  std::vector<GoldenRow> rows;
  for (const Json& test : vectors::Load(file)["cases"]) {
    GoldenRow row{.name = test["name"], .bytes = vectors::Hex(test["row"])};
    for (const Json& type : test["types"]) {
      auto parsed = ParseDataType(type);
      if (!parsed) throw std::runtime_error(parsed.error().message);
      row.values.push_back(vectors::FromKv(test["values"][row.types.size()], *parsed));
      row.schema.columns.push_back({.name = "c", .type = *parsed});
      row.types.push_back(*parsed);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

int64_t FloorTo(int64_t value, int64_t unit) {
  return value - ((value % unit) + unit) % unit;
}

// What Arrow keeps of a value: its columns have the precision of the type, its binaries are padded.
Value AsArrow(Value value, const DataType& type) {
  if (auto* list = std::get_if<ValueList>(&value.data)) {
    for (size_t i = 0; i < list->size(); ++i) {
      const auto& child = type.children[type.root == TypeRoot::kRow ? i : 0];
      (*list)[i] = AsArrow((*list)[i], child);
    }
  } else if (auto* map = std::get_if<MapValue>(&value.data)) {
    for (Value& key : map->keys)
      key = AsArrow(key, type.children[0]);
    for (Value& item : map->values)
      item = AsArrow(item, type.children[1]);
  } else if (auto* time = std::get_if<TimestampValue>(&value.data)) {
    if (type.precision == 0) time->ms = FloorTo(time->ms, 1000);
    if (type.precision <= 3) time->nano_of_ms = 0;
    if (type.precision <= 6) time->nano_of_ms -= time->nano_of_ms % 1000;
  } else if (auto* text = std::get_if<std::string>(&value.data)) {
    if (type.root == TypeRoot::kBinary) text->resize(static_cast<size_t>(type.length), '\0');
  } else if (auto* number = std::get_if<int64_t>(&value.data)) {
    if (type.root == TypeRoot::kTime && type.precision == 0) *number -= *number % 1000;
  }
  return value;
}

// Nanoseconds of 64 bits end in 1677 and 2262; finer rows cannot be logged.
bool FitsArrow(const Value& value, const DataType& type) {
  const auto* time = value.As<TimestampValue>();
  if (time == nullptr || type.precision <= 3) return true;
  const int64_t per_ms = type.precision <= 6 ? 1'000 : 1'000'000;
  int64_t out = 0;
  return !__builtin_mul_overflow(time->ms, per_ms, &out) &&
         !__builtin_add_overflow(out, per_ms, &out);
}

void CheckGolden(const std::string& file, RowFormat format, const LogBatchOptions& options) {
  for (const GoldenRow& row : GoldenRows(file)) {
    SCOPED_TRACE(row.name);
    LogBatchBuilder builder(row.types, options);
    bool fits = true;
    for (size_t i = 0; i < row.types.size(); ++i)
      fits &= options.log_format != LogFormat::kArrow || FitsArrow(row.values[i], row.types[i]);
    Status added = builder.Add(ChangeType::kUpdateBefore, format, row.bytes, row.types);
    ASSERT_EQ(added.has_value(), fits) << (added ? "" : added.error().message);
    if (!fits) continue;
    ASSERT_TRUE(builder.Add(ChangeType::kUpdateAfter, format, row.bytes, row.types));
    const Bytes batch = builder.Finish(SchemaId(3), WriterId(7), 9);

    const auto header = ReadBatchHeader(batch);
    ASSERT_TRUE(header);
    EXPECT_TRUE(BatchCrcFits(batch, *header));
    EXPECT_EQ(header->writer_id, WriterId(7));
    EXPECT_EQ(header->batch_sequence, 9);
    const auto shape = SchemaShape::Make(row.schema);
    const auto structure = CheckBatchStructure(batch, *header, options.log_format, shape);
    ASSERT_TRUE(structure) << structure.error();
    const auto decoded = DecodeBatch(batch, row.schema, options.log_format);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->size(), 2u);
    EXPECT_EQ((*decoded)[0].change_type, ChangeType::kUpdateBefore);
    EXPECT_EQ((*decoded)[1].change_type, ChangeType::kUpdateAfter);
    Row expected = row.values;
    for (size_t i = 0; i < row.types.size(); ++i) {
      if (options.log_format == LogFormat::kArrow) {
        expected[i] = AsArrow(expected[i], row.types[i]);
      }
    }
    EXPECT_EQ((*decoded)[0].row, expected);
    EXPECT_EQ((*decoded)[1].row, expected);
  }
}

TEST(LogBatchBuilder, CarriesEveryKindOfRowInEveryCodec) {
  for (const BodyCodec codec : {BodyCodec::kNone, BodyCodec::kLz4Frame, BodyCodec::kZstd}) {
    CheckGolden("kv/row-compacted.json", RowFormat::kCompacted, {.codec = codec});
    CheckGolden("kv/row-indexed.json", RowFormat::kIndexed, {.codec = codec});
  }
}

TEST(LogBatchBuilder, WritesRowsOfEitherLayoutIntoEitherFramedFormat) {
  CheckGolden("kv/row-compacted.json", RowFormat::kCompacted,
              {.log_format = LogFormat::kCompacted});
  CheckGolden("kv/row-indexed.json", RowFormat::kIndexed, {.log_format = LogFormat::kIndexed});
}

TEST(LogBatchBuilder, PadsRowsOfAnOlderSchemaWithNulls) {
  DataType number{.root = TypeRoot::kInteger};
  Schema schema;
  schema.columns = {{.name = "a", .type = number}, {.name = "b", .type = number}};
  for (const LogFormat format : {LogFormat::kArrow, LogFormat::kCompacted, LogFormat::kIndexed}) {
    LogBatchBuilder builder({number, number}, {.log_format = format});
    Bytes old;
    ASSERT_TRUE(AppendRow(RowFormat::kCompacted, std::vector{number}, Row{Value::Int(5)}, old));
    ASSERT_TRUE(builder.Add(ChangeType::kInsert, RowFormat::kCompacted, old, std::vector{number}));
    const auto rows = DecodeBatch(builder.Finish(SchemaId(2), kNoWriterId, -1), schema, format);
    ASSERT_TRUE(rows);
    EXPECT_EQ((*rows)[0].row, (Row{Value::Int(5), Value::Null()}));
  }
}

TEST(LogBatchBuilder, MakesTheGoldenEmptyBatch) {
  const std::string golden = [] {
    for (const auto& scenario : LoadVectors("kv-behaviour/default-engine.json")["scenarios"]) {
      if (scenario["name"] != "empty_change_batch_advances_offset") continue;
      for (const auto& step : scenario["steps"]) {
        if (step["op"] != "put_kv") continue;
        for (const auto& batch : step["expect"]["log_batches"]) {
          if (batch["record_count"] == 0) return batch["log_batch_hex"].get<std::string>();
        }
      }
    }
    return std::string();
  }();
  ASSERT_FALSE(golden.empty());
  Bytes expected = *FromHex(golden);
  const auto header = ReadBatchHeader(expected);
  ASSERT_TRUE(header);
  LogBatchBuilder builder({DataType{.root = TypeRoot::kInteger}}, {});
  Bytes batch = builder.Finish(header->schema_id, header->writer_id, header->batch_sequence);
  SetBaseOffset(batch, header->base_offset);
  SetCommitTimestamp(batch, header->commit_timestamp);
  EXPECT_EQ(ToHex(batch), golden);
}

TEST(LogBatchBuilder, RefusesARowThatIsCutOff) {
  const DataType number{.root = TypeRoot::kBigInt};
  LogBatchBuilder builder({number}, {});
  EXPECT_EQ(
      builder.Add(ChangeType::kInsert, RowFormat::kCompacted, Bytes{0, 0x80}, std::vector{number})
          .error()
          .code,
      ErrorCode::kCorruptRecord);
  builder.Clear();
  EXPECT_TRUE(
      builder.Add(ChangeType::kInsert, RowFormat::kCompacted, Bytes{0, 1}, std::vector{number}));
  EXPECT_EQ(builder.record_count(), 1);
}

}  // namespace
}  // namespace strom::format
