#include "format/kv_snapshot_json.h"

#include <limits>

#include "format/json_text.h"

namespace strom::format {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kOwner = "KV snapshot";
constexpr int32_t kVersion = 1;
constexpr const char* kIdentity = "strom_store_identity";

std::unexpected<Error> Wrong(std::string_view member, std::string_view expected) {
  return Fail(ErrorCode::kStorage, "{}: the member '{}' must be {}.", kOwner, member, expected);
}

// Errors of the readers of JSON name a statement's document; here it is a stored one.
template <class T>
Result<T> AsStored(Result<T> result) {
  if (!result) return Fail(ErrorCode::kStorage, "{}", result.error().message);
  return result;
}

template <class T>
Result<T> NumberOf(const json& value, std::string_view member, T least) {
  if (!value.is_number_integer()) return Wrong(member, "an integer");
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number <= static_cast<uint64_t>(std::numeric_limits<T>::max())) {
      return static_cast<T>(number);
    }
  } else if (const auto number = value.get<int64_t>(); number >= least) {
    return static_cast<T>(number);
  }
  return Wrong(member, "within its range");
}

template <class T>
Result<T> ReadNumber(const json& object, const char* member, T least = 0) {
  STROM_TRY(const json* value, AsStored(RequireMember(object, member, kOwner)));
  return NumberOf<T>(*value, member, least);
}

template <class T>
Result<std::optional<T>> ReadOptionalNumber(const json& object, const char* member) {
  const json* value = FindMember(object, member);
  if (value == nullptr) return std::nullopt;
  STROM_TRY(const T number, NumberOf<T>(*value, member, 0));
  return number;
}

Result<std::string> ReadString(const json& object, const char* member) {
  STROM_TRY(const json* value, AsStored(RequireMember(object, member, kOwner)));
  if (!value->is_string()) return Wrong(member, "a string");
  return value->get<std::string>();
}

Result<const json*> ReadArray(const json& object, const char* member) {
  STROM_TRY(const json* value, AsStored(RequireMember(object, member, kOwner)));
  if (!value->is_array()) return Wrong(member, "an array");
  return value;
}

// Files are created under this name, so it may not lead elsewhere.
bool IsBareFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

Result<KvSnapshotFile> ReadFile(const json& entry) {
  STROM_TRY(const json* handle, AsStored(RequireMember(entry, "kv_file_handle", kOwner)));
  KvSnapshotFile file;
  STROM_TRY(file.path, ReadString(*handle, "path"));
  STROM_TRY(file.size_bytes, ReadNumber<int64_t>(*handle, "size"));
  STROM_TRY(file.local_name, ReadString(entry, "local_path"));
  if (file.path.empty()) return Wrong("path", "not empty");
  if (!IsBareFileName(file.local_name)) return Wrong("local_path", "a file name");
  return file;
}

Result<std::vector<KvSnapshotFile>> ReadFiles(const json& handle, const char* member) {
  STROM_TRY(const json* entries, ReadArray(handle, member));
  std::vector<KvSnapshotFile> files;
  files.reserve(entries->size());
  for (const json& entry : *entries) {
    STROM_TRY(KvSnapshotFile file, ReadFile(entry));
    files.push_back(std::move(file));
  }
  return files;
}

Result<TableBucket> ReadBucket(const json& document) {
  TableBucket bucket;
  STROM_TRY(bucket.table.value, ReadNumber<int64_t>(document, "table_id"));
  STROM_TRY(const auto partition, ReadOptionalNumber<int64_t>(document, "partition_id"));
  if (partition) bucket.partition = PartitionId(*partition);
  STROM_TRY(bucket.bucket.value, ReadNumber<int32_t>(document, "bucket_id"));
  return bucket;
}

Result<std::vector<AutoIncrementRange>> ReadRanges(const json& document) {
  constexpr const char* kMember = "auto_inc_id_range";
  std::vector<AutoIncrementRange> ranges;
  if (FindMember(document, kMember) == nullptr) return ranges;
  STROM_TRY(const json* entries, ReadArray(document, kMember));
  for (const json& entry : *entries) {
    AutoIncrementRange range;
    STROM_TRY(range.column_id, ReadNumber<int32_t>(entry, "column_id"));
    STROM_TRY(range.start, ReadNumber<int64_t>(entry, "start"));
    STROM_TRY(range.end, ReadNumber<int64_t>(entry, "end", -1));
    ranges.push_back(range);
  }
  return ranges;
}

ordered_json FilesToJson(const std::vector<KvSnapshotFile>& files) {
  ordered_json entries = ordered_json::array();
  for (const KvSnapshotFile& file : files) {
    ordered_json entry;
    entry["kv_file_handle"]["path"] = file.path;
    entry["kv_file_handle"]["size"] = file.size_bytes;
    entry["local_path"] = file.local_name;
    entries.push_back(std::move(entry));
  }
  return entries;
}

ordered_json RangesToJson(const std::vector<AutoIncrementRange>& ranges) {
  ordered_json entries = ordered_json::array();
  for (const AutoIncrementRange& range : ranges) {
    ordered_json entry;
    entry["column_id"] = range.column_id;
    entry["start"] = range.start;
    entry["end"] = range.end;
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

std::string WriteKvSnapshotMetadata(const KvSnapshotMetadata& snapshot) {
  ordered_json document;
  document["version"] = kVersion;
  document["table_id"] = snapshot.bucket.table.value;
  if (snapshot.bucket.partition) document["partition_id"] = snapshot.bucket.partition->value;
  document["bucket_id"] = snapshot.bucket.bucket.value;
  document["snapshot_id"] = snapshot.snapshot_id;
  document["snapshot_location"] = snapshot.location;
  ordered_json& handle = document["kv_snapshot_handle"];
  handle["shared_file_handles"] = FilesToJson(snapshot.shared_files);
  handle["private_file_handles"] = FilesToJson(snapshot.private_files);
  handle["snapshot_incremental_size"] = snapshot.uploaded_bytes;
  document["log_offset"] = snapshot.log_offset.value;
  if (snapshot.row_count) document["row_count"] = *snapshot.row_count;
  if (!snapshot.auto_increment_ranges.empty()) {
    document["auto_inc_id_range"] = RangesToJson(snapshot.auto_increment_ranges);
  }
  if (!snapshot.store_identity.empty()) document[kIdentity] = snapshot.store_identity;
  return WriteJson(document);
}

Result<KvSnapshotMetadata> ReadKvSnapshotMetadata(std::string_view text) {
  STROM_TRY(const json document, AsStored(ReadJson(text, "a KV snapshot")));
  STROM_TRY(const auto version, ReadNumber<int32_t>(document, "version"));
  if (version != kVersion) return Wrong("version", "1");
  KvSnapshotMetadata snapshot;
  STROM_TRY(snapshot.bucket, ReadBucket(document));
  STROM_TRY(snapshot.snapshot_id, ReadNumber<int64_t>(document, "snapshot_id"));
  STROM_TRY(snapshot.location, ReadString(document, "snapshot_location"));
  STROM_TRY(const json* handle, AsStored(RequireMember(document, "kv_snapshot_handle", kOwner)));
  STROM_TRY(snapshot.shared_files, ReadFiles(*handle, "shared_file_handles"));
  STROM_TRY(snapshot.private_files, ReadFiles(*handle, "private_file_handles"));
  STROM_TRY(snapshot.uploaded_bytes, ReadNumber<int64_t>(*handle, "snapshot_incremental_size"));
  STROM_TRY(snapshot.log_offset.value, ReadNumber<int64_t>(document, "log_offset"));
  STROM_TRY(snapshot.row_count, ReadOptionalNumber<int64_t>(document, "row_count"));
  STROM_TRY(snapshot.auto_increment_ranges, ReadRanges(document));
  if (FindMember(document, kIdentity) != nullptr) {
    STROM_TRY(snapshot.store_identity, ReadString(document, kIdentity));
  }
  return snapshot;
}

}  // namespace strom::format
