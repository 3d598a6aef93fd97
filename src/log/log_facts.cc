#include "log/log_facts.h"

#include "base/crc32c.h"
#include "log/bucket_lines.h"
#include "log/file_names.h"

namespace strom::log {
namespace {

constexpr size_t kNumbers = 9;

std::unexpected<Error> Unreadable(std::string_view reason) {
  return Fail(ErrorCode::kLogStorage, "What was noted of the logs is unreadable: {}.", reason);
}

bool MakesSense(const LogFacts& facts) {
  const bool empty = facts.active_bytes == 0;
  return facts.start.value >= 0 && facts.start <= facts.active_base &&
         facts.active_base <= facts.end && facts.size_bytes >= facts.active_bytes &&
         empty == (facts.active_base == facts.end) && facts.segment_count >= 1 &&
         (facts.segment_count == 1) == (facts.start == facts.active_base);
}

}  // namespace

// The CRC-32C of the rest stands in the first line, in decimal.
Result<LogFactsMap> ParseLogFacts(std::string_view text) {
  const size_t newline = text.find('\n');
  const auto crc = ParseDigits<uint32_t>(text.substr(0, newline));
  if (!crc || newline == std::string_view::npos) return Unreadable("it has no checksum");
  text.remove_prefix(newline + 1);
  if (Crc32c(AsBytes(text)) != *crc) return Unreadable("its checksum does not match");
  STROM_TRY(const std::vector<BucketLine> lines, ParseBucketLines(text, kNumbers));
  LogFactsMap all;
  all.reserve(lines.size());
  for (const BucketLine& line : lines) {
    const std::vector<int64_t>& at = line.numbers;
    if (at[4] < 0 || at[5] < 0 || at[7] < 0) return Unreadable("a size is negative");
    const LogFacts facts{Offset(at[0]),
                         Offset(at[1]),
                         Timestamp(at[2]),
                         Timestamp(at[3]),
                         static_cast<uint64_t>(at[4]),
                         static_cast<uint64_t>(at[5]),
                         Offset(at[6]),
                         static_cast<uint64_t>(at[7]),
                         Timestamp(at[8])};
    if (!MakesSense(facts)) {
      return Unreadable(fmt::format("{} cannot be as it says", line.bucket));
    }
    all[line.bucket] = facts;
  }
  return all;
}

std::string FormatLogFacts(const LogFactsMap& all) {
  std::vector<BucketLine> lines;
  lines.reserve(all.size());
  for (const auto& [bucket, facts] : all) {
    lines.push_back({bucket,
                     {facts.start.value, facts.end.value, facts.max_timestamp.ms,
                      facts.oldest_segment.ms, static_cast<int64_t>(facts.size_bytes),
                      static_cast<int64_t>(facts.segment_count), facts.active_base.value,
                      static_cast<int64_t>(facts.active_bytes), facts.active_first_timestamp.ms}});
  }
  const std::string text = FormatBucketLines(std::move(lines));
  return fmt::format("{}\n{}", Crc32c(AsBytes(text)), text);
}

}  // namespace strom::log
