// Names of the files of one log (spec 02, 9.1): an offset in 20 decimal digits and a suffix. The
// offset is the base offset of a segment, or the exclusive end of what a writer snapshot covers.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace strom::log {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
// Column ranges of a finished segment, for filtered reads; made when they are wanted.
inline constexpr std::string_view kRangesSuffix = ".ranges";
inline constexpr std::string_view kWriterSnapshotSuffix = ".writer_snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr size_t kOffsetDigits = 20;

// "00000000000000000020.log" for offset 20.
inline std::string FileName(Offset offset, std::string_view suffix) {
  return fmt::format("{:020}{}", offset.value, suffix);
}

inline std::string FilePath(std::string_view directory, Offset offset, std::string_view suffix) {
  return fmt::format("{}/{:020}{}", directory, offset.value, suffix);
}

// ASCII digits only, no sign; nothing if it does not fit.
template <class T>
std::optional<T> ParseDigits(std::string_view text) {
  if (text.empty() || text[0] == '-') return std::nullopt;
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The offset of a name with this suffix; nothing if it is another kind of file.
inline std::optional<Offset> OffsetOfFileName(std::string_view name, std::string_view suffix) {
  if (name.size() != kOffsetDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  const auto value = ParseDigits<int64_t>(name.substr(0, kOffsetDigits));
  if (!value) return std::nullopt;
  return Offset(*value);
}

}  // namespace strom::log
