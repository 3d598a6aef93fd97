// Numbers and times as Java's toString writes them: parts of Hudi bucket keys and of partition
// names (spec 03, 8.5 and 10).
#pragma once

#include <cstdint>
#include <string>

#include "format/value.h"

namespace strom::format {

// "1.0", "1.0E10", "-Infinity", "NaN": the shortest digits that read back as the same number, with
// an exponent below 10^-3 and from 10^7 on.
std::string JavaText(float value);
std::string JavaText(double value);

// A time in the proleptic Gregorian calendar.
struct CivilTime {
  int64_t year = 1970;
  uint32_t month = 1;  // 1..12
  uint32_t day = 1;
  uint32_t hour = 0;
  uint32_t minute = 0;
  uint32_t second = 0;
  uint32_t nano = 0;  // of the second
};
// Any timestamp; nano_of_ms outside 0..999999 is clamped into it.
CivilTime CivilTimeOf(TimestampValue timestamp);
CivilTime CivilDayOf(int64_t days_since_1970);

// "2024-02-29": years have at least four digits, those above 9999 a '+'.
std::string IsoDate(const CivilTime& time);
// "2023-11-14T22:13:20.123456" of a local time: without seconds when they and the fraction are 0;
// the fraction in groups of three digits.
std::string IsoLocalTime(const CivilTime& time);
// The same of an instant: seconds always, and "Z".
std::string IsoInstant(const CivilTime& time);

}  // namespace strom::format
