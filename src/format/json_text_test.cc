#include "format/json_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace strom::format {
namespace {

using nlohmann::json;

std::string ProblemOf(std::string_view text) {
  const auto document = ReadJson(text, "thing");
  if (document) return "";
  EXPECT_EQ(document.error().code, ErrorCode::kInvalidTable);
  return document.error().message;
}

TEST(JsonText, LimitsHoldBeforeATreeIsBuilt) {
  EXPECT_EQ(ProblemOf(std::string(kMaxJsonBytes + 1, ' ')),
            "Failed to parse thing: it has 4194305 bytes, 4194304 are allowed.");
  EXPECT_EQ(ProblemOf(std::string(1 << 20, '[')),
            "Failed to parse thing: nested deeper than 64 levels.");
  EXPECT_EQ(ProblemOf(std::string(64, '[') + std::string(64, ']')), "");
  std::string many = "[";
  for (size_t i = 0; i < kMaxJsonValues; ++i)
    many += "0,";
  EXPECT_EQ(ProblemOf(many), "Failed to parse thing: more than 262144 values and members.");
}

TEST(JsonText, RefusesWhatIsAmbiguousOrNoUtf8) {
  EXPECT_EQ(ProblemOf(R"({"a":1,"b":{"a":2},"a":2})"),
            "Failed to parse thing: the member 'a' occurs twice in one object.");
  EXPECT_EQ(ProblemOf("{\"a\":\"\xff\"}"),
            "Failed to parse thing: not well-formed JSON in UTF-8 at byte 7.");
  EXPECT_EQ(ProblemOf(R"("\ud800")"),
            "Failed to parse thing: not well-formed JSON in UTF-8 at byte 8.");
  EXPECT_EQ(ProblemOf("{} {}"), "Failed to parse thing: not well-formed JSON in UTF-8 at byte 4.");
  EXPECT_EQ(ProblemOf("1e999"), "Failed to parse thing: not well-formed JSON in UTF-8 at byte 5.");
}

TEST(JsonText, ScalarsAreCoerced) {
  EXPECT_EQ(ReadText(json(7), "m", "o"), "7");
  EXPECT_EQ(ReadText(json(-0.5), "m", "o"), "-0.5");
  EXPECT_EQ(ReadText(json(1.0), "m", "o"), "1.0");
  EXPECT_EQ(ReadText(json(true), "m", "o"), "true");
  EXPECT_EQ(ReadInt32(json("-12"), "m", "o"), -12);
  EXPECT_EQ(ReadBool(json("false"), "m", "o"), false);
  EXPECT_EQ(ReadBool(json(1), "m", "o"), true);
}

TEST(JsonText, OtherKindsAreRefusedByName) {
  const auto message = [](const auto& result) { return result ? "" : result.error().message; };
  EXPECT_EQ(message(ReadText(json::array(), "m", "Owner")),
            "Owner: the member 'm' must be a text.");
  EXPECT_EQ(message(ReadInt32(json(2147483648), "m", "Owner")),
            "Owner: the member 'm' must be a whole number of 32 bits.");
  EXPECT_EQ(message(ReadInt32(json(1.0), "m", "Owner")),
            "Owner: the member 'm' must be a whole number of 32 bits.");
  EXPECT_EQ(message(ReadBool(json("yes"), "m", "Owner")),
            "Owner: the member 'm' must be true or false.");
  EXPECT_EQ(message(ReadTextList(json({1, nullptr}), "m", "Owner")),
            "Owner: the member 'm' must be an array of texts.");
  EXPECT_EQ(message(ReadTextMap(json(1), "m", "Owner")),
            "Owner: the member 'm' must be an object of texts.");
}

TEST(JsonText, NullIsAbsent) {
  const json object = {{"a", nullptr}, {"b", 1}};
  EXPECT_EQ(FindMember(object, "a"), nullptr);
  EXPECT_NE(FindMember(object, "b"), nullptr);
  EXPECT_FALSE(RequireMember(object, "a", "Owner"));
  EXPECT_EQ(ReadTextMap(object, "m", "o"), (std::map<std::string, std::string>{{"b", "1"}}));
}

TEST(JsonText, WritingReplacesWhatIsNoUtf8) {
  nlohmann::ordered_json document;
  document["z"] = "a\xff";
  document["a"] = "é/";
  EXPECT_EQ(WriteJson(document), "{\"z\":\"a\xef\xbf\xbd\",\"a\":\"é/\"}");
}

}  // namespace
}  // namespace strom::format
