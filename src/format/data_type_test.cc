#include "format/data_type.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/test_vectors.h"
#include "format/json_text.h"

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

TEST(DataType, FieldsKeepDescriptionAndId) {
  constexpr std::string_view kRow =
      R"({"type":"ROW","fields":[{"name":"x","field_type":{"type":"DATE"},"description":"d",)"
      R"("field_id":4},{"name":"X","field_type":{"type":"DATE","nullable":false},"field_id":-1}]})";
  const auto row = ParseDataTypeText(kRow);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->fields[0], (RowField{"x", "d", 4}));
  EXPECT_EQ(Rewritten(*row), kRow);
  EXPECT_EQ(ToSummaryString(*row), "ROW<`x` DATE '...', `X` DATE NOT NULL>");
  EXPECT_EQ(ProblemOf(R"({"type":"ROW","fields":[{"name":"x","field_type":{"type":"DATE"},)"
                      R"("field_id":-2}]})"),
            "The field_id -2 of field 'x' is negative.");
}

TEST(DataType, EqualityLooksAtEverything) {
  const auto parse = [](std::string_view text) { return *ParseDataTypeText(text); };
  const DataType base = parse(R"({"type":"DECIMAL","precision":5,"scale":2})");
  EXPECT_EQ(base, parse(R"({"scale":"2","precision":5,"type":"DECIMAL","nullable":true})"));
  EXPECT_NE(base, parse(R"({"type":"DECIMAL","precision":6,"scale":2})"));
  EXPECT_NE(base, parse(R"({"type":"DECIMAL","precision":5,"scale":1})"));
  EXPECT_NE(base, parse(R"({"type":"DECIMAL","precision":5,"scale":2,"nullable":false})"));
  EXPECT_NE(parse(R"({"type":"CHAR","length":1})"), parse(R"({"type":"CHAR","length":2})"));
  EXPECT_NE(parse(R"({"type":"ARRAY","element_type":{"type":"DATE"}})"),
            parse(R"({"type":"ARRAY","element_type":{"type":"BYTES"}})"));
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

}  // namespace
}  // namespace strom::format
