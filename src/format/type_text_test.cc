#include "format/type_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"

namespace strom::format {
namespace {

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
  EXPECT_EQ(problem("MAP<INT>"), "Data type 'MAP<INT>': expected ',' at byte 7.");
  EXPECT_EQ(problem("ARRAY INT"), "Data type 'ARRAY INT': expected '<' at byte 6.");
  EXPECT_EQ(problem("ROW"), "Data type 'ROW': expected '<' at byte 3.");
  EXPECT_EQ(problem("ROW<x INT"), "Data type 'ROW<x INT': expected '>' at byte 9.");
  EXPECT_EQ(problem("DECIMAL(x)"), "Data type 'DECIMAL(x)': expected a number at byte 8.");
  EXPECT_EQ(problem("DECIMAL(3"), "Data type 'DECIMAL(3': expected ')' at byte 9.");
  std::string deep;
  for (int i = 0; i < 100000; ++i)
    deep += "ARRAY<";
  EXPECT_EQ(problem(deep), "A data type is nested deeper than 64 levels.");
}

}  // namespace
}  // namespace strom::format
