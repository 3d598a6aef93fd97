#include "log/bucket_lines.h"

#include <algorithm>
#include <optional>

#include "log/file_names.h"

namespace strom::log {
namespace {

constexpr std::string_view kVersion = "0";

// What stands in front of the next separator; `text` goes on behind it.
std::string_view Next(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::unexpected<Error> Unreadable(std::string_view reason) {
  return Fail(ErrorCode::kLogStorage, "The checkpoint file is unreadable: {}.", reason);
}

// A number may be negative (a timestamp that is none).
std::optional<int64_t> ParseNumber(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto digits = ParseDigits<int64_t>(negative ? text.substr(1) : text);
  if (!digits) return std::nullopt;
  return negative ? -*digits : *digits;
}

}  // namespace

Result<std::vector<BucketLine>> ParseBucketLines(std::string_view text, size_t numbers) {
  std::vector<BucketLine> lines;
  if (text.empty()) return lines;
  if (Next(text, '\n') != kVersion) return Unreadable("its version is unknown");
  const auto count = ParseDigits<uint64_t>(Next(text, '\n'));
  if (!count) return Unreadable("the number of entries is missing");
  while (!text.empty()) {
    std::string_view line = Next(text, '\n');
    const size_t words =
        static_cast<size_t>(std::ranges::count(line, ' ')) + (line.empty() ? 0U : 1U);
    const bool partitioned = words == numbers + 3;
    if (!partitioned && words != numbers + 2) return Unreadable("an entry has too few numbers");
    const auto table = ParseDigits<int64_t>(Next(line, ' '));
    const auto partition = partitioned ? ParseDigits<int64_t>(Next(line, ' ')) : 0;
    const auto bucket = ParseDigits<int32_t>(Next(line, ' '));
    if (!table || !partition || !bucket) return Unreadable("an entry is no number");
    BucketLine entry{{TableId(*table), std::nullopt, BucketId(*bucket)}, {}};
    if (partitioned) entry.bucket.partition = PartitionId(*partition);
    entry.numbers.reserve(numbers);
    for (size_t i = 0; i < numbers; ++i) {
      const auto number = ParseNumber(Next(line, ' '));
      if (!number) return Unreadable("an entry is no number");
      entry.numbers.push_back(*number);
    }
    lines.push_back(std::move(entry));
  }
  if (lines.size() != *count) return Unreadable("the number of entries does not match");
  return lines;
}

std::string FormatBucketLines(std::vector<BucketLine> lines) {
  std::ranges::sort(lines, {}, &BucketLine::bucket);
  std::string text = fmt::format("{}\n{}\n", kVersion, lines.size());
  for (const BucketLine& line : lines) {
    fmt::format_to(std::back_inserter(text), "{}", line.bucket.table);
    if (line.bucket.partition) {
      fmt::format_to(std::back_inserter(text), " {}", *line.bucket.partition);
    }
    fmt::format_to(std::back_inserter(text), " {}", line.bucket.bucket);
    for (const int64_t number : line.numbers)
      fmt::format_to(std::back_inserter(text), " {}", number);
    text += '\n';
  }
  return text;
}

}  // namespace strom::log
