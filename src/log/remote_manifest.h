// What of a bucket's log lies in remote storage: the manifest's JSON and the paths of the files
// (spec 02, 10). Nothing is uploaded yet; readers of other servers' data and the tiering to come
// share this.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace strom::log {

inline constexpr size_t kMaxRemoteSegments = 1'000'000;

struct RemoteSegment {
  std::string id;  // a UUID, lower case
  Offset start;
  Offset end;  // exclusive
  // The part that counts: another segment has the rest.
  Offset logical_start;
  Offset logical_end;
  Timestamp max_timestamp;
  int32_t size_bytes = 0;

  friend bool operator==(const RemoteSegment&, const RemoteSegment&) = default;
};

struct RemoteManifest {
  TablePath table;
  std::string partition_name;  // of a partitioned table, with bucket.partition
  TableBucket bucket;
  Offset highest_copied_end{-1};
  std::vector<RemoteSegment> segments;  // ascending

  // INT64_MAX and -1 without segments.
  Offset start() const;
  Offset end() const;

  friend bool operator==(const RemoteManifest&, const RemoteManifest&) = default;
};

std::string WriteRemoteManifest(const RemoteManifest& manifest);
// kStorage with what is wrong: a key that is missing or of another type, segments that overlap or
// leave a gap.
Result<RemoteManifest> ReadRemoteManifest(std::string_view text);

// The folder of a bucket under remote.data.dir, and what lies in it.
std::string RemoteBucketPath(std::string_view remote_dir, const TablePath& table,
                             std::string_view partition_name, const TableBucket& bucket);
std::string RemoteSegmentPath(std::string_view bucket_path, const RemoteSegment& segment);
// `suffix` as in file_names.h; a writer snapshot is named by the end of its segment.
std::string RemoteFilePath(std::string_view bucket_path, const RemoteSegment& segment,
                           std::string_view suffix);
std::string RemoteManifestPath(std::string_view bucket_path, std::string_view manifest_id);

}  // namespace strom::log
