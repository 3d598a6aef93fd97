#include "log/checkpoint_file.h"

#include <algorithm>
#include <vector>

#include "log/file_names.h"

namespace strom::log {
namespace {

constexpr std::string_view kVersion = "0";

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::unexpected<Error> Unreadable(std::string_view reason) {
  return Fail(ErrorCode::kLogStorage, "The checkpoint file is unreadable: {}.", reason);
}

}  // namespace

Result<OffsetMap> ParseCheckpoint(std::string_view text) {
  OffsetMap offsets;
  const std::vector<std::string_view> lines = Split(text, '\n');
  if (lines.empty()) return offsets;
  if (lines[0] != kVersion) return Unreadable("its version is unknown");
  const auto count = lines.size() > 1 ? ParseDigits<uint64_t>(lines[1]) : std::nullopt;
  if (!count || *count != lines.size() - 2) {
    return Unreadable("the number of entries does not match");
  }
  for (size_t i = 2; i < lines.size(); ++i) {
    const std::vector<std::string_view> words = Split(lines[i], ' ');
    if (words.size() != 3 && words.size() != 4) return Unreadable("an entry has no 3 or 4 numbers");
    const auto table = ParseDigits<int64_t>(words.front());
    const auto partition = words.size() == 4 ? ParseDigits<int64_t>(words[1]) : 0;
    const auto bucket = ParseDigits<int32_t>(words[words.size() - 2]);
    const auto offset = ParseDigits<int64_t>(words.back());
    if (!table || !partition || !bucket || !offset) return Unreadable("an entry is no number");
    TableBucket key{TableId(*table), std::nullopt, BucketId(*bucket)};
    if (words.size() == 4) key.partition = PartitionId(*partition);
    offsets[key] = Offset(*offset);
  }
  return offsets;
}

std::string FormatCheckpoint(const OffsetMap& offsets) {
  std::vector<std::pair<TableBucket, Offset>> entries(offsets.begin(), offsets.end());
  std::ranges::sort(entries);
  std::string text = fmt::format("{}\n{}\n", kVersion, entries.size());
  for (const auto& [bucket, offset] : entries) {
    text += fmt::format("{} ", bucket.table);
    if (bucket.partition) text += fmt::format("{} ", *bucket.partition);
    text += fmt::format("{} {}\n", bucket.bucket, offset);
  }
  return text;
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
