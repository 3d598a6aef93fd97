#include "format/data_type.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/test_vectors.h"
#include "format/json_text.h"
#include "format/type_text.h"

namespace strom::format {
namespace {

std::string Rewritten(const DataType& type) {
  return WriteJson(ToJson(type));
}

TEST(DataTypeVectors, EveryTypeRoundTripsByteForByte) {
  VectorReport report("metadata/datatype-json.json");
  const auto vectors = LoadVectors("metadata/datatype-json.json");
  for (const auto& item : vectors["cases"]) {
    const std::string text = item["json"];
    const auto type = ParseDataTypeText(text);
    ASSERT_TRUE(type) << text << ": " << type.error().message;
    EXPECT_EQ(ToSummaryString(*type), item["type"].get<std::string>());
    EXPECT_EQ(ToHex(AsBytes(Rewritten(*type))), item["hex"].get<std::string>());
    report.CaseDone(item["type"]);
  }
  for (const auto& item : vectors["invalid"]) {
    const std::string name = item["description"];
    const auto type = ParseDataTypeText(item["json"].get<std::string>());
    ASSERT_EQ(type.has_value(), item["ok"].get<bool>()) << name;
    if (type) {
      EXPECT_EQ(ToSummaryString(*type), item["type"].get<std::string>());
      EXPECT_EQ(Rewritten(*type), item["reserialized"].get<std::string>());
    } else {
      EXPECT_EQ(type.error().code, ErrorCode::kInvalidTable);
      if (!item.value("message_is_incidental", false)) {
        EXPECT_EQ(type.error().message, item["message"].get<std::string>());
      }
    }
    report.CaseDone(name);
  }
}

std::string ProblemOf(std::string_view json) {
  const auto type = ParseDataTypeText(json);
  return type ? "" : type.error().message;
}

TEST(DataType, ErrorsNameTheMember) {
  EXPECT_EQ(ProblemOf(R"({"type":"CHAR"})"), "Data type: the member 'length' is missing.");
  EXPECT_EQ(ProblemOf(R"({"type":"CHAR","length":"7x"})"),
            "Data type: the member 'length' must be a whole number of 32 bits.");
  EXPECT_EQ(ProblemOf(R"({"type":"CHAR","length":2147483648})"),
            "Data type: the member 'length' must be a whole number of 32 bits.");
  EXPECT_EQ(ProblemOf(R"({"type":"VARCHAR"})"), "Unknown data type 'VARCHAR'.");
  EXPECT_EQ(ProblemOf(R"({"type":"ARRAY","element_type":3})"), "Data type must be a JSON object.");
  EXPECT_EQ(ProblemOf(R"({"type":"ROW","fields":{}})"),
            "Data type: the member 'fields' must be an array.");
  EXPECT_EQ(ProblemOf(R"({"type":"ROW","fields":[{"name":"x"}]})"),
            "Data type: the member 'field_type' is missing.");
  EXPECT_EQ(ProblemOf(R"([])"), "Data type must be a JSON object.");
}

TEST(DataType, MapKeysBecomeNotNull) {
  const auto type = ParseDataTypeText(
      R"({"type":"MAP","key_type":{"type":"INTEGER"},"value_type":{"type":"DATE"}})");
  ASSERT_TRUE(type);
  EXPECT_EQ(ToSummaryString(*type), "MAP<INT NOT NULL, DATE>");
}

TEST(DataType, NestingIsBounded) {
  const auto nested = [](size_t levels) {
    std::string text = R"({"type":"INTEGER"})";
    for (size_t i = 1; i < levels; ++i) {
      text = R"({"type":"ARRAY","element_type":)" + text + "}";
    }
    return text;
  };
  EXPECT_EQ(ProblemOf(nested(kMaxJsonDepth)), "");
  EXPECT_NE(ProblemOf(nested(kMaxJsonDepth + 1)), "");
  // A tree that did not come through ReadJson.
  const auto type = ParseDataType(nlohmann::json::parse(nested(kMaxTypeDepth + 1)));
  ASSERT_FALSE(type);
  EXPECT_EQ(type.error().message, "A data type is nested deeper than 64 levels.");
}

TEST(TypeText, ReadsWhatToSummaryStringWrites) {
  const auto vectors = LoadVectors("metadata/datatype-json.json");
  for (const auto& item : vectors["cases"]) {
    const std::string text = item["type"];
    const auto type = ParseTypeText(text);
    ASSERT_TRUE(type) << type.error().message;
    EXPECT_EQ(ToSummaryString(*type), text);
  }
}

TEST(TypeText, AcceptsDefaultsAndOtherSpellings) {
  const auto reread = [](std::string_view text) {
    const auto type = ParseTypeText(text);
    return type ? ToSummaryString(*type) : type.error().message;
  };
  EXPECT_EQ(reread("DECIMAL"), "DECIMAL(10, 0)");
  EXPECT_EQ(reread(" DECIMAL ( 5 ) NOT  NULL "), "DECIMAL(5, 0) NOT NULL");
  EXPECT_EQ(reread("TIMESTAMP"), "TIMESTAMP(6)");
  EXPECT_EQ(reread("TIMESTAMP(3) WITH LOCAL TIME ZONE NOT NULL"), "TIMESTAMP_LTZ(3) NOT NULL");
  EXPECT_EQ(reread("INTEGER"), "INT");
  EXPECT_EQ(reread("ROW<a INT, `b``c` ROW<>>"), "ROW<`a` INT, `b``c` ROW<>>");
}

TEST(TypeText, RefusesWhatIsNoType) {
  const auto problem = [](std::string_view text) {
    const auto type = ParseTypeText(text);
    return type ? "" : type.error().message;
  };
  EXPECT_EQ(problem("VARCHAR"), "Data type 'VARCHAR': expected the name of a data type at byte 7.");
  EXPECT_EQ(problem("INT INT"), "Data type 'INT INT': expected the end at byte 4.");
  EXPECT_EQ(problem("ARRAY<INT"), "Data type 'ARRAY<INT': expected '>' at byte 9.");
  EXPECT_EQ(problem("ROW<`x INT>"),
            "Data type 'ROW<`x INT>': expected a closing quote at byte 11.");
  EXPECT_EQ(problem("CHAR(0)"),
            "Character string length must be between 1 and 2147483647 (both inclusive).");
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "ARRAY<";
  EXPECT_EQ(problem(deep), "A data type is nested deeper than 64 levels.");
}

}  // namespace
}  // namespace strom::format
