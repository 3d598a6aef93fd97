#include "metadata/time_format.h"

#include <gtest/gtest.h>

namespace strom::metadata {
namespace {

using Unit = AutoPartitionUnit;
constexpr CivilHour kTime{2024, 3, 9, 7};

std::string Formatted(std::string_view pattern, Unit unit) {
  const auto format = TimeFormat::Parse(pattern, unit);
  return format ? format->Format(kTime) : format.error();
}

TEST(TimeFormat, DefaultsAreDigitsWithoutSeparators) {
  EXPECT_EQ(TimeFormat::Default(Unit::kYear).Format(kTime), "2024");
  EXPECT_EQ(TimeFormat::Default(Unit::kQuarter).Format(kTime), "20241");
  EXPECT_EQ(TimeFormat::Default(Unit::kMonth).Format(kTime), "202403");
  EXPECT_EQ(TimeFormat::Default(Unit::kDay).Format(kTime), "20240309");
  EXPECT_EQ(TimeFormat::Default(Unit::kHour).Format(kTime), "2024030907");
}

TEST(TimeFormat, TakesOtherTextAsItIs) {
  EXPECT_EQ(Formatted("yyyy-MM-dd", Unit::kDay), "2024-03-09");
  EXPECT_EQ(Formatted("uuuu_LL", Unit::kMonth), "2024_03");
  EXPECT_EQ(Formatted("yyyy-'Q'q", Unit::kQuarter), "2024-Q1");
  EXPECT_EQ(Formatted("'dt_'yyyyMMdd", Unit::kDay), "dt_20240309");
}

TEST(TimeFormat, ReportsTheFirstProblem) {
  EXPECT_EQ(Formatted("yyyy'", Unit::kYear), "Invalid date-time format pattern 'yyyy''.");
  EXPECT_EQ(Formatted("[yyyy]E", Unit::kYear),
            "Time format '[yyyy]E' must not contain optional sections ('[' or ']').");
  EXPECT_EQ(Formatted("yyyyHHmm", Unit::kHour),
            "Time format 'yyyyHHmm' contains unsupported time field 'm'.");
  EXPECT_EQ(Formatted("yy", Unit::kYear),
            "Time field 'year' in format 'yy' must have fixed width 4, but found 2.");
  EXPECT_EQ(Formatted("", Unit::kMonth),
            "Time format '' must contain fields [year, month] in this order for time unit 'MONTH', "
            "but found [].");
}

TEST(TimeFormat, QuotesStandForThemselvesWhenDoubled) {
  EXPECT_EQ(Formatted("yyyy''", Unit::kYear),
            "Time format 'yyyy''' generates invalid partition value '2024'': '2024'' contains one "
            "or more characters other than ASCII alphanumerics, '_' and '-'.");
  EXPECT_EQ(Formatted("'a''b'yyyy", Unit::kYear),
            "Time format ''a''b'yyyy' generates invalid partition value 'a'b2024': 'a'b2024' "
            "contains one or more characters other than ASCII alphanumerics, '_' and '-'.");
}

}  // namespace
}  // namespace strom::metadata
