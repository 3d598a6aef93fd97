// What a disk without room does to a log: it refuses, keeps what it has, and goes on with room.
#include "log/test_log.h"

namespace strom::log {
namespace {

using runtime::Task;
using runtime::ThisShard;

constexpr uint64_t kRoom = uint64_t{1} << 40;

class FullDiskTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Log>> Open() {
    return Log::Open(ThisShard().files(), directory_, kBucket, options_, Offset(0), false,
                     Timestamp(1000));
  }
  // One record of 100 bytes.
  static Result<AppendResult> Append(Log& log) { return AppendTo(log, {}); }
  void Run(const std::function<Task<void>()>& body) { EXPECT_TRUE(world_.Run(machine_, body)); }

  runtime::SimWorld world_{1};
  runtime::SimMachine& machine_ = world_.AddMachine(1);
  const std::string directory_ = "/data/db/t-7/log-0";
  LogOptions options_{.segment_bytes = 250, .index_interval_bytes = 50};
};

TEST_F(FullDiskTest, ASegmentThatCannotBeBegunIsBegunLater) {
  Run([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log));
    EXPECT_TRUE(Append(*log));
    machine_.disk_faults.open_error = 1;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(Append(*log).error().code, ErrorCode::kLogStorage);
      EXPECT_FALSE(log->failure());
      EXPECT_EQ(log->end_offset(), Offset(2));
    }
    machine_.disk_faults.open_error = 0;
    EXPECT_EQ(Append(*log)->base_offset, Offset(2));
    EXPECT_EQ(log->segment_count(), 2U);
    EXPECT_TRUE(co_await log->Sync());
    log.reset();
    machine_.Crash(runtime::SimCrash::kPower);
    machine_.Reboot();
    log = *Open();
    EXPECT_EQ(log->end_offset(), Offset(3));
  });
}

// As it is when there was no room for the snapshot.
TEST_F(FullDiskTest, SegmentsWhoseWritersNoSnapshotKnowsDoNotExpire) {
  Run([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 5; ++i)
      EXPECT_TRUE(Append(*log));
    EXPECT_TRUE(co_await log->Sync());
    EXPECT_EQ(log->segment_count(), 3U);
    for (const Offset at : {Offset(2), Offset(4)}) {
      const std::string path = FilePath(directory_, at, kWriterSnapshotSuffix);
      EXPECT_TRUE(ThisShard().files().Rename(path, path + ".away"));
    }
    const Timestamp late(1'000'000);
    EXPECT_EQ(*log->DeleteExpired(1, late, Offset(5)), 0U);
    EXPECT_EQ(log->start_offset(), Offset(0));
    const std::string path = FilePath(directory_, Offset(4), kWriterSnapshotSuffix);
    EXPECT_TRUE(ThisShard().files().Rename(path + ".away", path));
    EXPECT_EQ(*log->DeleteExpired(1, late, Offset(5)), 2U);
    EXPECT_EQ(log->start_offset(), Offset(4));
  });
}

TEST_F(FullDiskTest, NoPartOfASideFileStays) {
  Run([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log));
    EXPECT_TRUE(Append(*log));
    machine_.disk_faults.capacity_bytes = 210;
    EXPECT_FALSE(Append(*log));
    EXPECT_FALSE(log->failure());
    const auto entries = *ThisShard().files().List(directory_);
    std::vector<std::string> names;
    for (const auto& entry : entries)
      names.push_back(entry.name);
    EXPECT_EQ(names,
              (std::vector{FileName(Offset(0), kLogSuffix), FileName(Offset(2), kLogSuffix)}));
    machine_.disk_faults.capacity_bytes = kRoom;
    EXPECT_EQ(Append(*log)->base_offset, Offset(2));
    EXPECT_TRUE(co_await log->CloseCleanly());
    EXPECT_EQ(log->end_offset(), Offset(3));
  });
}

}  // namespace
}  // namespace strom::log
