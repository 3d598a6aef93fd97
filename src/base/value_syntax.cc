#include "base/value_syntax.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace strom {

namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

char LowerOf(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char UpperOf(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

template <class T>
std::optional<T> ParseWhole(std::string_view text) {
  // from_chars takes '-' but not '+'.
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

struct NumberAndUnit {
  uint64_t number = 0;
  std::string unit;  // lower case, without white space around it; may be empty
};

std::optional<NumberAndUnit> SplitUnit(std::string_view text) {
  text = TrimSpaces(text);
  NumberAndUnit parts;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, parts.number);
  if (problem != std::errc()) return std::nullopt;
  parts.unit = ToLower(TrimSpaces(std::string_view(stop, static_cast<size_t>(end - stop))));
  return parts;
}

// number * factor, if that is at most 2^63-1.
std::optional<int64_t> Scale(uint64_t number, uint64_t factor) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product) ||
      product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return static_cast<int64_t>(product);
}

struct Unit {
  std::string_view names;  // between and around spaces
  uint64_t factor;
};

// The factor of the unit that has `name` among its names.
std::optional<uint64_t> FactorOf(std::span<const Unit> units, const std::string& name) {
  if (name.empty() || name.find(' ') != std::string::npos) return std::nullopt;
  const std::string padded = " " + name + " ";
  for (const Unit& unit : units) {
    if (unit.names.find(padded) != std::string_view::npos) return unit.factor;
  }
  return std::nullopt;
}

// In microseconds; nanoseconds are divided instead.
constexpr Unit kDurationUnits[] = {
    {" d day days ", 86'400'000'000},
    {" h hour hours ", 3'600'000'000},
    {" min m minute minutes ", 60'000'000},
    {" s sec secs second seconds ", 1'000'000},
    {" ms milli millis millisecond milliseconds ", 1'000},
    {" \xc2\xb5s micro micros microsecond microseconds ", 1},
};
constexpr Unit kNanoseconds[] = {{" ns nano nanos nanosecond nanoseconds ", 1}};

constexpr Unit kMemoryUnits[] = {
    {" b bytes ", 1},
    {" k kb kibibytes ", uint64_t{1} << 10},
    {" m mb mebibytes ", uint64_t{1} << 20},
    {" g gb gibibytes ", uint64_t{1} << 30},
    {" t tb tebibytes ", uint64_t{1} << 40},
};

}  // namespace

std::optional<bool> ParseBool(std::string_view text) {
  if (EqualsIgnoringCase(text, "true")) return true;
  if (EqualsIgnoringCase(text, "false")) return false;
  return std::nullopt;
}

std::optional<int32_t> ParseInt32(std::string_view text) {
  return ParseWhole<int32_t>(text);
}
std::optional<int64_t> ParseInt64(std::string_view text) {
  return ParseWhole<int64_t>(text);
}

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::chrono::microseconds> ParseDuration(std::string_view text) {
  const auto parts = SplitUnit(text);
  if (!parts) return std::nullopt;
  if (FactorOf(kNanoseconds, parts->unit)) {
    return std::chrono::microseconds(static_cast<int64_t>(parts->number / 1000));
  }
  const auto factor = FactorOf(kDurationUnits, parts->unit);
  if (!factor) return std::nullopt;
  const auto micros = Scale(parts->number, *factor);
  if (!micros) return std::nullopt;
  return std::chrono::microseconds(*micros);
}

std::optional<int64_t> ParseMemorySize(std::string_view text) {
  const auto parts = SplitUnit(text);
  if (!parts) return std::nullopt;
  const auto factor = FactorOf(kMemoryUnits, parts->unit);
  if (!factor) return std::nullopt;
  return Scale(parts->number, *factor);
}

std::optional<size_t> FindIgnoringCase(std::span<const std::string_view> texts,
                                       std::string_view text) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (EqualsIgnoringCase(texts[i], text)) return i;
  }
  return std::nullopt;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return LowerOf(x) == LowerOf(y); });
}

std::vector<std::string> ParseList(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = TrimSpaces(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::map<std::string, std::string>> ParseMap(std::string_view text) {
  std::map<std::string, std::string> map;
  for (const std::string& part : ParseList(text)) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::string_view whole = part;
    std::string key(TrimSpaces(whole.substr(0, colon)));
    std::string value(TrimSpaces(whole.substr(colon + 1)));
    if (key.empty() || !map.emplace(std::move(key), std::move(value)).second) return std::nullopt;
  }
  return map;
}

std::string_view TrimSpaces(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), LowerOf);
  return lower;
}

std::string ToUpper(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), UpperOf);
  return upper;
}

}  // namespace strom
