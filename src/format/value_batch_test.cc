#include "format/value_batch.h"

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/row_codec.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

TEST(StoredValueVectors, SplitAndAreWrittenAgain) {
  VectorReport report("kv/stored-value.json");
  const auto document = vectors::Load("kv/stored-value.json");
  const auto types = FieldTypes(ParseSchema(document["schema"]).value());
  size_t cases = 0;
  for (const Json& test : document["cases"]) {
    const Bytes bytes = vectors::Hex(test["value"]);
    const auto stored = SplitStoredValue(bytes);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->schema_id, SchemaId(test["schema_id"].get<int32_t>()));
    const auto format =
        test["kv_format"] == "INDEXED" ? RowFormat::kIndexed : RowFormat::kCompacted;
    Row values;
    for (size_t i = 0; i < types.size(); ++i)
      values.push_back(vectors::FromKv(test["row_values"][i], types[i]));
    EXPECT_EQ(DecodeRow(format, stored->row, types).value(), values);
    Bytes row;
    ASSERT_TRUE(AppendRow(format, types, values, row));
    Bytes written;
    AppendStoredValue(stored->schema_id, row, written);
    EXPECT_EQ(ToHex(written), ToHex(bytes));
    report.CaseDone(test["value"]);
    ++cases;
  }
  EXPECT_EQ(cases, 8U);
}

TEST(ValueBatchVectors, AreBuiltAndParsed) {
  VectorReport report("kv/value-record-batch.json");
  size_t cases = 0;
  for (const Json& test : vectors::Load("kv/value-record-batch.json")["cases"]) {
    const Bytes batch = vectors::Hex(test["batch"]);
    ValueBatchBuilder builder;
    for (const Json& value : test["values"])
      builder.Add(vectors::Hex(value));
    EXPECT_EQ(builder.record_count(), test["record_count"].get<int32_t>());
    EXPECT_EQ(builder.size_bytes(), batch.size());
    EXPECT_EQ(ToHex(builder.Finish()), ToHex(batch));

    const auto values = ParseValueBatch(batch);
    ASSERT_TRUE(values) << values.error().message;
    ASSERT_EQ(values->size(), test["values"].size());
    for (size_t i = 0; i < values->size(); ++i)
      EXPECT_EQ(ToHex((*values)[i]), test["values"][i].get<std::string>());
    report.CaseDone(test["name"]);
    ++cases;
  }
  EXPECT_EQ(cases, 4U);
}

TEST(ValueBatch, EveryTruncationIsRefusedWithAndWithoutAFittingLength) {
  ValueBatchBuilder builder;
  builder.Add(*FromHex("0100aa"));
  builder.Add(*FromHex("0100"));
  const Bytes batch = builder.Finish();
  ASSERT_TRUE(ParseValueBatch(batch));
  for (size_t size = 0; size < batch.size(); ++size) {
    Bytes cut(batch.begin(), batch.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(ParseValueBatch(cut));
    if (size >= sizeof(int32_t)) StoreLittle(cut.data(), static_cast<int32_t>(size) - 4);
    EXPECT_FALSE(ParseValueBatch(cut)) << size;
  }
}

TEST(ValueBatch, RefusesCountsThatItCannotHold) {
  Bytes batch = ValueBatchBuilder().Finish();
  StoreLittle(batch.data() + 5, std::numeric_limits<int32_t>::max());
  EXPECT_EQ(ParseValueBatch(batch).error().code, ErrorCode::kCorruptMessage);
  StoreLittle(batch.data() + 5, int32_t{-1});
  EXPECT_FALSE(ParseValueBatch(batch));
}

TEST(ValueBatch, TheSizeIsKnownBeforeAValueIsAdded) {
  ValueBatchBuilder builder;
  const size_t before = builder.size_bytes();
  builder.Add(*FromHex("0100aabb"));
  EXPECT_EQ(builder.size_bytes() - before, ValueBatchBuilder::RecordBytes(4));
}

TEST(StoredValue, IsAtLeastItsSchemaId) {
  EXPECT_EQ(SplitStoredValue(*FromHex("01")).error().code, ErrorCode::kKvStorage);
  EXPECT_TRUE(SplitStoredValue(*FromHex("0100"))->row.empty());
}

}  // namespace
}  // namespace strom::format
