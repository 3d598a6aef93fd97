// What a log makes of damage, crashes and failing disks.
#include "log/log.h"
#include "log/test_log.h"
#include "runtime/sync.h"

namespace strom::log {
namespace {

using runtime::RunOnShard;
using runtime::Task;
using runtime::ThisShard;

class LogRecoveryTest : public LogTest {
 protected:
  // On a machine of its own for each seed, whose disk does otherwise each time.
  template <class Body>
  static void OnMachines(uint64_t seeds, Body body) {
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      SCOPED_TRACE(seed);
      runtime::SimWorld world(seed);
      runtime::SimMachine& machine = world.AddMachine(1);
      EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> { return body(machine); }));
    }
  }
};

TEST_F(LogRecoveryTest, FiveBatchesPerWriterAreRememberedOverAnyRestart) {
  for (const bool clean : {true, false}) {
    options_.segment_bytes = 450;  // several segments and snapshots
    directory_ = fmt::format("{}/restart-{}", folder_.path(), clean);
    RunOnShard([this, clean]() -> Task<void> {
      auto log = *Open();
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = i}));
      }
      EXPECT_TRUE(co_await log->Sync());
      const Offset recovery_point = log->recovery_point();
      if (clean) EXPECT_TRUE(co_await log->CloseCleanly());
      log.reset();
      log = *Open(clean, recovery_point);
      EXPECT_EQ(log->end_offset(), Offset(20));
      for (int i = 15; i < 20; ++i) {
        const auto again = Append(*log, {.writer = WriterId(5), .sequence = i});
        EXPECT_TRUE(again) << i << clean;
        EXPECT_EQ(again->base_offset, Offset(i)) << clean;
      }
      EXPECT_EQ(Append(*log, {.writer = WriterId(5), .sequence = 20})->base_offset, Offset(20));
    });
  }
}

TEST_F(LogRecoveryTest, ATornTailIsCutAndTheRestStays) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 4; ++i)
      EXPECT_TRUE(Append(*log, {}));
    log.reset();
    const Bytes batch = MakeBatch({});
    AppendToFile(SegmentPath(0), std::string(AsText(ByteView(batch).first(60))));
    log = *Open();
    EXPECT_EQ(log->end_offset(), Offset(4));
    EXPECT_EQ(log->size_bytes(), 400U);
    EXPECT_EQ(Append(*log, {})->base_offset, Offset(4));
    EXPECT_EQ(BaseOffsets(*log), (std::vector<int64_t>{0, 1, 2, 3, 4}));
    co_return;
  });
}

TEST_F(LogRecoveryTest, TrailingZerosAreNoBatches) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}));
    log.reset();
    AppendToFile(SegmentPath(0), std::string(4096, '\0'));
    log = *Open();
    EXPECT_EQ(log->end_offset(), Offset(1));
    EXPECT_EQ(log->size_bytes(), 100U);
    co_return;
  });
}

TEST_F(LogRecoveryTest, DamageAboveTheRecoveryPointCutsTheLogThere) {
  options_.segment_bytes = 350;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 9; ++i)
      EXPECT_TRUE(Append(*log, {}));
    log.reset();
    FlipByte(SegmentPath(3), 170);  // inside offset 4
    log = *Open();
    EXPECT_EQ(log->end_offset(), Offset(4));
    EXPECT_EQ(log->segment_count(), 2U);
    EXPECT_EQ(BaseOffsets(*log), (std::vector<int64_t>{0, 1, 2, 3}));
    EXPECT_EQ(Append(*log, {})->base_offset, Offset(4));
    co_return;
  });
}

TEST_F(LogRecoveryTest, AMissingIndexIsRebuilt) {
  options_.segment_bytes = 1000;
  options_.index_interval_bytes = 150;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 30; ++i)
      EXPECT_TRUE(Append(*log, {}, Timestamp(1000 + i)));
    EXPECT_TRUE(co_await log->CloseCleanly());
    log.reset();
    runtime::FileSystem& files = ThisShard().files();
    const std::string index = FilePath(directory_, Offset(10), kOffsetIndexSuffix);
    const Bytes written = *runtime::ReadFile(files, index);
    EXPECT_FALSE(written.empty());
    EXPECT_TRUE(files.Remove(index));
    log = *Open(true);
    EXPECT_EQ(BaseOffsets(*log, Offset(15)).front(), 15);
    EXPECT_EQ(*runtime::ReadFile(files, index), written);
    EXPECT_EQ(*log->OffsetForTimestamp(Timestamp(1017)), Offset(17));
  });
}

TEST_F(LogRecoveryTest, AnUnreadableWriterSnapshotFallsBackToTheLog) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(Append(*log, {.writer = WriterId(9), .sequence = i}));
    }
    EXPECT_TRUE(co_await log->CloseCleanly());
    log.reset();
    const std::string snapshot = FilePath(directory_, Offset(3), kWriterSnapshotSuffix);
    EXPECT_TRUE(
        runtime::ReplaceFile(ThisShard().files(), snapshot, AsBytes("{\"version\":1,\"writ")));
    log = *Open(true);
    EXPECT_TRUE(Append(*log, {.writer = WriterId(9), .sequence = 2})->duplicate);
    EXPECT_EQ(Append(*log, {.writer = WriterId(9), .sequence = 3})->base_offset, Offset(3));
  });
}

TEST_F(LogRecoveryTest, RecoveryPointStaysInFrontOfWhatIsNotOnDisk) {
  options_.segment_bytes = 250;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 7; ++i)
      EXPECT_TRUE(Append(*log, {}));
    EXPECT_EQ(log->recovery_point(), Offset(0));
    EXPECT_EQ(log->synced_offset(), Offset(0));
    EXPECT_TRUE(co_await log->SyncFinishedSegments());
    EXPECT_EQ(log->recovery_point(), Offset(6));
    EXPECT_EQ(log->synced_offset(), Offset(6));
    EXPECT_TRUE(co_await log->Sync());
    EXPECT_EQ(log->synced_offset(), Offset(7));
    EXPECT_EQ(log->recovery_point(), Offset(7));
  });
}

TEST_F(LogRecoveryTest, DamageIsFoundWhenItIsFirstReadAndIsNotServed) {
  options_.segment_bytes = 1000;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 12; ++i)
      EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await log->CloseCleanly());
    for (const std::streamoff at : {std::streamoff{350}, std::streamoff{400}}) {  // data; an offset
      FlipByte(SegmentPath(0), at);
      log = *Open(true);
      // What is in front of the damage is served, the damage is an error, behind it it goes on.
      EXPECT_EQ(log->Read(Offset(0), Offset(12), UINT64_MAX, true)->bytes.size(),
                static_cast<size_t>(at / 100 * 100));
      const auto damaged = log->Read(Offset(at / 100), Offset(12), UINT64_MAX, true);
      EXPECT_EQ(damaged.error().code, ErrorCode::kLogStorage);
      EXPECT_NE(damaged.error().message.find(fmt::format("damaged at byte {}", at / 100 * 100)),
                std::string::npos)
          << damaged.error().message;
      EXPECT_EQ(log->Read(Offset(5), Offset(12), UINT64_MAX, true)->bytes.size(), 500U);
      // A second read of what was checked costs nothing and says the same.
      EXPECT_FALSE(log->Read(Offset(at / 100), Offset(12), UINT64_MAX, true));
      log.reset();
      FlipByte(SegmentPath(0), at);
    }
    log = *Open(true);
    EXPECT_EQ(BaseOffsets(*log).size(), 12U);
  });
}

// The magic says where the records begin, and no CRC covers it.
TEST_F(LogRecoveryTest, AFlippedMagicIsDamage) {
  format::Schema schema;
  schema.columns = {{"a", format::DataType{}, {}, {}, 0}};
  options_.rules = std::make_shared<const format::BatchRules>(
      format::BatchRules::Make(format::LogFormat::kIndexed, false,
                               {{SchemaId(1), std::make_shared<const format::Schema>(schema)}}));
  RunOnShard([this]() -> Task<void> {
    Bytes bytes = MakeBatch({.records = 2, .payload_bytes = 40, .fill = 0});
    // Two records of 20 bytes with their lengths in front (spec 02, 3.2).
    for (const size_t at : {48, 68})
      StoreLittle<int32_t>(bytes.data() + at, 16);
    format::SetBatchCrc(bytes, *format::ReadBatchHeader(bytes));
    auto log = *Open();
    std::array<format::CheckedBatch, 1> batches{Checked(bytes)};
    EXPECT_TRUE(log->Append(batches, Timestamp(1000)));
    EXPECT_TRUE(co_await log->CloseCleanly());
    for (const bool clean : {true, false}) {  // what was cut is gone, so that comes last
      log = *Open(clean);
      EXPECT_EQ(log->Read(Offset(0), Offset(2), UINT64_MAX, true)->bytes.size(), 88U);
      log.reset();
      FlipByte(SegmentPath(0), 12, 1);
      log = *Open(clean);
      // Offsets that were handed out stay; what is trusted is found out when it is read.
      if (clean) {
        const auto damaged = log->Read(Offset(0), Offset(2), UINT64_MAX, true);
        EXPECT_EQ(damaged.error().code, ErrorCode::kLogStorage);
      }
      EXPECT_EQ(log->end_offset(), Offset(clean ? 2 : 0));
      log.reset();
      if (clean) FlipByte(SegmentPath(0), 12, 1);
    }
  });
}

TEST_F(LogRecoveryTest, RecoveryWritesAgainWhatAFailedSyncLeftInTheCache) {
  OnMachines(20, [&](runtime::SimMachine& machine) -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await log->Sync());
    EXPECT_TRUE(Append(*log, {}));
    machine.disk_faults.sync_error = 1;
    EXPECT_FALSE(co_await log->Sync());
    machine.disk_faults.sync_error = 0;
    EXPECT_FALSE(co_await log->CloseCleanly());
    // The next process finds it in the page cache, and tells readers that it is there …
    log = *Open(false, Offset(1));
    EXPECT_EQ(log->synced_offset(), Offset(2));
    log.reset();
    // … so it must survive.
    machine.Crash(runtime::SimCrash::kPower);
    machine.Reboot();
    log = *Open(false, Offset(1));
    EXPECT_EQ(log->end_offset(), Offset(2));
  });
}

// The next process finds the file as short as it should be, in the page cache alone.
TEST_F(LogRecoveryTest, WhatRecoveryCutIsGoneForGoodThoughItsFirstSyncFailed) {
  OnMachines(20, [&](runtime::SimMachine& machine) -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}));
    const uint64_t first = **machine.files().SizeOf(SegmentPath(0));
    EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await log->Sync());
    log.reset();
    EXPECT_TRUE(machine.FlipBit(SegmentPath(0), 2 * first - 1, 0));
    machine.disk_faults.sync_error = 1;
    EXPECT_FALSE(Open(false));
    machine.disk_faults.sync_error = 0;
    log = *Open(false);
    EXPECT_EQ(log->end_offset(), Offset(1));
    log.reset();
    machine.Crash(runtime::SimCrash::kPower);
    machine.Reboot();
    EXPECT_EQ(**machine.files().SizeOf(SegmentPath(0)), first);
  });
}

// It could come back in place of what is written there next, as long and with a CRC that fits.
TEST_F(LogRecoveryTest, WhatAFailedWriteLeftIsGoneForGood) {
  int failed = 0;
  OnMachines(100, [&](runtime::SimMachine& machine) -> Task<void> {
    auto log = *Open();
    machine.disk_faults.write_error = 0.5;
    const bool appended = Append(*log, {}).has_value();
    machine.disk_faults.write_error = 0;
    if (appended || log->failure()) co_return;
    ++failed;
    log.reset();
    machine.Crash(runtime::SimCrash::kPower);
    machine.Reboot();
    EXPECT_EQ(**machine.files().SizeOf(SegmentPath(0)), 0U);
  });
  EXPECT_GT(failed, 10);
}

TEST_F(LogRecoveryTest, AFailedSyncIsKnownToTheOneBesideIt) {
  options_.segment_bytes = 250;
  OnMachines(200, [&](runtime::SimMachine& machine) -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 5; ++i)
      EXPECT_TRUE(Append(*log, {}));
    machine.disk_faults.sync_error = 0.3;
    std::vector<Task<Status>> both;
    both.push_back(log->Sync());
    both.push_back(log->SyncFinishedSegments());
    const auto results = co_await runtime::WhenAll(std::move(both));
    machine.disk_faults.sync_error = 0;
    const bool promised = results[0].has_value() || log->synced_offset() == Offset(5);
    log.reset();
    machine.Crash(runtime::SimCrash::kPower);
    machine.Reboot();
    if (!promised) co_return;
    log = *Open();
    EXPECT_EQ(log->end_offset(), Offset(5));
  });
}

TEST_F(LogRecoveryTest, WritersOfDeletedSegmentsAreForgottenAtTheNextStart) {
  options_.segment_bytes = 300;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 6; ++i)
      EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = i}));
    EXPECT_TRUE(co_await log->CloseCleanly());
    log.reset();
    const std::string old = FilePath(directory_, Offset(1), kWriterSnapshotSuffix);
    const std::string kept = FilePath(directory_, Offset(3), kWriterSnapshotSuffix);
    std::filesystem::copy_file(kept, old);
    for (const std::string_view suffix : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix})
      std::filesystem::remove(FilePath(directory_, Offset(0), suffix));
    log = *Open(true);
    EXPECT_EQ(log->start_offset(), Offset(3));
    EXPECT_FALSE(std::filesystem::exists(old));
    EXPECT_TRUE(std::filesystem::exists(kept));
  });
}

}  // namespace
}  // namespace strom::log
