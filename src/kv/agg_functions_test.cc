#include "kv/agg_functions.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "kv/test_tables.h"

namespace strom::kv {
namespace {

using test::Value;

AggColumn ColumnOf(const std::string& function, const std::string& type) {
  auto column = MakeAggColumn(test::Column("c", type, function), false);
  if (!column) throw std::runtime_error(column.error().message);
  return *column;
}

Result<Value> Try(const AggColumn& column, Value stored, Value incoming) {
  STROM_TRY_VOID(Aggregate(column, stored, incoming));
  return stored;
}

Value Apply(const std::string& function, const std::string& type, Value stored, Value incoming) {
  auto result = Try(ColumnOf(function, type), std::move(stored), std::move(incoming));
  if (!result) throw std::runtime_error(result.error().message);
  return *result;
}

Value Int(int64_t number) {
  return Value::Int(number);
}
Value Text(std::string_view text) {
  return Value::Text(text);
}
const Value kNull = Value::Null();

// The type, and two values of it that are no neutral element.
struct Sample {
  std::string type;
  Value a;
  Value b;
};
Sample SampleFor(const std::string& function) {
  if (function == "listagg" || function == "string_agg") return {"STRING", Text("a"), Text("b")};
  if (function == "bool_and" || function == "bool_or") {
    return {"BOOLEAN", Value::Bool(true), Value::Bool(false)};
  }
  if (function.starts_with("rbm")) return {"BYTES", Text("not looked at"), Text("neither")};
  return {"INT", Int(5), Int(7)};
}

TEST(AggFunctions, ANullLeavesTheOtherSide) {
  for (const std::string function :
       {"sum", "product", "max", "min", "listagg", "string_agg", "bool_and", "bool_or", "rbm32",
        "rbm64", "last_value_ignore_nulls", "first_value", "first_value_ignore_nulls"}) {
    SCOPED_TRACE(function);
    const Sample sample = SampleFor(function);
    EXPECT_EQ(Apply(function, sample.type, sample.a, kNull), sample.a);
    EXPECT_EQ(Apply(function, sample.type, kNull, sample.b), sample.b);
    EXPECT_EQ(Apply(function, sample.type, kNull, kNull), kNull);
  }
}

TEST(AggFunctions, LastValueTakesEverythingFirstValueTheFirstThatIsNotNull) {
  EXPECT_EQ(Apply("last_value", "INT", Int(1), Int(2)), Int(2));
  EXPECT_EQ(Apply("last_value", "INT", Int(1), kNull), kNull);
  EXPECT_EQ(Apply("last_value_ignore_nulls", "INT", Int(1), Int(2)), Int(2));
  EXPECT_EQ(Apply("first_value", "INT", Int(1), Int(2)), Int(1));
  EXPECT_EQ(Apply("first_value_ignore_nulls", "INT", Int(1), Int(2)), Int(1));
}

TEST(AggFunctions, IntegersWrapInTheirWidth) {
  EXPECT_EQ(Apply("sum", "TINYINT", Int(127), Int(1)), Int(-128));
  EXPECT_EQ(Apply("sum", "SMALLINT", Int(-32768), Int(-1)), Int(32767));
  EXPECT_EQ(Apply("sum", "INT", Int(2147483647), Int(1)), Int(-2147483648));
  EXPECT_EQ(Apply("sum", "BIGINT", Int(std::numeric_limits<int64_t>::max()), Int(1)),
            Int(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(Apply("product", "TINYINT", Int(-128), Int(-1)), Int(-128));
  EXPECT_EQ(Apply("product", "SMALLINT", Int(300), Int(300)), Int(24464));
  EXPECT_EQ(Apply("product", "INT", Int(65536), Int(65536)), Int(0));
  EXPECT_EQ(Apply("product", "BIGINT", Int(std::numeric_limits<int64_t>::min()), Int(-1)),
            Int(std::numeric_limits<int64_t>::min()));
}

TEST(AggFunctions, FloatsCalculateInTheirWidth) {
  EXPECT_EQ(Apply("sum", "FLOAT", Value::Float(16777216.0F), Value::Float(1.0F)),
            Value::Float(16777216.0F));
  EXPECT_EQ(Apply("sum", "DOUBLE", Value::Double(16777216.0), Value::Double(1.0)),
            Value::Double(16777217.0));
  EXPECT_EQ(Apply("product", "FLOAT", Value::Float(3e38F), Value::Float(-10.0F)),
            Value::Float(-std::numeric_limits<float>::infinity()));
  const Value sum = Apply("sum", "DOUBLE", Value::Double(INFINITY), Value::Double(-INFINITY));
  EXPECT_TRUE(std::isnan(*sum.As<double>()));
}

TEST(AggFunctions, FloatsHaveATotalOrder) {
  const auto check = [](const std::string& type, auto make) {
    const Value ascending[] = {make(-INFINITY), make(-1.0),     make(-0.0), make(0.0),
                               make(1.0),       make(INFINITY), make(NAN)};
    for (size_t i = 0; i < std::size(ascending); ++i) {
      for (size_t k = 0; k < std::size(ascending); ++k) {
        EXPECT_EQ(Apply("max", type, ascending[i], ascending[k]), ascending[std::max(i, k)]);
        EXPECT_EQ(Apply("min", type, ascending[i], ascending[k]), ascending[std::min(i, k)]);
      }
    }
  };
  check("DOUBLE", [](double v) { return Value::Double(v); });
  check("FLOAT", [](double v) { return Value::Float(static_cast<float>(v)); });
}

TEST(AggFunctions, MaxAndMinOrderEachType) {
  EXPECT_EQ(Apply("max", "BIGINT", Int(-5), Int(3)), Int(3));
  EXPECT_EQ(Apply("min", "DATE", Int(-5), Int(3)), Int(-5));
  // Bytes above 0x7f are greater than letters, whatever char is.
  EXPECT_EQ(Apply("max", "STRING", Text("z"), Text("\xc3\xa9")), Text("\xc3\xa9"));
  EXPECT_EQ(Apply("min", "STRING", Text("z"), Text("\xc3\xa9")), Text("z"));
  EXPECT_EQ(Apply("min", "CHAR(3)", Text("ab"), Text("a")), Text("a"));
  EXPECT_EQ(Apply("max", "DECIMAL(38, 2)", Value::Decimal(-7), Value::Decimal(-8)),
            Value::Decimal(-7));
  EXPECT_EQ(Apply("max", "TIMESTAMP(9)", Value::TimestampOf(5, 1), Value::TimestampOf(5, 2)),
            Value::TimestampOf(5, 2));
  EXPECT_EQ(Apply("min", "TIMESTAMP(9)", Value::TimestampOf(-5, 9), Value::TimestampOf(5, 2)),
            Value::TimestampOf(-5, 9));
}

TEST(AggFunctions, ListsJoinWithTheirDelimiter) {
  EXPECT_EQ(Apply("listagg", "STRING", Text("a"), Text("b")), Text("a,b"));
  EXPECT_EQ(Apply("string_agg", "STRING", Text(""), Text("")), Text(","));
  auto column = test::Column("c", "STRING", "listagg");
  column.agg_function->parameters = {{"delimiter", "; "}};
  EXPECT_EQ(*Try(*MakeAggColumn(column, false), Text("a"), Text("b")), Text("a; b"));
  const auto refused = Try(ColumnOf("listagg", "CHAR(5)"), Text("a"), Text("b"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnknownServerError);
  EXPECT_EQ(refused.error().message,
            "Data type for listagg column 'c' must be 'STRING' but was 'CHAR(5)'.");
}

TEST(AggFunctions, BooleansCombine) {
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      EXPECT_EQ(Apply("bool_and", "BOOLEAN", Value::Bool(a), Value::Bool(b)), Value::Bool(a && b));
      EXPECT_EQ(Apply("bool_or", "BOOLEAN", Value::Bool(a), Value::Bool(b)), Value::Bool(a || b));
    }
  }
}

TEST(AggFunctions, ADecimalSumOutOfRangeFailsUpTo18DigitsAndIsNullAbove) {
  const auto narrow = ColumnOf("sum", "DECIMAL(18, 0)");
  const format::Int128 most = format::ParseDecimalText("999999999999999999", 0).value();
  EXPECT_EQ(*Try(narrow, Value::Decimal(most - 1), Value::Decimal(1)), Value::Decimal(most));
  const auto refused = Try(narrow, Value::Decimal(most), Value::Decimal(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "The sum of column 'c' is out of range for DECIMAL(18, 0).");
  EXPECT_FALSE(Try(narrow, Value::Decimal(-most), Value::Decimal(-1)));
  // What a writer stored out of range comes back with the next sum that fits.
  EXPECT_EQ(*Try(narrow, Value::Decimal(most + 5), Value::Decimal(-5)), Value::Decimal(most));

  EXPECT_EQ(Apply("sum", "DECIMAL(19, 0)", Value::Decimal(most * 10 + 9), Value::Decimal(1)),
            kNull);
  const auto largest = static_cast<format::Int128>(~static_cast<unsigned __int128>(0) >> 1);
  EXPECT_EQ(Apply("sum", "DECIMAL(38, 0)", Value::Decimal(largest), Value::Decimal(largest)),
            kNull);
}

TEST(AggFunctions, ADecimalProductOutOfRangeIsNull) {
  EXPECT_EQ(Apply("product", "DECIMAL(6, 2)", Value::Decimal(139), Value::Decimal(900000)), kNull);
  EXPECT_EQ(Apply("product", "DECIMAL(6, 2)", Value::Decimal(125), Value::Decimal(-111)),
            Value::Decimal(-139));
  EXPECT_EQ(Apply("product", "DECIMAL(38, 0)", Value::Decimal(3), Value::Decimal(-4)),
            Value::Decimal(-12));
}

TEST(AggFunctions, BitmapsUniteAndGarbageNamesItsColumn) {
  const auto bytes = [](std::string_view hex) { return Text(AsText(*FromHex(hex))); };
  const Value zero = bytes("3a3000000100000000000000100000000000");
  const Value five = bytes("3a3000000100000000000000100000000500");
  const Value both = bytes("3a30000001000000000001001000000000000500");
  EXPECT_EQ(Apply("rbm32", "BYTES", zero, five), both);
  EXPECT_EQ(Apply("rbm64", "BYTES", bytes("00"), bytes("00")), bytes("00"));
  for (const bool stored_is_broken : {false, true}) {
    const Value broken = bytes("010203");
    const auto refused = Try(ColumnOf("rbm32", "BYTES"), stored_is_broken ? broken : zero,
                             stored_is_broken ? zero : broken);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kCorruptRecord);
    EXPECT_TRUE(refused.error().message.starts_with("Column 'c' (rbm32): "))
        << refused.error().message;
  }
  EXPECT_EQ(Try(ColumnOf("rbm64", "BYTES"), bytes("00"), zero).error().code,
            ErrorCode::kCorruptRecord);
}

TEST(AggFunctions, ColumnsWithoutOneKeepTheLastValueThatIsNotNull) {
  EXPECT_EQ(MakeAggColumn(test::Column("c", "INT"), false)->kind, AggKind::kLastNonNull);
  EXPECT_EQ(MakeAggColumn(test::Column("c", "INT"), true)->kind, AggKind::kLastValue);
  const auto unknown = MakeAggColumn(test::Column("c", "INT", "median"), false);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidTable);
}

}  // namespace
}  // namespace strom::kv
