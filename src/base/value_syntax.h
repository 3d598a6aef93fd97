// How values are written in server.yaml and in table properties (spec 06, 5.2 at the end). One
// syntax for both. A parser answers nothing when the text is not of its kind or does not fit; the
// caller knows the key and makes the error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strom {

// "true" or "false" in any case.
std::optional<bool> ParseBool(std::string_view text);
// Decimal digits with an optional sign, nothing around them.
std::optional<int32_t> ParseInt32(std::string_view text);
std::optional<int64_t> ParseInt64(std::string_view text);
// A finite number, e.g. "0.85", "1e3".
std::optional<double> ParseDouble(std::string_view text);

// An unsigned whole number and a unit, "7 d", "500ms", "3 min"; the unit in any case and required.
// Parts of a microsecond are cut off. Reaches to 292,000 years.
std::optional<std::chrono::microseconds> ParseDuration(std::string_view text);

// An unsigned whole number and a unit, "64 mb", "1 bytes"; powers of 1024, at most 2^63-1 bytes.
std::optional<int64_t> ParseMemorySize(std::string_view text);

// Position of the text in `texts`, in any case.
std::optional<size_t> FindIgnoringCase(std::span<const std::string_view> texts,
                                       std::string_view text);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// "a, b,c": parts between commas without the white space around them; empty parts are left out.
std::vector<std::string> ParseList(std::string_view text);
// "k:v, k2:v2"; a value may hold further colons. Nothing when a part has no colon or an empty key,
// or when a key occurs twice.
std::optional<std::map<std::string, std::string>> ParseMap(std::string_view text);

std::string_view TrimSpaces(std::string_view text);
// ASCII letters only, independent of the locale.
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);

}  // namespace strom
