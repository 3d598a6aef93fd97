// How the time is written in the names of auto partitions (spec 06, 11.3): a small grammar of our
// own. Letters y or u (4 digits), Q or q (1), M or L, d, H (2) stand for fields, exactly those that
// the time unit needs and the largest first; text between ' is taken as it is, '' is a quote.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/table_options.h"

namespace strom::metadata {

// A local time to the hour.
struct CivilHour {
  int32_t year = 1970;
  int32_t month = 1;  // 1..12
  int32_t day = 1;
  int32_t hour = 0;

  int32_t quarter() const { return (month - 1) / 3 + 1; }
  friend bool operator==(const CivilHour&, const CivilHour&) = default;
};

// The hour that many units later, or before if negative. A day that its month does not have becomes
// the month's last one. Stays within the years 0 to 9999, which have four digits.
CivilHour Shifted(const CivilHour& time, AutoPartitionUnit unit, int32_t units);

class TimeFormat {
 public:
  // The error is a text for the user that ends with a full stop.
  static std::expected<TimeFormat, std::string> Parse(std::string_view pattern,
                                                      AutoPartitionUnit unit);
  // Digits without separators, e.g. yyyyMMdd.
  static TimeFormat Default(AutoPartitionUnit unit);

  std::string Format(const CivilHour& time) const;

 private:
  enum class Field : uint8_t { kYear, kQuarter, kMonth, kDay, kHour, kLiteral };
  struct Piece {
    Field field = Field::kLiteral;
    size_t width = 0;     // of a field: repetitions of its letter
    std::string literal;  // of kLiteral
  };
  friend class TimeFormatReader;

  std::vector<Piece> pieces_;
};

}  // namespace strom::metadata
