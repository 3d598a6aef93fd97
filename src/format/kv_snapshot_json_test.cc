#include "format/kv_snapshot_json.h"

#include <random>

#include <gtest/gtest.h>

#include "base/test_vectors.h"

namespace strom::format {
namespace {

TEST(KvSnapshotVectors, AreReadAndWrittenToTheSameText) {
  VectorReport report("kv/snapshot-metadata.json");
  size_t cases = 0;
  for (const auto& test : LoadVectors("kv/snapshot-metadata.json")["cases"]) {
    const std::string text = test["json"];
    const auto snapshot = ReadKvSnapshotMetadata(text);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(WriteKvSnapshotMetadata(*snapshot), text);
    report.CaseDone(test["name"]);
    ++cases;
  }
  EXPECT_EQ(cases, 2U);
}

KvSnapshotMetadata Example() {
  return {.bucket = {TableId(7), PartitionId(9), BucketId(1)},
          .snapshot_id = 3,
          .location = "/remote/kv/db/t-7/p-p9/1/snap-3",
          .shared_files = {{"/remote/kv/db/t-7/p-p9/1/shared/a", 1177, "000008.sst"}},
          .private_files = {{"/remote/kv/db/t-7/p-p9/1/snap-3/b", 16, "CURRENT"}},
          .uploaded_bytes = 1193,
          .log_offset = Offset(120),
          .row_count = 100,
          .auto_increment_ranges = {{2, 0, -1}, {3, 101, 100'000}},
          .store_identity = "a-b-c"};
}

TEST(KvSnapshotMetadata, EveryMemberIsReadAsItWasWritten) {
  const auto again = ReadKvSnapshotMetadata(WriteKvSnapshotMetadata(Example()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, Example());
}

TEST(KvSnapshotMetadata, EveryTruncationIsAnError) {
  const std::string text = WriteKvSnapshotMetadata(Example());
  for (size_t size = 0; size < text.size(); ++size) {
    const auto read = ReadKvSnapshotMetadata(text.substr(0, size));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::kStorage);
  }
}

// The example with the first occurrence of `from` replaced.
Result<KvSnapshotMetadata> ReadChanged(const std::string& from, const std::string& to) {
  std::string text = WriteKvSnapshotMetadata(Example());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return ReadKvSnapshotMetadata(text.replace(at, from.size(), to));
}

TEST(KvSnapshotMetadata, WrongMembersAreNamed) {
  const std::tuple<const char*, const char*, const char*> kChanges[] = {
      {"\"version\":1", "\"version\":2", "'version'"},
      {"\"table_id\":7", "\"table_id\":-7", "'table_id'"},
      {"\"bucket_id\":1", "\"bucket_id\":4294967296", "'bucket_id'"},
      {"\"partition_id\":9", "\"partition_id\":\"9\"", "'partition_id'"},
      {"\"size\":1177", "\"size\":1177.0", "'size'"},
      {"\"log_offset\":120,", "", "'log_offset'"},
      {"\"000008.sst\"", "\"../000008.sst\"", "'local_path'"},
      {"\"000008.sst\"", "\"..\"", "'local_path'"},
      {"\"000008.sst\"", "\"a\\u0000b\"", "'local_path'"},
      {"\"snapshot_id\":3", "\"snapshot_id\":18446744073709551615", "'snapshot_id'"},
      {"\"end\":-1", "\"end\":-2", "'end'"},
      {"\"snapshot_id\":3", "\"snapshot_id\":3,\"snapshot_id\":3", "occurs twice"},
  };
  for (const auto& [from, to, named] : kChanges) {
    const auto read = ReadChanged(from, to);
    ASSERT_FALSE(read) << to;
    EXPECT_EQ(read.error().code, ErrorCode::kStorage);
    EXPECT_NE(read.error().message.find(named), std::string::npos) << read.error().message;
  }
}

TEST(KvSnapshotMetadata, UnknownMembersAreIgnored) {
  const auto read = ReadChanged("\"version\":1", "\"version\":1,\"later\":[{}]");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, Example());
}

TEST(KvSnapshotMetadata, SurvivesMutatedText) {
  std::mt19937 random(9);
  const std::string original = WriteKvSnapshotMetadata(Example());
  for (int round = 0; round < 5'000; ++round) {
    std::string text = original;
    for (int change = static_cast<int>(random() % 3); change >= 0; --change) {
      text[random() % text.size()] = original[random() % original.size()];
    }
    const auto read = ReadKvSnapshotMetadata(text);
    if (!read) continue;
    EXPECT_EQ(ReadKvSnapshotMetadata(WriteKvSnapshotMetadata(*read)).value(), *read);
  }
}

}  // namespace
}  // namespace strom::format
