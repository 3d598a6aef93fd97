#include "kv/snapshot_files.h"

#include <gtest/gtest.h>

#include "runtime/sim.h"

namespace strom::kv {
namespace {

using format::KvSnapshotFile;
using format::KvSnapshotMetadata;

// A simulated disk with a checkpoint on it.
class SnapshotFilesTest : public testing::Test {
 protected:
  static constexpr const char* kTablet = "file:///remote/kv/db/t-7/0";

  runtime::FileSystem& files() { return machine_.files(); }

  void Write(const std::string& path, const std::string& content) {
    ASSERT_TRUE(files().CreateDirectories(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(runtime::ReplaceFile(files(), path, AsBytes(content)));
  }
  std::string Read(const std::string& path) {
    const auto content = runtime::ReadFile(files(), path);
    return content ? std::string(AsText(*content)) : content.error().message;
  }
  void MakeCheckpoint(const std::vector<std::string>& tables) {
    ASSERT_TRUE(files().RemoveAll("/data/copy"));
    for (const std::string& table : tables)
      Write("/data/copy/" + table, "rows of " + table);
    Write("/data/copy/CURRENT", "MANIFEST-000004\n");
    Write("/data/copy/MANIFEST-000004", "the manifest");
    Write("/data/copy/LOG", "who opened it");
  }
  Result<KvSnapshotMetadata> Upload(int64_t id, const KvSnapshotMetadata* base = nullptr) {
    KvSnapshotMetadata about;
    about.bucket = {TableId(7), std::nullopt, BucketId(0)};
    about.snapshot_id = id;
    about.log_offset = Offset(100 * id);
    return UploadSnapshot(files(), "/data/copy", kTablet, about, base, 0xabc0 + id);
  }
  std::set<std::string> NamesIn(const std::string& directory) {
    std::set<std::string> names;
    const auto entries = files().List(directory);
    if (!entries) return {"unreadable: " + entries.error().message};
    for (const auto& entry : *entries)
      names.insert(entry.name);
    return names;
  }

  runtime::SimWorld world_{1};
  runtime::SimMachine& machine_ = world_.AddMachine(1);
};

TEST_F(SnapshotFilesTest, WhatWasUploadedIsDownloadedUnderItsOldNames) {
  MakeCheckpoint({"000008.sst", "000009.sst"});
  const auto made = Upload(3);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->location, std::string(kTablet) + "/snap-3");
  EXPECT_EQ(made->shared_files.size(), 2U);
  EXPECT_EQ(made->private_files.size(), 2U);
  EXPECT_EQ(made->uploaded_bytes, 18 + 18 + 16 + 12);
  const auto read = ReadSnapshotMetadata(files(), SnapshotMetadataPath(kTablet, 3));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, *made);
  ASSERT_TRUE(DownloadSnapshot(files(), *read, "/data/kv-0"));
  EXPECT_EQ(NamesIn("/data/kv-0"),
            (std::set<std::string>{"000008.sst", "000009.sst", "CURRENT", "MANIFEST-000004"}));
  EXPECT_EQ(Read("/data/kv-0/000009.sst"), "rows of 000009.sst");
}

TEST_F(SnapshotFilesTest, TablesOfTheBaseAreNotCopiedAgain) {
  MakeCheckpoint({"000008.sst", "000009.sst"});
  const auto base = Upload(0);
  MakeCheckpoint({"000009.sst", "000012.sst"});
  const auto next = Upload(1, &*base);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->shared_files[0], base->shared_files[1]);
  EXPECT_EQ(next->uploaded_bytes, 18 + 16 + 12);
  // Another size: it is another file.
  Write("/data/copy/000009.sst", "other");
  const auto other = Upload(2, &*base);
  ASSERT_TRUE(other);
  EXPECT_NE(other->shared_files[0].path, base->shared_files[1].path);
}

TEST_F(SnapshotFilesTest, SweepingLeavesWhatTheKeptSnapshotsNeed) {
  MakeCheckpoint({"000008.sst", "000009.sst"});
  const auto first = Upload(0);
  MakeCheckpoint({"000009.sst", "000012.sst"});
  const auto second = Upload(1, &*first);
  MakeCheckpoint({"000012.sst"});
  const auto third = Upload(2, &*second);
  ASSERT_TRUE(third);
  const std::vector<std::string> kept = {SnapshotMetadataPath(kTablet, 1),
                                         SnapshotMetadataPath(kTablet, 2)};
  ASSERT_TRUE(SweepSnapshots(files(), kTablet, kept));
  EXPECT_EQ(NamesIn("/remote/kv/db/t-7/0"), (std::set<std::string>{"shared", "snap-1", "snap-2"}));
  EXPECT_EQ(NamesIn("/remote/kv/db/t-7/0/shared").size(), 2U);
  for (const auto& snapshot : {*second, *third})
    EXPECT_TRUE(DownloadSnapshot(files(), snapshot, "/data/kv-0"));
  EXPECT_FALSE(DownloadSnapshot(files(), *first, "/data/kv-0"));
}

TEST_F(SnapshotFilesTest, NothingIsSweptWhileAKeptSnapshotCannotBeRead) {
  MakeCheckpoint({"000008.sst"});
  ASSERT_TRUE(Upload(0));
  ASSERT_TRUE(Upload(1));
  const std::vector<std::string> kept = {SnapshotMetadataPath(kTablet, 1),
                                         SnapshotMetadataPath(kTablet, 2)};
  EXPECT_FALSE(SweepSnapshots(files(), kTablet, kept));
  EXPECT_EQ(NamesIn("/remote/kv/db/t-7/0/shared").size(), 2U);
}

TEST_F(SnapshotFilesTest, AFailedUploadLeavesNothing) {
  MakeCheckpoint({"000008.sst", "000009.sst"});
  const auto before = Upload(0);
  ASSERT_TRUE(before);
  machine_.disk_faults.capacity_bytes = 200;
  const auto failed = Upload(1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kKvStorage);
  EXPECT_EQ(NamesIn("/remote/kv/db/t-7/0"), (std::set<std::string>{"shared", "snap-0"}));
  EXPECT_EQ(NamesIn("/remote/kv/db/t-7/0/shared").size(), 2U);
}

TEST_F(SnapshotFilesTest, AMissingOrShorterFileIsToldFromAReadThatFails) {
  MakeCheckpoint({"000008.sst"});
  const auto made = Upload(0);
  ASSERT_TRUE(made);
  Write("/data/kv-0/old", "the store that was there");
  machine_.disk_faults.read_error = 1;
  const auto unread = DownloadSnapshot(files(), *made, "/data/kv-0");
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().code, ErrorCode::kKvStorage);
  EXPECT_EQ(ReadSnapshotMetadata(files(), SnapshotMetadataPath(kTablet, 0)).error().code,
            ErrorCode::kKvStorage);
  machine_.disk_faults.read_error = 0;

  const std::string table = *LocalPathOf(made->shared_files[0].path);
  Write(table, "rows");
  EXPECT_EQ(DownloadSnapshot(files(), *made, "/data/kv-0").error().code,
            ErrorCode::kKvSnapshotNotExist);
  ASSERT_TRUE(files().Remove(table));
  EXPECT_EQ(DownloadSnapshot(files(), *made, "/data/kv-0").error().code,
            ErrorCode::kKvSnapshotNotExist);
  EXPECT_EQ(ReadSnapshotMetadata(files(), SnapshotMetadataPath(kTablet, 9)).error().code,
            ErrorCode::kKvSnapshotNotExist);
  // Whatever went wrong, the store that was there is there.
  EXPECT_EQ(NamesIn("/data/kv-0"), std::set<std::string>{"old"});
}

TEST(LocalPathOf, KnowsTheFormsOfALocalDirectory) {
  EXPECT_EQ(LocalPathOf("/data/r"), "/data/r");
  EXPECT_EQ(LocalPathOf("file:/data/r"), "/data/r");
  EXPECT_EQ(LocalPathOf("file:///data/r"), "/data/r");
  EXPECT_EQ(LocalPathOf("file://host/data"), std::nullopt);
  EXPECT_EQ(LocalPathOf("s3://bucket/r"), std::nullopt);
  EXPECT_EQ(LocalPathOf(""), std::nullopt);
}

}  // namespace
}  // namespace strom::kv
