#include "log/log.h"

#include "log/group_commit.h"
#include "log/test_log.h"

namespace strom::log {
namespace {

using runtime::RunOnShard;
using runtime::Task;

TEST_F(LogTest, GivesDenseOffsetsAndReadsWholeBatches) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_EQ(Append(*log, {.records = 3})->base_offset, Offset(0));
    EXPECT_EQ(Append(*log, {.records = 1})->base_offset, Offset(3));
    EXPECT_EQ(Append(*log, {.records = 5})->base_offset, Offset(4));
    EXPECT_EQ(log->end_offset(), Offset(9));
    EXPECT_EQ(BaseOffsets(*log), (std::vector<int64_t>{0, 3, 4}));
    // From inside a batch: the whole batch.
    EXPECT_EQ(BaseOffsets(*log, Offset(2)), (std::vector<int64_t>{0, 3, 4}));
    EXPECT_EQ(BaseOffsets(*log, Offset(6)), (std::vector<int64_t>{4}));
    co_return;
  });
}

TEST_F(LogTest, ReadRespectsLimitAndBudgetAndReturnsAtLeastOneBatch) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 5; ++i)
      EXPECT_TRUE(Append(*log, {}));
    EXPECT_EQ(log->Read(Offset(0), Offset(2), UINT64_MAX, true)->bytes.size(), 200U);
    EXPECT_EQ(log->Read(Offset(0), Offset(5), 250, true)->bytes.size(), 200U);
    EXPECT_EQ(log->Read(Offset(0), Offset(5), 1, true)->bytes.size(), 100U);
    EXPECT_EQ(log->Read(Offset(0), Offset(5), 99, false)->bytes.size(), 0U);
    EXPECT_EQ(log->Read(Offset(5), Offset(5), 500, true)->bytes.size(), 0U);
    EXPECT_EQ(log->Read(Offset(6), Offset(6), 500, true).error().code,
              ErrorCode::kLogOffsetOutOfRange);
    co_return;
  });
}

TEST_F(LogTest, TimestampsNeverGoBackAndFindTheFirstLaterBatch) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}, Timestamp(100)));
    EXPECT_TRUE(Append(*log, {}, Timestamp(200)));
    EXPECT_TRUE(Append(*log, {}, Timestamp(150)));  // the clock stepped back
    EXPECT_TRUE(Append(*log, {}, Timestamp(300)));
    EXPECT_EQ(log->max_timestamp(), Timestamp(300));
    EXPECT_EQ(*log->OffsetForTimestamp(Timestamp(0)), Offset(0));
    EXPECT_EQ(*log->OffsetForTimestamp(Timestamp(101)), Offset(1));
    EXPECT_EQ(*log->OffsetForTimestamp(Timestamp(201)), Offset(3));
    EXPECT_EQ(*log->OffsetForTimestamp(Timestamp(301)), std::nullopt);
    co_return;
  });
}

TEST_F(LogTest, RollsBySizeAndReadsAcrossSegments) {
  options_.segment_bytes = 350;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 10; ++i)
      EXPECT_TRUE(Append(*log, {}));
    EXPECT_EQ(log->segment_count(), 4U);
    EXPECT_EQ(BaseOffsets(*log), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    // A batch larger than a segment gets one of its own.
    EXPECT_TRUE(Append(*log, {.payload_bytes = 5000}));
    EXPECT_EQ(log->segment_count(), 5U);
    EXPECT_EQ(BaseOffsets(*log, Offset(10)), (std::vector<int64_t>{10}));
    co_return;
  });
}

TEST_F(LogTest, DuplicatesAreAnsweredWithTheOriginalOffset) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 8; ++i) {
      EXPECT_TRUE(Append(*log, {.records = 2, .writer = WriterId(5), .sequence = i}));
    }
    for (int i = 3; i < 8; ++i) {
      const auto again = Append(*log, {.records = 2, .writer = WriterId(5), .sequence = i});
      EXPECT_TRUE(again->duplicate);
      EXPECT_EQ(again->base_offset, Offset(i * 2));
    }
    EXPECT_EQ(log->end_offset(), Offset(16));
    for (const int sequence : {2, 9, 100}) {
      const auto refused = Append(*log, {.writer = WriterId(5), .sequence = sequence});
      EXPECT_EQ(refused.error().code, ErrorCode::kOutOfOrderSequence) << sequence;
    }
    EXPECT_EQ(Append(*log, {.writer = WriterId(6), .sequence = 1}).error().code,
              ErrorCode::kOutOfOrderSequence);
    EXPECT_EQ(log->end_offset(), Offset(16));
    co_return;
  });
}

TEST_F(LogTest, DeletesOnlyWholeSegmentsBelowAnOffset) {
  options_.segment_bytes = 250;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 9; ++i)
      EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await log->Sync());
    EXPECT_TRUE(log->DeleteSegmentsBelow(Offset(5)));
    EXPECT_EQ(log->start_offset(), Offset(4));
    EXPECT_EQ(BaseOffsets(*log, Offset(4)), (std::vector<int64_t>{4, 5, 6, 7, 8}));
    EXPECT_EQ(log->Read(Offset(3), Offset(9), 100, true).error().code,
              ErrorCode::kLogOffsetOutOfRange);
    EXPECT_TRUE(log->DeleteSegmentsBelow(Offset(1000)));
    EXPECT_EQ(log->segment_count(), 1U);
    log.reset();
    log = *Open();
    EXPECT_EQ(log->start_offset(), Offset(8));
    EXPECT_EQ(log->end_offset(), Offset(9));
  });
}

TEST_F(LogTest, WhatComesWhileTheLogIsBeingClosedIsRefused) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}));
    Status closed;
    runtime::TaskGroup group;
    const auto close = [&]() -> Task<void> { closed = co_await log->CloseCleanly(); };
    group.Spawn(close());
    EXPECT_EQ(Append(*log, {}).error().code, ErrorCode::kLogStorage);
    EXPECT_EQ(log->DeleteExpired(1, Timestamp(1 << 20), Offset(1)).error().code,
              ErrorCode::kLogStorage);
    co_await group.Join();
    EXPECT_TRUE(closed);
    EXPECT_EQ(log->end_offset(), Offset(1));
  });
}

TEST_F(LogTest, ASegmentIsGoneOnceItsDataIs) {
  options_.segment_bytes = 300;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 9; ++i)
      EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await log->Sync());
    // An index that cannot be removed.
    const std::string index = FilePath(directory_, Offset(0), kOffsetIndexSuffix);
    std::filesystem::remove(index);
    std::filesystem::create_directories(index + "/stuck");
    EXPECT_TRUE(log->DeleteSegmentsBelow(Offset(6)));
    EXPECT_EQ(log->start_offset(), Offset(6));
    EXPECT_EQ(log->size_bytes(), 300U);
    EXPECT_EQ(BaseOffsets(*log, Offset(6)), (std::vector<int64_t>{6, 7, 8}));
  });
}

TEST_F(LogTest, OldActiveSegmentsRoll) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(log->RollIfOlderThan(10, Timestamp(1'000'000)));  // empty: stays
    EXPECT_EQ(log->segment_count(), 1U);
    EXPECT_TRUE(Append(*log, {}, Timestamp(1000)));
    EXPECT_TRUE(log->RollIfOlderThan(10, Timestamp(1010)));
    EXPECT_EQ(log->segment_count(), 1U);
    EXPECT_TRUE(log->RollIfOlderThan(10, Timestamp(1011)));
    EXPECT_EQ(log->segment_count(), 2U);
    co_return;
  });
}

TEST_F(LogTest, GroupCommitWaitsForTheDiskOnlyUnderAck) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    GroupCommit ack({CommitMode::kAck});
    EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await ack.Commit(*log));
    EXPECT_EQ(log->synced_offset(), Offset(1));
    co_await ack.Stop();

    GroupCommit never({CommitMode::kNever});
    EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await never.Commit(*log));
    EXPECT_EQ(log->synced_offset(), Offset(1));
    co_await never.Stop();

    GroupCommit interval({CommitMode::kInterval, std::chrono::milliseconds(1)});
    EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(co_await interval.Commit(*log));
    co_await interval.Stop();
    EXPECT_EQ(log->synced_offset(), Offset(3));
  });
}

TEST_F(LogTest, CommitOfALogThatIsGoneReportsIt) {
  RunOnShard([this]() -> Task<void> {
    GroupCommit commit({CommitMode::kAck});
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}));
    Status outcome;
    runtime::TaskGroup group;
    auto wait = [](GroupCommit& on, Log& of, Status& out) -> Task<void> {
      out = co_await on.Commit(of);
    };
    group.Spawn(wait(commit, *log, outcome));
    log.reset();
    co_await group.Join();
    EXPECT_EQ(outcome.error().code, ErrorCode::kLogStorage);
    co_await commit.Stop();
  });
}

}  // namespace
}  // namespace strom::log
