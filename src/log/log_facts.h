// What a server that stops well writes down of each log, so that the next one knows the logs
// without opening them: with thousands of buckets a start touches no file of most of them. It
// stands in the clean-shutdown marker itself, which is gone before anything can change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"

namespace strom::log {

struct LogFacts {
  Offset start;  // base of the first segment
  Offset end;
  Timestamp max_timestamp{-1};   // -1 when empty
  Timestamp oldest_segment{-1};  // the newest timestamp of the first segment; -1 when empty
  uint64_t size_bytes = 0;
  uint64_t segment_count = 1;
  // The segment that takes appends.
  Offset active_base;
  uint64_t active_bytes = 0;
  Timestamp active_first_timestamp{-1};  // -1 when empty

  bool operator==(const LogFacts&) const = default;
};

using LogFactsMap = std::unordered_map<TableBucket, LogFacts>;

// kLogStorage when the text is damaged or its numbers cannot be those of a log.
Result<LogFactsMap> ParseLogFacts(std::string_view text);
std::string FormatLogFacts(const LogFactsMap& facts);

}  // namespace strom::log
