#include "format/row_codec.h"

#include <cstdio>
#include <random>

#include <gtest/gtest.h>

#include "format/aligned_row.h"
#include "format/compacted_row.h"
#include "format/indexed_row.h"
#include "format/row_parts.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

std::vector<DataType> TypesOf(const Json& types) {
  std::vector<DataType> out;
  for (const Json& type : types) {
    auto parsed = ParseDataType(type);
    if (!parsed) throw std::runtime_error(parsed.error().message);
    out.push_back(*parsed);
  }
  return out;
}

Row RowOf(const Json& values, RowType types) {
  Row row;
  for (size_t i = 0; i < types.size(); ++i)
    row.push_back(vectors::FromKv(values[i], types[i]));
  return row;
}

// Decodes every row of the file to the stated values and encodes them to the stated bytes.
void CheckRowVectors(const std::string& file, RowFormat format, size_t expected_cases) {
  size_t passed = 0;
  for (const Json& test : vectors::Load("kv/" + file)["cases"]) {
    SCOPED_TRACE(test["name"].get<std::string>());
    const auto types = TypesOf(test["types"]);
    const Row values = RowOf(test["values"], types);
    const Bytes row = vectors::Hex(test["row"]);

    const auto decoded = DecodeRow(format, row, types);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, values);
    Bytes encoded;
    const Status status = AppendRow(format, types, values, encoded);
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(ToHex(encoded), ToHex(row));
    if (!testing::Test::HasFailure()) ++passed;
  }
  EXPECT_EQ(passed, expected_cases);
  std::printf("VECTORS kv/%s: %zu passed\n", file.c_str(), passed);
}

TEST(CompactedRow, MatchesTheGoldenRowsInBothDirections) {
  CheckRowVectors("row-compacted.json", RowFormat::kCompacted, 144);
}

TEST(IndexedRow, MatchesTheGoldenRowsInBothDirections) {
  CheckRowVectors("row-indexed.json", RowFormat::kIndexed, 144);
}

TEST(AlignedRow, MatchesTheGoldenRowsInBothDirections) {
  CheckRowVectors("row-aligned.json", RowFormat::kAligned, 25);
}

TEST(DecodeRowInto, ReadsTheFirstFieldsAndNothingBehindThem) {
  std::vector<DataType> types;
  for (int i = 0; i < 10; ++i)
    types.push_back({.root = TypeRoot::kString});
  const Row values(types.size(), Value::Text("x"));
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed, RowFormat::kAligned}) {
    Bytes bytes;
    ASSERT_TRUE(AppendRow(format, types, values, bytes));
    Row row(3, Value::Int(7));
    ASSERT_TRUE(DecodeRowInto(format, bytes, types, row, 2));
    EXPECT_EQ(row, Row(2, Value::Text("x")));
    ASSERT_TRUE(DecodeRowInto(format, bytes, types, row));
    EXPECT_EQ(row, values);
    ASSERT_TRUE(DecodeRowInto(format, bytes, types, row, 11));
    EXPECT_EQ(row, values);
    if (format == RowFormat::kAligned) continue;
    bytes.pop_back();
    EXPECT_TRUE(DecodeRowInto(format, bytes, types, row, 9));
    EXPECT_FALSE(DecodeRowInto(format, bytes, types, row, 10));
  }
}

TEST(Varint, MatchesTheGoldenNumbersInBothDirections) {
  size_t passed = 0;
  for (const Json& test : vectors::Load("kv/varint.json")["cases"]) {
    const Bytes bytes = vectors::Hex(test["bytes"]);
    const int64_t value = std::stoll(test["value"].get<std::string>());
    ByteReader in(bytes);
    Bytes written;
    if (test["type"] == "int32") {
      EXPECT_EQ(ReadVarint32(in), static_cast<uint32_t>(value));
      AppendVarint(written, static_cast<uint32_t>(value));
    } else {
      EXPECT_EQ(ReadVarint64(in), static_cast<uint64_t>(value));
      AppendVarint(written, static_cast<uint64_t>(value));
    }
    EXPECT_TRUE(in.done());
    EXPECT_EQ(written, bytes);
    if (!testing::Test::HasFailure()) ++passed;
  }
  EXPECT_EQ(passed, 24u);
  std::printf("VECTORS kv/varint.json: %zu passed\n", passed);
}

TEST(Varint, RefusesBitsBeyondTheWidthAndCutOffNumbers) {
  auto read32 = [](std::string_view hex) {
    const Bytes bytes = *FromHex(hex);
    ByteReader in(bytes);
    return ReadVarint32(in);
  };
  auto read64 = [](std::string_view hex) {
    const Bytes bytes = *FromHex(hex);
    ByteReader in(bytes);
    return ReadVarint64(in);
  };
  EXPECT_EQ(read32("ffffffff10"), std::nullopt);
  EXPECT_EQ(read32("808080808000"), std::nullopt);
  EXPECT_EQ(read32("8080"), std::nullopt);
  EXPECT_EQ(read32("8000"), 0u);  // over-long, accepted in rows
  EXPECT_EQ(read64("ffffffffffffffffff02"), std::nullopt);
  EXPECT_EQ(read64("ffffffffffffffffff81"), std::nullopt);
}

DataType Type(std::string_view text) {
  return ParseTypeText(text).value();
}

TEST(CompactedRow, ReadsNotNullFieldsWhateverTheirNullBitSays) {
  const std::vector<DataType> types = {Type("INT NOT NULL")};
  const auto row = DecodeCompactedRow(*FromHex("0107"), types);
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ((*row)[0], Value::Int(7));
}

TEST(CompactedRow, IgnoresBytesAfterTheLastField) {
  const std::vector<DataType> types = {Type("INT")};
  const auto row = DecodeCompactedRow(*FromHex("0007ffff"), types);
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ((*row)[0], Value::Int(7));
}

TEST(CompactedRow, FieldsAloneAreWrittenWithoutNullBits) {
  Bytes out;
  ASSERT_TRUE(AppendCompactedField(Type("STRING"), Value::Text("ab"), out));
  ASSERT_TRUE(AppendCompactedField(Type("INT"), Value::Int(300), out));
  EXPECT_EQ(ToHex(out), "026162ac02");
  ByteReader in(out);
  EXPECT_EQ(ReadCompactedField(in, Type("STRING")).value(), Value::Text("ab"));
  EXPECT_EQ(ReadCompactedField(in, Type("INT")).value(), Value::Int(300));
  EXPECT_FALSE(ReadCompactedField(in, Type("INT")));
}

TEST(IndexedRow, RefusesAStringThatDoesNotFitItsChar) {
  Bytes out = {1, 2};
  const std::vector<DataType> types = {Type("CHAR(2)")};
  const Row row = {Value::Text("abc")};
  EXPECT_FALSE(AppendIndexedRow(types, row, out));
  EXPECT_EQ(out, (Bytes{1, 2}));
}

TEST(RowCodec, RefusesANullInANotNullFieldAndAnotherKindOfValue) {
  const std::vector<DataType> types = {Type("INT NOT NULL")};
  for (const Row& row : {Row{Value::Null()}, Row{Value::Text("x")}, Row{Value::Int(1LL << 40)},
                         Row{Value::Int(1), Value::Int(2)}}) {
    Bytes out;
    EXPECT_FALSE(AppendCompactedRow(types, row, out));
    EXPECT_FALSE(AppendIndexedRow(types, row, out));
    EXPECT_TRUE(out.empty());
  }
}

// Eight slots that all name the same bytes: without a bound, hostile rows multiply their size.
TEST(BinaryArray, RefusesEntriesThatShareBytes) {
  Bytes array;
  AppendLittle(array, int32_t{8});
  AppendLittle(array, int32_t{0});
  for (int i = 0; i < 8; ++i)
    AppendLittle(array, int64_t{72} << 32 | 16);
  array.resize(72 + 16, 'x');
  Bytes row = {0};
  AppendVarint(row, static_cast<uint32_t>(array.size()));
  Append(row, array);
  const std::vector<DataType> types = {Type("ARRAY<STRING>")};
  const auto decoded = DecodeCompactedRow(row, types);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorruptRecord);
  EXPECT_NE(decoded.error().message.find("overlap"), std::string::npos);
}

TEST(BinaryArray, RefusesSizesAndOffsetsOutsideItself) {
  const std::vector<DataType> types = {Type("ARRAY<STRING>")};
  for (const char* array : {
           "ffffffff00000000",  // negative size
           "00000040"
           "00000000",                                        // 2^30 elements in 8 bytes
           "010000000000000010000000ffffff0f",                // offset far behind the end
           "0100000000000000080000000800000061616161616161",  // cut off
           "0100000000000000100000000000000061616161616161616161616161616161",  // in the fixed part
           "010000000000000061616161616161fc",                                  // inline length 124
       }) {
    const Bytes bytes = *FromHex(array);
    Bytes row = {0};
    AppendVarint(row, static_cast<uint32_t>(bytes.size()));
    Append(row, bytes);
    EXPECT_FALSE(DecodeCompactedRow(row, types)) << array;
  }
}

TEST(RowCodec, BuildsNoMoreValuesThanARowMayHold) {
  // 100,000 nested rows of 100 null fields each: 2.4 MB of bytes, 10 million values.
  std::string fields = "`f0` INT";
  for (int i = 1; i < 100; ++i)
    fields += fmt::format(", `f{}` INT", i);
  const std::vector<DataType> types = {Type("ARRAY<ROW<" + fields + ">>")};
  Row nulls(100);
  ValueList items(100'000, Value::List(nulls));
  Bytes row;
  ASSERT_TRUE(AppendCompactedRow(types, Row{Value::List(std::move(items))}, row));
  const auto decoded = DecodeCompactedRow(row, types);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("more values"), std::string::npos);
}

TEST(AlignedRow, ViewReadsOneFieldWithoutTheOthers) {
  const std::vector<DataType> types = {Type("STRING"), Type("DECIMAL(30, 2)"), Type("INT")};
  Bytes row;
  ASSERT_TRUE(AppendAlignedRow(
      types, Row{Value::Text("longer than seven"), Value::Decimal(-5), Value::Null()}, row));
  const auto view = AlignedRowView::Open(row, 3);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->Field(1, types[1]).value(), Value::Decimal(-5));
  EXPECT_EQ(view->Field(0, types[0]).value(), Value::Text("longer than seven"));
  EXPECT_TRUE(view->Field(2, types[2]).value().is_null());
  EXPECT_FALSE(AlignedRowView::Open(ByteView(row).first(31), 3));
}

// Whatever bytes come, a decoder answers or fails; the sanitizers watch the reads.
TEST(RowCodec, SurvivesMutatedRows) {
  std::mt19937 random(7);
  const std::pair<const char*, RowFormat> files[] = {
      {"kv/row-compacted.json", RowFormat::kCompacted},
      {"kv/row-indexed.json", RowFormat::kIndexed},
      {"kv/row-aligned.json", RowFormat::kAligned}};
  size_t decoded = 0;
  size_t refused = 0;
  for (const auto& [file, format] : files) {
    for (const Json& test : vectors::Load(file)["cases"]) {
      const auto types = TypesOf(test["types"]);
      const Bytes original = vectors::Hex(test["row"]);
      if (original.empty()) continue;
      for (int round = 0; round < 200; ++round) {
        Bytes row = original;
        for (int change = static_cast<int>(random() % 3); change >= 0; --change) {
          row[random() % row.size()] = static_cast<uint8_t>(random());
        }
        if (random() % 4 == 0) row.resize(random() % row.size());
        const auto result = DecodeRow(format, row, types);
        ++(result ? decoded : refused);
        if (!result) continue;
        EXPECT_EQ(result->size(), types.size());
      }
    }
  }
  EXPECT_GT(decoded, 1000u);
  EXPECT_GT(refused, 1000u);
}

}  // namespace
}  // namespace strom::format
