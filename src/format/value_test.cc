#include "format/value.h"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "format/type_text.h"

namespace strom::format {
namespace {

DataType Type(std::string_view text) {
  return ParseTypeText(text).value();
}

TEST(DecimalText, PlacesTheDotByTheScale) {
  EXPECT_EQ(DecimalText(-5, 2), "-0.05");
  EXPECT_EQ(DecimalText(0, 2), "0.00");
  EXPECT_EQ(DecimalText(12345, 0), "12345");
  EXPECT_EQ(DecimalText(12345, 5), "0.12345");
  EXPECT_EQ(DecimalText(static_cast<Int128>(1) << 127, 0),
            "-170141183460469231731687303715884105728");
}

TEST(DecimalText, IsReadBackByTheParser) {
  EXPECT_EQ(ParseDecimalText("-0.05", 2), Int128{-5});
  EXPECT_EQ(ParseDecimalText("7", 3), Int128{7000});
  EXPECT_EQ(ParseDecimalText("-170141183460469231731687303715884105728", 0), static_cast<Int128>(1)
                                                                                 << 127);
  EXPECT_EQ(ParseDecimalText("170141183460469231731687303715884105728", 0), std::nullopt);
  EXPECT_EQ(ParseDecimalText("0.123", 2), std::nullopt);
  EXPECT_EQ(ParseDecimalText("", 2), std::nullopt);
  EXPECT_EQ(ParseDecimalText("1e5", 2), std::nullopt);
  EXPECT_EQ(ParseDecimalText("1.2.3", 2), std::nullopt);
}

TEST(Value, EqualityOfFloatsIsBitwise) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Value::Double(nan), Value::Double(nan));
  EXPECT_FALSE(Value::Double(0.0) == Value::Double(-0.0));
  EXPECT_FALSE(Value::Double(1) == Value::Int(1));
  EXPECT_FALSE(Value::List({Value::Int(1)}) == Value::List({Value::Int(2)}));
}

TEST(CompareScalars, OrdersByValueAndLeavesNaNAndMixedKindsUnordered) {
  const auto less = std::partial_ordering::less;
  EXPECT_EQ(CompareScalars(Value::Int(-1), Value::Int(1)), less);
  EXPECT_EQ(CompareScalars(Value::Bool(false), Value::Bool(true)), less);
  EXPECT_EQ(CompareScalars(Value::Text("z"), Value::Text("\xc3\xa9")), less);  // bytewise, unsigned
  EXPECT_EQ(CompareScalars(Value::Text("a"), Value::Text("ab")), less);
  EXPECT_EQ(CompareScalars(Value::Decimal(-10), Value::Decimal(9)), less);
  EXPECT_EQ(CompareScalars(Value::TimestampOf(1, 5), Value::TimestampOf(1, 6)), less);
  EXPECT_EQ(CompareScalars(Value::Float(0.0f), Value::Float(-0.0f)),
            std::partial_ordering::equivalent);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(CompareScalars(Value::Double(nan), Value::Double(1)), std::partial_ordering::unordered);
  EXPECT_EQ(CompareScalars(Value::Int(1), Value::Double(1)), std::partial_ordering::unordered);
  EXPECT_EQ(CompareScalars(Value::Null(), Value::Null()), std::partial_ordering::unordered);
}

TEST(ToText, WritesEveryKindAsDumpsShowIt) {
  EXPECT_EQ(ToText(Value::Null(), Type("INT")), "null");
  EXPECT_EQ(ToText(Value::Float(0.1f), Type("FLOAT")), "0.1");
  EXPECT_EQ(ToText(Value::Double(-0.0), Type("DOUBLE")), "\"-0.0\"");
  EXPECT_EQ(ToText(Value::Double(-std::numeric_limits<double>::infinity()), Type("DOUBLE")),
            "\"-Infinity\"");
  EXPECT_EQ(ToText(Value::Text("\x01\xff"), Type("BYTES")), "\"01ff\"");
  EXPECT_EQ(ToText(Value::Text("a\xff"), Type("STRING")), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(ToText(Value::Decimal(150), Type("DECIMAL(5, 2)")), "\"1.50\"");
  EXPECT_EQ(ToText(Value::TimestampOf(-1, 999999), Type("TIMESTAMP(9)")),
            R"({"ms":-1,"nano_of_ms":999999})");
  EXPECT_EQ(ToText(Value::Map({{Value::Text("k")}, {Value::Int(1)}}), Type("MAP<STRING, INT>")),
            R"([["k",1]])");
  EXPECT_EQ(
      ToText(Value::List({Value::Int(1), Value::Text("x")}), Type("ROW<`a` INT, `b` STRING>")),
      R"([1,"x"])");
  EXPECT_EQ(ToText(Value::Text("x"), Type("INT")), "\"?\"");
}

}  // namespace
}  // namespace strom::format
