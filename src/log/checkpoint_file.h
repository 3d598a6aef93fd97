// Offsets of many buckets in one small text file (spec 04, 9.2): recovery points, high watermarks.
// Its text is that of bucket_lines.h with one number a line. Replaced as a whole, durably. Blocks.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"
#include "runtime/file.h"

namespace strom::log {

using OffsetMap = std::unordered_map<TableBucket, Offset>;

// kLogStorage when the text is no such file: another version, a wrong count, no numbers.
Result<OffsetMap> ParseCheckpoint(std::string_view text);
// Entries in the order of their buckets.
std::string FormatCheckpoint(const OffsetMap& offsets);

// A missing file has no entries.
Result<OffsetMap> ReadCheckpoint(runtime::FileSystem& files, const std::string& path);
Status WriteCheckpoint(runtime::FileSystem& files, const std::string& path,
                       const OffsetMap& offsets);

}  // namespace strom::log
