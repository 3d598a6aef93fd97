#include "log/remote_manifest.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "log/file_names.h"

namespace strom::log {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kVersion = 1;

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(ErrorCode::kStorage, "A manifest of remote segments cannot be used: {}.", what);
}

// Reads members of one object; the first that is missing or of another type is remembered.
class Members {
 public:
  explicit Members(const ordered_json& object) : object_(object) {}

  int64_t Integer(const char* key) {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_number_integer()) {
      Complain(key);
      return 0;
    }
    return found->get<int64_t>();
  }
  std::optional<int64_t> MaybeInteger(const char* key) {
    if (!object_.contains(key)) return std::nullopt;
    return Integer(key);
  }
  std::string Text(const char* key) {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_string()) {
      Complain(key);
      return {};
    }
    return found->get<std::string>();
  }
  const std::string& problem() const { return problem_; }

 private:
  void Complain(const char* key) {
    if (problem_.empty()) problem_ = fmt::format("'{}' is missing or of another type", key);
  }

  const ordered_json& object_;
  std::string problem_;
};

ordered_json ToJson(const RemoteSegment& segment) {
  ordered_json json;
  json["segment_id"] = segment.id;
  json["start_offset"] = segment.start.value;
  json["end_offset"] = segment.end.value;
  if (segment.logical_start != segment.start) {
    json["logical_start_offset"] = segment.logical_start.value;
  }
  if (segment.logical_end != segment.end) json["logical_end_offset"] = segment.logical_end.value;
  json["max_timestamp"] = segment.max_timestamp.ms;
  json["size_in_bytes"] = segment.size_bytes;
  return json;
}

Result<RemoteSegment> ReadSegment(const ordered_json& json) {
  if (!json.is_object()) return Bad("a segment is no object");
  Members members(json);
  RemoteSegment segment;
  segment.id = members.Text("segment_id");
  segment.start = Offset(members.Integer("start_offset"));
  segment.end = Offset(members.Integer("end_offset"));
  segment.logical_start =
      Offset(members.MaybeInteger("logical_start_offset").value_or(segment.start.value));
  segment.logical_end =
      Offset(members.MaybeInteger("logical_end_offset").value_or(segment.end.value));
  segment.max_timestamp = Timestamp(members.Integer("max_timestamp"));
  const int64_t size = members.Integer("size_in_bytes");
  if (!members.problem().empty()) return Bad(members.problem());
  if (size < 0 || size > std::numeric_limits<int32_t>::max()) return Bad("a size is out of range");
  segment.size_bytes = static_cast<int32_t>(size);
  const bool in_order = segment.start >= Offset(0) && segment.start <= segment.logical_start &&
                        segment.logical_start < segment.logical_end &&
                        segment.logical_end <= segment.end;
  if (!in_order) return Bad(fmt::format("the offsets of segment {} make no sense", segment.id));
  return segment;
}

}  // namespace

Offset RemoteManifest::start() const {
  return segments.empty() ? Offset(INT64_MAX) : segments.front().logical_start;
}
Offset RemoteManifest::end() const {
  return segments.empty() ? Offset(-1) : segments.back().logical_end;
}

std::string WriteRemoteManifest(const RemoteManifest& manifest) {
  ordered_json json;
  json["version"] = kVersion;
  json["database"] = manifest.table.database;
  json["table"] = manifest.table.table;
  if (manifest.bucket.partition) json["partition_name"] = manifest.partition_name;
  json["table_id"] = manifest.bucket.table.value;
  if (manifest.bucket.partition) json["partition_id"] = manifest.bucket.partition->value;
  json["bucket_id"] = manifest.bucket.bucket.value;
  if (manifest.highest_copied_end != manifest.end()) {
    json["highest_copied_end_offset"] = manifest.highest_copied_end.value;
  }
  json["remote_log_segments"] = ordered_json::array();
  for (const RemoteSegment& segment : manifest.segments)
    json["remote_log_segments"].push_back(ToJson(segment));
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<RemoteManifest> ReadRemoteManifest(std::string_view text) {
  const ordered_json json = ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return Bad("it is no JSON object");
  Members members(json);
  const int64_t version = members.Integer("version");
  RemoteManifest manifest;
  manifest.table = {members.Text("database"), members.Text("table")};
  manifest.bucket.table = TableId(members.Integer("table_id"));
  manifest.bucket.bucket = BucketId(static_cast<int32_t>(members.Integer("bucket_id")));
  if (const auto partition = members.MaybeInteger("partition_id")) {
    manifest.bucket.partition = PartitionId(*partition);
    manifest.partition_name = members.Text("partition_name");
  }
  const auto highest = members.MaybeInteger("highest_copied_end_offset");
  if (!members.problem().empty()) return Bad(members.problem());
  if (version != kVersion) return Bad(fmt::format("its version is {}", version));
  const auto segments = json.find("remote_log_segments");
  if (segments == json.end() || !segments->is_array()) return Bad("it lists no segments");
  if (segments->size() > kMaxRemoteSegments) return Bad("it lists too many segments");
  for (const ordered_json& entry : *segments) {
    STROM_TRY(RemoteSegment segment, ReadSegment(entry));
    if (!manifest.segments.empty() && segment.logical_start != manifest.end()) {
      return Bad(fmt::format("offset {} follows {}", segment.logical_start, manifest.end()));
    }
    manifest.segments.push_back(std::move(segment));
  }
  manifest.highest_copied_end = Offset(highest.value_or(manifest.end().value));
  if (manifest.highest_copied_end < manifest.end()) return Bad("it ends above what was copied");
  return manifest;
}

std::string RemoteBucketPath(std::string_view remote_dir, const TablePath& table,
                             std::string_view partition_name, const TableBucket& bucket) {
  std::string path =
      fmt::format("{}/log/{}/{}-{}", remote_dir, table.database, table.table, bucket.table);
  if (bucket.partition) path += fmt::format("/{}-p{}", partition_name, *bucket.partition);
  return fmt::format("{}/{}", path, bucket.bucket);
}

std::string RemoteSegmentPath(std::string_view bucket_path, const RemoteSegment& segment) {
  return fmt::format("{}/{}", bucket_path, segment.id);
}

std::string RemoteFilePath(std::string_view bucket_path, const RemoteSegment& segment,
                           std::string_view suffix) {
  return FilePath(RemoteSegmentPath(bucket_path, segment),
                  suffix == kWriterSnapshotSuffix ? segment.end : segment.start, suffix);
}

std::string RemoteManifestPath(std::string_view bucket_path, std::string_view manifest_id) {
  return fmt::format("{}/metadata/{}.manifest", bucket_path, manifest_id);
}

}  // namespace strom::log
