// The text that holds numbers of many buckets (spec 04, 9.2):
//
//   0
//   2
//   4 0 45              tableId bucket number…
//   7 12 1 1000         tableId partitionId bucket number…
//
// Version, how many lines, lines; each with the same count of numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace strom::log {

struct BucketLine {
  TableBucket bucket;
  std::vector<int64_t> numbers;
};

// kLogStorage when the text is no such list: another version, a wrong count, no numbers. Empty text
// has no lines.
Result<std::vector<BucketLine>> ParseBucketLines(std::string_view text, size_t numbers);
// In the order of their buckets.
std::string FormatBucketLines(std::vector<BucketLine> lines);

}  // namespace strom::log
