#include "kv/decimal_math.h"

#include <limits>

#include <gtest/gtest.h>

namespace strom::kv {
namespace {

Int128 Decimal(std::string_view text, int32_t scale) {
  return format::ParseDecimalText(text, scale).value();
}

constexpr Int128 kLargest =
    static_cast<Int128>(~static_cast<unsigned __int128>(0) >> 1);  // 2^127 - 1

TEST(DecimalMath, ProductsRoundHalfAwayFromZero) {
  EXPECT_EQ(MultiplyDecimals(125, 111, 6, 2), 139);  // 1.3875
  EXPECT_EQ(MultiplyDecimals(50, 1, 6, 2), 1);       // 0.0050
  EXPECT_EQ(MultiplyDecimals(-50, 1, 6, 2), -1);
  EXPECT_EQ(MultiplyDecimals(49, 1, 6, 2), 0);  // 0.0049
  EXPECT_EQ(MultiplyDecimals(-3, -4, 2, 0), 12);
  EXPECT_EQ(MultiplyDecimals(0, -7, 5, 2), 0);
  EXPECT_EQ(MultiplyDecimals(5, 1, 3, 1), 1);  // 0.05
}

TEST(DecimalMath, ProductsThatNeedMoreDigitsAreNone) {
  EXPECT_EQ(MultiplyDecimals(99999, 99999, 5, 2), std::nullopt);
  EXPECT_EQ(MultiplyDecimals(33333, 300, 5, 2), 99999);
  // Only the rounding makes it too long: 9.99 x 1.00 = 9.99, 9.995 -> 10.00.
  EXPECT_EQ(MultiplyDecimals(1999, 50, 3, 2), std::nullopt);  // 19.99 x 0.50
  EXPECT_EQ(MultiplyDecimals(1998, 50, 3, 2), 999);
}

TEST(DecimalMath, ProductsAreExactBeyond128Bits) {
  // (10^19)^2 with 38 digits of which 19 are a fraction: 10^38 / 10^19.
  const Int128 ten19 = Decimal("10000000000000000000", 0);
  EXPECT_EQ(MultiplyDecimals(ten19, ten19, 38, 19), ten19);
  const Int128 a = Decimal("12345678901234567.8901234567890123456", 19);
  const Int128 b = Decimal("0.0000000987654321012", 19);
  EXPECT_EQ(MultiplyDecimals(a, b, 38, 19), Decimal("1219326311.2631001358063100136", 19));
  EXPECT_EQ(MultiplyDecimals(-a, b, 38, 19), Decimal("-1219326311.2631001358063100136", 19));
  EXPECT_EQ(MultiplyDecimals(kLargest, kLargest, 38, 0), std::nullopt);
  EXPECT_EQ(MultiplyDecimals(-kLargest - 1, -kLargest - 1, 38, 38), std::nullopt);
  EXPECT_EQ(MultiplyDecimals(-kLargest - 1, 1, 38, 38), -2);  // 1.7 x 10^38 / 10^38, rounded
}

TEST(DecimalMath, SumsKnowTheirLimits) {
  EXPECT_EQ(AddDecimals(kLargest, -1), kLargest - 1);
  EXPECT_EQ(AddDecimals(kLargest, 1), std::nullopt);
  EXPECT_EQ(AddDecimals(-kLargest, -2), std::nullopt);
  EXPECT_TRUE(FitsPrecision(999, 3));
  EXPECT_FALSE(FitsPrecision(1000, 3));
  EXPECT_TRUE(FitsPrecision(-999, 3));
  EXPECT_FALSE(FitsPrecision(-kLargest - 1, 38));
}

}  // namespace
}  // namespace strom::kv
