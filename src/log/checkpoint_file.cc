#include "log/checkpoint_file.h"

#include "log/bucket_lines.h"

namespace strom::log {

Result<OffsetMap> ParseCheckpoint(std::string_view text) {
  STROM_TRY(const std::vector<BucketLine> lines, ParseBucketLines(text, 1));
  OffsetMap offsets;
  for (const BucketLine& line : lines) {
    if (line.numbers[0] < 0) {
      return Fail(ErrorCode::kLogStorage, "The checkpoint file is unreadable: an offset is {}.",
                  line.numbers[0]);
    }
    offsets[line.bucket] = Offset(line.numbers[0]);
  }
  return offsets;
}

std::string FormatCheckpoint(const OffsetMap& offsets) {
  std::vector<BucketLine> lines;
  lines.reserve(offsets.size());
  for (const auto& [bucket, offset] : offsets)
    lines.push_back({bucket, {offset.value}});
  return FormatBucketLines(std::move(lines));
}

Result<OffsetMap> ReadCheckpoint(runtime::FileSystem& files, const std::string& path) {
  STROM_TRY(const bool exists, files.Exists(path));
  if (!exists) return OffsetMap();
  STROM_TRY(const Bytes content, runtime::ReadFile(files, path));
  return ParseCheckpoint(AsText(content));
}

Status WriteCheckpoint(runtime::FileSystem& files, const std::string& path,
                       const OffsetMap& offsets) {
  const std::string text = FormatCheckpoint(offsets);
  return runtime::ReplaceFile(files, path, AsBytes(text));
}

}  // namespace strom::log
