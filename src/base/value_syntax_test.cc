#include "base/value_syntax.h"

#include <gtest/gtest.h>

namespace strom {
namespace {

using std::chrono::microseconds;

TEST(ValueSyntax, DurationsNeedAUnitInAnyCase) {
  EXPECT_EQ(ParseDuration("7 d"), std::chrono::hours(7 * 24));
  EXPECT_EQ(ParseDuration(" 2HOURS "), std::chrono::hours(2));
  EXPECT_EQ(ParseDuration("3 min"), std::chrono::minutes(3));
  EXPECT_EQ(ParseDuration("3m"), std::chrono::minutes(3));
  EXPECT_EQ(ParseDuration("30 secs"), std::chrono::seconds(30));
  EXPECT_EQ(ParseDuration("0ms"), microseconds(0));
  EXPECT_EQ(ParseDuration("5 \xc2\xb5s"), microseconds(5));
  EXPECT_EQ(ParseDuration("9223372036854775807 ns"), microseconds(9223372036854775));
  for (const char* text : {"100", "3 fortnights", "", "d", "-1 d", "+1 d", "1.5 d", "1 d d", "1 da",
                           "1 day days", "18446744073709551616 ms"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(ValueSyntax, DurationsReachTwoHundredThousandYearsAndNoFurther) {
  EXPECT_EQ(ParseDuration("106751991 d"), microseconds(9223372022400000000));
  EXPECT_EQ(ParseDuration("106751992 d"), std::nullopt);
  EXPECT_EQ(ParseDuration("18446744073709551615 d"), std::nullopt);
}

TEST(ValueSyntax, MemorySizesArePowersOf1024) {
  EXPECT_EQ(ParseMemorySize("1 bytes"), 1);
  EXPECT_EQ(ParseMemorySize("128kb"), 128 << 10);
  EXPECT_EQ(ParseMemorySize("16 MB"), 16 << 20);
  EXPECT_EQ(ParseMemorySize("1 gibibytes"), 1 << 30);
  EXPECT_EQ(ParseMemorySize("2t"), int64_t{2} << 40);
  EXPECT_EQ(ParseMemorySize("9223372036854775807b"), INT64_MAX);
  for (const char* text : {"1024", "1 mib", "8388608 tb", "9223372036854775808 b", "-1 b", "mb"}) {
    EXPECT_EQ(ParseMemorySize(text), std::nullopt) << text;
  }
}

TEST(ValueSyntax, WholeNumbersMustFit) {
  EXPECT_EQ(ParseInt32("-2147483648"), INT32_MIN);
  EXPECT_EQ(ParseInt32("+7"), 7);
  EXPECT_EQ(ParseInt64("9223372036854775807"), INT64_MAX);
  for (const char* text : {"2147483648", "", "+", "+-1", " 1", "1 ", "0x1", "1.0"}) {
    EXPECT_EQ(ParseInt32(text), std::nullopt) << text;
  }
}

TEST(ValueSyntax, DoublesAreFinite) {
  EXPECT_EQ(ParseDouble("0.85"), 0.85);
  EXPECT_EQ(ParseDouble("1e3"), 1000);
  for (const char* text : {"nan", "inf", "1e999", "", "1x"}) {
    EXPECT_EQ(ParseDouble(text), std::nullopt) << text;
  }
}

TEST(ValueSyntax, BoolsAndEnumsIgnoreCase) {
  EXPECT_EQ(ParseBool("TRUE"), true);
  EXPECT_EQ(ParseBool("False"), false);
  EXPECT_EQ(ParseBool("yes"), std::nullopt);
  EXPECT_EQ(ParseBool(""), std::nullopt);
  constexpr std::string_view kColours[] = {"red", "GREEN"};
  EXPECT_EQ(FindIgnoringCase(kColours, "Green"), 1U);
  EXPECT_EQ(FindIgnoringCase(kColours, "gree"), std::nullopt);
}

TEST(ValueSyntax, ListsAndMapsDropSpaces) {
  EXPECT_EQ(ParseList(" a, b ,,c "), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(ParseList(" , ").empty());
  EXPECT_EQ(ParseMap("a:1, b: x:y ,c:"),
            (std::map<std::string, std::string>{{"a", "1"}, {"b", "x:y"}, {"c", ""}}));
  EXPECT_EQ(ParseMap("a:1,b"), std::nullopt);
  EXPECT_EQ(ParseMap(":1"), std::nullopt);
  EXPECT_EQ(ParseMap("a:1,a:2"), std::nullopt);
}

}  // namespace
}  // namespace strom
