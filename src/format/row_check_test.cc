#include "format/row_check.h"

#include <random>

#include <gtest/gtest.h>

#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

std::vector<DataType> TypesOf(const Json& types) {
  std::vector<DataType> out;
  for (const Json& type : types)
    out.push_back(ParseDataType(type).value());
  return out;
}

const std::pair<const char*, RowFormat> kFiles[] = {
    {"kv/row-compacted.json", RowFormat::kCompacted},
    {"kv/row-indexed.json", RowFormat::kIndexed},
    {"kv/row-aligned.json", RowFormat::kAligned}};

bool SetsNullOfNotNull(RowFormat format, ByteView row, RowType types) {
  if (format == RowFormat::kAligned) return false;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i].nullable && row.size() > i / 8 && BitAt(row, i)) return true;
  }
  return false;
}

TEST(RowCheck, AcceptsTheGoldenRows) {
  size_t rows = 0;
  for (const auto& [file, format] : kFiles) {
    for (const Json& test : vectors::Load(file)["cases"]) {
      const Status status = CheckRow(format, vectors::Hex(test["row"]), TypesOf(test["types"]));
      EXPECT_TRUE(status) << test["name"] << ": " << (status ? "" : status.error().message);
      ++rows;
    }
  }
  EXPECT_GT(rows, 300U);
}

// The check and the decoder are two readers of one format: neither may know better.
TEST(RowCheck, AgreesWithTheDecoderOnMutatedAndCutRows) {
  std::mt19937 random(11);
  size_t accepted = 0;
  size_t refused = 0;
  for (const auto& [file, format] : kFiles) {
    for (const Json& test : vectors::Load(file)["cases"]) {
      const auto types = TypesOf(test["types"]);
      const Bytes original = vectors::Hex(test["row"]);
      for (int round = 0; round < 300 && !original.empty(); ++round) {
        Bytes row = original;
        for (int change = static_cast<int>(random() % 3); change >= 0; --change) {
          row[random() % row.size()] = static_cast<uint8_t>(random());
        }
        if (random() % 3 == 0) row.resize(random() % row.size());
        row.shrink_to_fit();
        const bool checked = CheckRow(format, row, types).has_value();
        if (SetsNullOfNotNull(format, row, types)) {
          EXPECT_FALSE(checked);
        } else {
          EXPECT_EQ(checked, DecodeRow(format, row, types).has_value())
              << test["name"] << " " << ToHex(row);
        }
        ++(checked ? accepted : refused);
      }
    }
  }
  EXPECT_GT(accepted, 1000U);
  EXPECT_GT(refused, 1000U);
}

TEST(RowCheck, RefusesANullInANotNullColumn) {
  const std::vector<DataType> types = {ParseTypeText("INT NOT NULL").value()};
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    const Status status = CheckRow(format, *FromHex("0107000000"), types);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kCorruptRecord);
    EXPECT_NE(status.error().message.find("NOT NULL"), std::string::npos);
  }
}

TEST(RowCheck, AcceptsBytesAfterTheLastField) {
  const std::vector<DataType> types = {ParseTypeText("INT").value()};
  EXPECT_TRUE(CheckRow(RowFormat::kCompacted, *FromHex("0007ffff"), types));
}

TEST(CompactedSkipper, SaysWhichFieldsOurWriterWouldWriteDifferently) {
  const auto canonical = [](const char* type, const char* field) {
    const Bytes bytes = *FromHex(field);
    CompactedSkipper skipper(bytes);
    EXPECT_TRUE(skipper.Skip(ParseTypeText(type).value()));
    EXPECT_TRUE(skipper.done());
    return skipper.canonical();
  };
  EXPECT_TRUE(canonical("INT", "8001"));
  EXPECT_FALSE(canonical("INT", "8000"));
  EXPECT_FALSE(canonical("STRING", "810061"));
  EXPECT_TRUE(canonical("BOOLEAN", "01"));
  EXPECT_FALSE(canonical("BOOLEAN", "02"));
  EXPECT_TRUE(canonical("DECIMAL(20, 0)", "020080"));
  EXPECT_FALSE(canonical("DECIMAL(20, 0)", "020001"));
  EXPECT_FALSE(canonical("DECIMAL(20, 0)", "02ff80"));
  EXPECT_FALSE(canonical("TIMESTAMP(9)", "00808000"));
}

}  // namespace
}  // namespace strom::format
