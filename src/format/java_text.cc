#include "format/java_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

namespace strom::format {
namespace {

// Digits d1d2d3… and exponent of d1.d2d3… * 10^exponent.
struct Scientific {
  std::string digits;
  int exponent = 0;
};

template <class T>
Scientific ShortestDigits(T magnitude) {
  std::array<char, 64> buffer;
  char* const end = buffer.data() + buffer.size();
  auto written = std::to_chars(buffer.data(), end, magnitude, std::chars_format::scientific);
  // Java writes at least two digits, the nearest two where one would do: 4.9E-324, not 5E-324.
  if (buffer[1] != '.') {
    written = std::to_chars(buffer.data(), end, magnitude, std::chars_format::scientific, 1);
  }
  const std::string_view text(buffer.data(), static_cast<size_t>(written.ptr - buffer.data()));
  const size_t e = text.find('e');
  Scientific result;
  result.digits = text.substr(0, 1);
  result.digits += text.substr(2, e - 2);
  const size_t exponent_at = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + exponent_at, text.data() + text.size(), result.exponent);
  return result;
}

std::string WithoutExponent(const Scientific& number) {
  const std::string& digits = number.digits;
  if (number.exponent < 0) {
    std::string text = "0.";
    text.append(static_cast<size_t>(-number.exponent - 1), '0');
    text += digits.size() == 2 && digits[1] == '0' ? digits.substr(0, 1) : digits;
    return text;
  }
  const size_t whole = static_cast<size_t>(number.exponent) + 1;
  if (digits.size() <= whole) return digits + std::string(whole - digits.size(), '0') + ".0";
  return digits.substr(0, whole) + "." + digits.substr(whole);
}

template <class T>
std::string TextOfFloating(T value) {
  if (std::isnan(value)) return "NaN";
  const std::string sign = std::signbit(value) ? "-" : "";
  const T magnitude = std::abs(value);
  if (std::isinf(value)) return sign + "Infinity";
  if (magnitude == 0) return sign + "0.0";
  const Scientific number = ShortestDigits(magnitude);
  if (number.exponent >= -3 && number.exponent < 7) return sign + WithoutExponent(number);
  return fmt::format("{}{}.{}E{}", sign, number.digits.substr(0, 1), number.digits.substr(1),
                     number.exponent);
}

constexpr int64_t kMsPerDay = 86'400'000;
constexpr uint32_t kNanosPerMs = 1'000'000;

// ".123", ".123456" or ".123456789"; nothing of 0.
std::string Fraction(uint32_t nano) {
  if (nano == 0) return "";
  if (nano % kNanosPerMs == 0) return fmt::format(".{:03}", nano / kNanosPerMs);
  if (nano % 1000 == 0) return fmt::format(".{:06}", nano / 1000);
  return fmt::format(".{:09}", nano);
}

}  // namespace

std::string JavaText(float value) {
  return TextOfFloating(value);
}
std::string JavaText(double value) {
  return TextOfFloating(value);
}

// Days to date by eras of 400 years, which std::chrono does for years up to 32767 only.
CivilTime CivilDayOf(int64_t days_since_1970) {
  constexpr int64_t kDaysPerEra = 146'097;
  constexpr int64_t kYearsPerEra = 400;
  int64_t era = days_since_1970 / kDaysPerEra;
  int64_t day = days_since_1970 % kDaysPerEra;
  if (day < 0) {
    day += kDaysPerEra;
    --era;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return {.year = static_cast<int>(date.year()) + era * kYearsPerEra,
          .month = static_cast<uint32_t>(date.month()),
          .day = static_cast<uint32_t>(date.day())};
}

CivilTime CivilTimeOf(TimestampValue timestamp) {
  int64_t days = timestamp.ms / kMsPerDay;
  int64_t ms = timestamp.ms % kMsPerDay;
  if (ms < 0) {
    ms += kMsPerDay;
    --days;
  }
  CivilTime time = CivilDayOf(days);
  const auto second_of_day = static_cast<uint32_t>(ms / 1000);
  time.hour = second_of_day / 3600;
  time.minute = second_of_day / 60 % 60;
  time.second = second_of_day % 60;
  time.nano = static_cast<uint32_t>(ms % 1000) * kNanosPerMs +
              static_cast<uint32_t>(std::clamp(timestamp.nano_of_ms, 0, 999'999));
  return time;
}

std::string IsoDate(const CivilTime& time) {
  const std::string_view sign = time.year < 0 ? "-" : time.year > 9999 ? "+" : "";
  return fmt::format("{}{:04}-{:02}-{:02}", sign, time.year < 0 ? -time.year : time.year,
                     time.month, time.day);
}

std::string IsoLocalTime(const CivilTime& time) {
  std::string text = fmt::format("{}T{:02}:{:02}", IsoDate(time), time.hour, time.minute);
  if (time.second != 0 || time.nano != 0) {
    text += fmt::format(":{:02}{}", time.second, Fraction(time.nano));
  }
  return text;
}

std::string IsoInstant(const CivilTime& time) {
  return fmt::format("{}T{:02}:{:02}:{:02}{}Z", IsoDate(time), time.hour, time.minute, time.second,
                     Fraction(time.nano));
}

}  // namespace strom::format
