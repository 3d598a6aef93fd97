// Logs that a clean start leaves closed, and what is noted of them.
#include "log/log_directory.h"
#include "log/test_log.h"

namespace strom::log {
namespace {

using runtime::RunOnShard;
using runtime::Task;
using runtime::TemporaryFolder;
using runtime::ThisShard;

class LazyLogTest : public LogTest {
 protected:
  LazyLogTest() { options_.segment_bytes = 300; }

  std::unique_ptr<Log> OpenLazily(const LogFacts& facts) {
    return *Log::OpenLazily(ThisShard().files(), directory_, kBucket, options_, facts,
                            Timestamp(1000));
  }

  // A log of 300-byte segments with `batches` of 100 bytes, at 1000, 1001, … ms.
  Task<LogFacts> Filled(int batches) {
    auto log = *Open();
    for (int i = 0; i < batches; ++i) {
      EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = i}, Timestamp(1000 + i)));
    }
    EXPECT_TRUE(co_await log->CloseCleanly());
    co_return *log->Facts();
  }
};

TEST_F(LazyLogTest, AnswersFromWhatIsKnown) {
  RunOnShard([this]() -> Task<void> {
    const LogFacts facts = co_await Filled(5);
    EXPECT_EQ(facts, (LogFacts{Offset(0), Offset(5), Timestamp(1004), Timestamp(1002), 500, 2,
                               Offset(3), 200, Timestamp(1003)}));
    auto log = OpenLazily(facts);
    EXPECT_EQ(log->start_offset(), Offset(0));
    EXPECT_EQ(log->end_offset(), Offset(5));
    EXPECT_EQ(log->synced_offset(), Offset(5));
    EXPECT_EQ(log->recovery_point(), Offset(5));
    EXPECT_EQ(log->max_timestamp(), Timestamp(1004));
    EXPECT_EQ(log->size_bytes(), 500U);
    EXPECT_EQ(log->segment_count(), 2U);
    EXPECT_EQ(log->Read(Offset(5), Offset(5), 100, true)->end_offset, Offset(5));
    EXPECT_EQ(log->Read(Offset(6), Offset(6), 100, true).error().code,
              ErrorCode::kLogOffsetOutOfRange);
    EXPECT_EQ(*log->OffsetForTimestamp(Timestamp(1005)), std::nullopt);
    EXPECT_TRUE(log->RollIfOlderThan(10, Timestamp(1013)));
    EXPECT_TRUE(log->DeleteSegmentsBelow(Offset(0)));
    log->ExpireWriters(Timestamp(1000));
    EXPECT_TRUE(co_await log->Sync());
    EXPECT_FALSE(log->is_open());
    EXPECT_TRUE(co_await log->CloseCleanly());
    EXPECT_EQ(*log->Facts(), facts);
    EXPECT_FALSE(log->is_open());
  });
}

TEST_F(LazyLogTest, OpensForWhatItNeedsAndKnowsItsWriters) {
  RunOnShard([this]() -> Task<void> {
    const LogFacts facts = co_await Filled(5);
    auto reads = OpenLazily(facts);
    EXPECT_EQ(reads->Read(Offset(4), Offset(5), 100, true)->bytes.size(), 100U);
    EXPECT_TRUE(reads->is_open());
    reads.reset();

    auto finds = OpenLazily(facts);
    EXPECT_EQ(*finds->OffsetForTimestamp(Timestamp(1004)), Offset(4));
    finds.reset();

    auto appends = OpenLazily(facts);
    const auto again = Append(*appends, {.writer = WriterId(5), .sequence = 4});
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->base_offset, Offset(4));
    EXPECT_EQ(Append(*appends, {.writer = WriterId(5), .sequence = 5})->base_offset, Offset(5));
    EXPECT_EQ(appends->size_bytes(), 600U);
    EXPECT_TRUE(co_await appends->CloseCleanly());
    const LogFacts later = *appends->Facts();
    EXPECT_EQ(later.end, Offset(6));
    appends.reset();

    auto rolls = OpenLazily(later);
    EXPECT_TRUE(rolls->RollIfOlderThan(10, Timestamp(1014)));
    EXPECT_EQ(rolls->segment_count(), 3U);
    EXPECT_TRUE(co_await rolls->Sync());
    EXPECT_EQ(*rolls->DeleteExpired(10, Timestamp(5000), Offset(6)), 2U);
    EXPECT_EQ(rolls->start_offset(), Offset(6));
  });
}

TEST_F(LazyLogTest, ClosesWhenNobodyNeedsItAndGoesOn) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = i}, Timestamp(1000 + i)));
    }
    // Used since the last look: there was none.
    EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_TRUE(log->is_open());
    EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_FALSE(log->is_open());
    EXPECT_EQ(log->synced_offset(), Offset(5));
    EXPECT_EQ(log->size_bytes(), 500U);
    EXPECT_EQ(*log->DeleteExpired(3000, Timestamp(4002), Offset(5)), 0U);
    EXPECT_FALSE(log->is_open());

    EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = 4})->duplicate);
    EXPECT_TRUE(log->is_open());
    EXPECT_EQ(Append(*log, {.writer = WriterId(5), .sequence = 5})->base_offset, Offset(5));
    EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_TRUE(log->is_open());
    EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_EQ(log->Read(Offset(3), Offset(6), 300, true)->bytes.size(), 300U);
    EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_FALSE(log->is_open());
    EXPECT_EQ(*log->DeleteExpired(3000, Timestamp(4003), Offset(6)), 1U);
    EXPECT_EQ(log->start_offset(), Offset(3));
  });
}

// Each time it is closed it leaves a snapshot of its writers.
TEST_F(LazyLogTest, ClosingAgainAndAgainLeavesFewFiles) {
  options_.segment_bytes = 10'000;
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = i}));
      (void)co_await log->CloseIfIdle(Timestamp(2000));
      EXPECT_TRUE(co_await log->CloseIfIdle(Timestamp(2000)));
      EXPECT_FALSE(log->is_open());
    }
    size_t snapshots = 0;
    for (const auto& entry : *ThisShard().files().List(directory_))
      snapshots += entry.name.ends_with(kWriterSnapshotSuffix) ? 1 : 0;
    EXPECT_LE(snapshots, 2U);
    log.reset();
    log = *Open();
    EXPECT_TRUE(Append(*log, {.writer = WriterId(5), .sequence = 19})->duplicate);
  });
}

TEST_F(LazyLogTest, ALogThatCannotBeMadeDurableStaysOpenAndEnds) {
  RunOnShard([this]() -> Task<void> {
    auto log = *Open();
    EXPECT_TRUE(Append(*log, {}));
    EXPECT_TRUE(log->RollIfOlderThan(0, Timestamp(5000)));
    std::filesystem::rename(directory_, directory_ + ".away");
    (void)co_await log->CloseIfIdle(Timestamp(2000));
    EXPECT_FALSE(co_await log->CloseIfIdle(Timestamp(2000)));
    EXPECT_TRUE(log->failure());
    EXPECT_TRUE(log->is_open());
  });
}

TEST_F(LazyLogTest, FilesThatChangedMeanwhileAreNotTrusted) {
  RunOnShard([this]() -> Task<void> {
    const LogFacts facts = co_await Filled(5);
    std::filesystem::resize_file(SegmentPath(3), 100);
    EXPECT_EQ(OpenLazily(facts), nullptr);
    std::filesystem::remove(SegmentPath(3));
    EXPECT_EQ(OpenLazily(facts), nullptr);
  });
}

// Offsets were handed out by what was noted: another end must not be served in silence.
TEST_F(LazyLogTest, DamageFoundLaterEndsTheLogUntilTheNextStart) {
  RunOnShard([this]() -> Task<void> {
    const LogFacts facts = co_await Filled(5);
    std::ofstream(SegmentPath(3), std::ios::binary) << std::string(200, '\0');
    auto log = OpenLazily(facts);
    EXPECT_NE(log, nullptr);
    const auto read = log->Read(Offset(3), Offset(5), 100, true);
    EXPECT_EQ(read.error().code, ErrorCode::kLogStorage);
    EXPECT_NE(read.error().message.find("Restart the server"), std::string::npos);
    EXPECT_EQ(Append(*log, {}).error().message, read.error().message);
    EXPECT_TRUE(log->failure());
    EXPECT_FALSE(co_await log->CloseCleanly());
    log.reset();

    auto recovered = *Open();
    EXPECT_EQ(recovered->end_offset(), Offset(3));
    EXPECT_EQ(Append(*recovered, {})->base_offset, Offset(3));
  });
}

TEST_F(LazyLogTest, TroubleThatPassesLeavesItForTheNextTry) {
  RunOnShard([this]() -> Task<void> {
    const LogFacts facts = co_await Filled(2);
    auto log = OpenLazily(facts);
    std::filesystem::rename(directory_, directory_ + ".away");
    std::ofstream(directory_) << "no folder";
    EXPECT_FALSE(log->Read(Offset(0), Offset(2), 100, true));
    EXPECT_FALSE(log->failure());
    std::filesystem::remove(directory_);
    std::filesystem::rename(directory_ + ".away", directory_);
    EXPECT_EQ(log->Read(Offset(0), Offset(2), 200, true)->bytes.size(), 200U);
    co_return;
  });
}

TEST(LogFactsTest, TextComesBackAndDamageIsSeen) {
  LogFactsMap facts;
  facts[{TableId(7), PartitionId(3), BucketId(1)}] = {Offset(0),       Offset(5), Timestamp(1004),
                                                      Timestamp(1002), 500,       2,
                                                      Offset(3),       200,       Timestamp(1003)};
  facts[{TableId(8), std::nullopt, BucketId(0)}] = {};
  const std::string text = FormatLogFacts(facts);
  EXPECT_EQ(*ParseLogFacts(text), facts);
  EXPECT_TRUE(ParseLogFacts(FormatLogFacts({}))->empty());
  EXPECT_FALSE(ParseLogFacts(""));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(ParseLogFacts(damaged)) << i;
    EXPECT_FALSE(ParseLogFacts(text.substr(0, i))) << i;
  }
}

TEST(LogFactsTest, NumbersThatNoLogHasAreRefused) {
  const LogFacts good{Offset(0), Offset(5), Timestamp(1004), Timestamp(1002), 500, 2,
                      Offset(3), 200,       Timestamp(1003)};
  const auto refused = [&](auto change) {
    LogFacts facts = good;
    change(facts);
    return !ParseLogFacts(FormatLogFacts({{kBucket, facts}})).has_value();
  };
  EXPECT_FALSE(refused([](LogFacts&) {}));
  EXPECT_TRUE(refused([](LogFacts& f) { f.start = Offset(-1); }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.end = Offset(2); }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.end = Offset(3); }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.active_bytes = 0; }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.active_bytes = 501; }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.segment_count = 1; }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.segment_count = 0; }));
  EXPECT_TRUE(refused([](LogFacts& f) { f.size_bytes = UINT64_MAX; }));
}

TEST(LogDirectoryFactsTest, AreKeptInTheMarkerAndOnlyOnce) {
  RunOnShard([]() -> Task<void> {
    TemporaryFolder folder;
    runtime::FileSystem& files = ThisShard().files();
    const LogFactsMap facts{{kBucket,
                             {Offset(0), Offset(5), Timestamp(1004), Timestamp(1002), 500, 2,
                              Offset(3), 200, Timestamp(1003)}}};
    const std::string root = folder.path() + "/data";
    {
      auto first = *LogDirectory::Open(files, root);
      EXPECT_FALSE(first->clean());
      EXPECT_EQ(first->Facts(kBucket), nullptr);
      EXPECT_TRUE(first->MarkClean(facts));
    }
    {
      auto second = *LogDirectory::Open(files, root);
      EXPECT_TRUE(second->clean());
      EXPECT_NE(second->Facts(kBucket), nullptr);
      if (const LogFacts* found = second->Facts(kBucket)) EXPECT_EQ(*found, facts.at(kBucket));
      EXPECT_EQ(second->Facts({TableId(8), std::nullopt, BucketId(0)}), nullptr);
      second->ForgetFacts();
      EXPECT_EQ(second->Facts(kBucket), nullptr);
    }
    {
      auto third = *LogDirectory::Open(files, root);
      EXPECT_FALSE(third->clean());
      EXPECT_EQ(third->Facts(kBucket), nullptr);
    }
    // As other servers leave it.
    EXPECT_TRUE(runtime::ReplaceFile(files, root + "/.fluss_cleanshutdown", {}));
    auto fourth = *LogDirectory::Open(files, root);
    EXPECT_TRUE(fourth->clean());
    EXPECT_EQ(fourth->Facts(kBucket), nullptr);
    co_return;
  });
}

}  // namespace
}  // namespace strom::log
