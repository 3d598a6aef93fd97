#include "log/remote_manifest.h"

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "log/file_names.h"

namespace strom::log {
namespace {

using Json = nlohmann::ordered_json;

TEST(RemoteManifestVectors, TextsAndPathsAreTheStatedOnes) {
  VectorReport report("log/remote_log.json");
  const Json file = LoadVectors("log/remote_log.json");
  for (const Json& vector : file["manifests"]) {
    const std::string text = vector["json"];
    const auto manifest = ReadRemoteManifest(text);
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_EQ(manifest->start().value, vector["remote_log_start_offset"].get<int64_t>());
    EXPECT_EQ(manifest->end().value, vector["remote_log_end_offset"].get<int64_t>());
    EXPECT_EQ(manifest->highest_copied_end.value,
              vector["highest_copied_end_offset"].get<int64_t>());
    EXPECT_EQ(WriteRemoteManifest(*manifest), text);
    report.CaseDone(vector["name"]);
  }
  for (const Json& vector : file["paths"]) {
    TableBucket bucket{TableId(vector["table_id"].get<int64_t>()), std::nullopt,
                       BucketId(vector["bucket"].get<int32_t>())};
    std::string partition;
    if (!vector["partition_id"].is_null()) {
      bucket.partition = PartitionId(vector["partition_id"].get<int64_t>());
      partition = vector["partition_name"];
    }
    const auto stated = [&vector](const char* key) { return vector[key].get<std::string>(); };
    const std::string folder =
        RemoteBucketPath(vector["remote_data_dir"].get<std::string>(),
                         {vector["database"], vector["table"]}, partition, bucket);
    RemoteSegment segment;
    segment.id = vector["segment_id"];
    segment.start = Offset(vector["start_offset"].get<int64_t>());
    segment.end = Offset(vector["end_offset"].get<int64_t>());
    EXPECT_EQ(folder, stated("remote_log_tablet_dir"));
    EXPECT_EQ(RemoteSegmentPath(folder, segment), stated("segment_dir"));
    EXPECT_EQ(RemoteFilePath(folder, segment, kLogSuffix), stated("log_file"));
    EXPECT_EQ(RemoteFilePath(folder, segment, kOffsetIndexSuffix), stated("offset_index"));
    EXPECT_EQ(RemoteFilePath(folder, segment, kTimeIndexSuffix), stated("time_index"));
    EXPECT_EQ(RemoteFilePath(folder, segment, kWriterSnapshotSuffix), stated("writer_snapshot"));
    const std::string manifest = vector["manifest_example"];
    const size_t slash = manifest.rfind('/');
    EXPECT_EQ(RemoteManifestPath(folder, manifest.substr(slash + 1, 36)), manifest);
    report.CaseDone(folder);
  }
}

std::string ProblemOf(const std::string& text) {
  const auto manifest = ReadRemoteManifest(text);
  return manifest ? "none" : manifest.error().message;
}

std::string WithSegments(const std::string& segments) {
  return R"({"version":1,"database":"d","table":"t","table_id":1,"bucket_id":0,)"
         R"("remote_log_segments":[)" +
         segments + "]}";
}

TEST(RemoteManifest, SaysWhatIsWrong) {
  const std::string prefix = "A manifest of remote segments cannot be used: ";
  EXPECT_EQ(ProblemOf("{"), prefix + "it is no JSON object.");
  EXPECT_EQ(ProblemOf("[]"), prefix + "it is no JSON object.");
  EXPECT_EQ(ProblemOf(R"({"version":1,"database":7})"),
            prefix + "'database' is missing or of another type.");
  EXPECT_EQ(ProblemOf(WithSegments("7")), prefix + "a segment is no object.");
  const auto segment = [](int start, int end) {
    return fmt::format(
        R"({{"segment_id":"s","start_offset":{},"end_offset":{},"max_timestamp":1,"size_in_bytes":1}})",
        start, end);
  };
  EXPECT_EQ(ProblemOf(WithSegments(segment(5, 5))),
            prefix + "the offsets of segment s make no sense.");
  EXPECT_EQ(ProblemOf(WithSegments(segment(-1, 5))),
            prefix + "the offsets of segment s make no sense.");
  EXPECT_EQ(ProblemOf(WithSegments(segment(0, 5) + "," + segment(6, 9))),
            prefix + "offset 6 follows 5.");
  EXPECT_EQ(ProblemOf(WithSegments(segment(0, 5) + "," + segment(5, 9))), "none");
}

}  // namespace
}  // namespace strom::log
