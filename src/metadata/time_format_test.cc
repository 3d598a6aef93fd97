#include "metadata/time_format.h"

#include <cstdio>
#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"

namespace strom::metadata {
namespace {

using Unit = AutoPartitionUnit;
constexpr CivilHour kTime{2024, 3, 9, 7};

std::string Formatted(std::string_view pattern, Unit unit) {
  const auto format = TimeFormat::Parse(pattern, unit);
  return format ? format->Format(kTime) : format.error();
}

AutoPartitionUnit UnitOf(std::string_view text) {
  for (const Unit unit : {Unit::kYear, Unit::kQuarter, Unit::kMonth, Unit::kDay, Unit::kHour}) {
    if (TextOf(unit) == text) return unit;
  }
  throw std::runtime_error(fmt::format("unknown unit {}", text));
}

// "2024-11-11T11:30:00Z"
CivilHour InstantOf(const std::string& text) {
  CivilHour time;
  const int read =
      std::sscanf(text.c_str(), "%d-%d-%dT%d", &time.year, &time.month, &time.day, &time.hour);
  if (read != 4) throw std::runtime_error(fmt::format("no instant: {}", text));
  return time;
}

// Those in UTC; other zones belong to creating and dropping partitions by time.
TEST(PartitionsVectors, ThePartitionOfAnInstantHasTheNameOfTheReference) {
  VectorReport report("metadata/partitions.json");
  const auto vectors = LoadVectors("metadata/partitions.json");
  constexpr int kOffsets[] = {-7, -1, 0, 1, 2};
  size_t named = 0;
  const auto check = [&](const TimeFormat& format, const nlohmann::ordered_json& item) {
    const CivilHour instant = InstantOf(item["instant"]);
    for (size_t i = 0; i < std::size(kOffsets); ++i) {
      EXPECT_EQ(
          format.Format(Shifted(instant, UnitOf(item["unit"].get<std::string>()), kOffsets[i])),
          item["names_for_offsets_-7_-1_0_1_2"][i].get<std::string>());
    }
    ++named;
  };
  for (const auto& item : vectors["auto_partition_names"]) {
    if (item["zone"] != "UTC") continue;
    const auto format = TimeFormat::Default(UnitOf(item["unit"].get<std::string>()));
    check(format, item);
  }
  for (const auto& item : vectors["auto_partition_names_with_time_format"]) {
    const auto format = TimeFormat::Parse(item["format"].get<std::string>(),
                                          UnitOf(item["unit"].get<std::string>()));
    ASSERT_TRUE(format) << format.error();
    check(*format, item);
  }
  EXPECT_EQ(named, 26U);
  for (const auto& [section, cases] : vectors.items()) {
    if (cases.is_array()) {
      report.Later(fmt::format("{} of {} (partitions are not served yet)", cases.size(), section));
    }
  }
}

// kv/partition-names.json counts from an instant as well; the rest of it is tested where names are
// made and checked.
TEST(PartitionNamesVectors, PartitionsAroundAnInstantAreNamedAsTheReferenceDoes) {
  VectorReport report("kv/partition-names.json");
  size_t cases = 0;
  for (const auto& item : LoadVectors("kv/partition-names.json")["auto_partition"]) {
    const Unit unit = UnitOf(item["unit"].get<std::string>());
    const CivilHour time = Shifted(InstantOf(item["now"]), unit, item["offset"].get<int32_t>());
    EXPECT_EQ(TimeFormat::Default(unit).Format(time), item["value"].get<std::string>());
    report.CaseDone(item.dump());
    ++cases;
  }
  EXPECT_EQ(cases, 20U);
}

TEST(TimeFormat, ShiftsKeepToTheCalendar) {
  EXPECT_EQ(Shifted({2024, 1, 31, 5}, Unit::kMonth, 1), (CivilHour{2024, 2, 29, 5}));
  EXPECT_EQ(Shifted({2024, 2, 29, 5}, Unit::kYear, -1), (CivilHour{2023, 2, 28, 5}));
  EXPECT_EQ(Shifted({2024, 12, 31, 23}, Unit::kHour, 1), (CivilHour{2025, 1, 1, 0}));
  for (const Unit unit : {Unit::kYear, Unit::kQuarter, Unit::kMonth, Unit::kDay, Unit::kHour}) {
    const auto most = std::numeric_limits<int32_t>::max();
    EXPECT_EQ(TimeFormat::Default(Unit::kYear).Format(Shifted(kTime, unit, most)), "9999");
    EXPECT_EQ(TimeFormat::Default(Unit::kYear).Format(Shifted(kTime, unit, -most)), "0000");
  }
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
