#include "log/verify.h"

#include <fstream>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/log.h"
#include "log/log_directory.h"
#include "log/test_batches.h"
#include "runtime/test_runtime.h"

namespace strom::log {
namespace {

// What is done to a log of the segments 0, 50 and 100 that ends at 120, batches of 2 records and
// 100 bytes; which file has to be named, and with which words.
struct Damage {
  std::string_view what;
  std::function<void()> inflict;
  std::string path;
  std::string_view problem;
  std::string_view remedy;
};

// A bucket of 60 batches in several closed segments with indexes.
class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    runtime::RunOnShard([this]() -> runtime::Task<void> {
      LogOptions options{.segment_bytes = 2500, .index_interval_bytes = 250};
      auto log =
          *Log::Open(runtime::ThisShard().files(), bucket_, {TableId(7), std::nullopt, BucketId(0)},
                     options, Offset(0), false, Timestamp(0));
      for (int i = 0; i < 60; ++i) {
        Bytes bytes = MakeBatch({.records = 2, .writer = WriterId(5), .sequence = i});
        std::array<format::CheckedBatch, 1> batches{Checked(bytes)};
        EXPECT_TRUE(log->Append(batches, Timestamp(1000 + i)));
      }
      EXPECT_TRUE(co_await log->CloseCleanly());
    });
  }

  VerifyReport Check(const std::string& path) {
    VerifyReport report;
    runtime::RunOnShard([&]() -> runtime::Task<void> {
      auto result = Verify(runtime::ThisShard().files(), path);
      EXPECT_TRUE(result) << (result ? "" : result.error().message);
      if (result) report = std::move(*result);
      co_return;
    });
    return report;
  }

  // Of the bucket.
  std::string File(int64_t base, std::string_view suffix) const {
    return FilePath(bucket_, Offset(base), suffix);
  }
  std::string Checkpoint(std::string_view name) const {
    return fmt::format("{}/{}", folder_.path(), name);
  }
  // The log as it was before the damage.
  void Restore(const std::string& backup) {
    std::filesystem::remove_all(folder_.path() + "/db");
    std::filesystem::copy(backup, folder_.path() + "/db", std::filesystem::copy_options::recursive);
    for (const std::string_view name : {kRecoveryPointsFile, kHighWatermarksFile})
      std::filesystem::remove(Checkpoint(name));
  }

  // One after the other, each on the sound log.
  void ExpectNamed(const std::vector<Damage>& kinds) {
    const runtime::TemporaryFolder backup;
    std::filesystem::copy(folder_.path() + "/db", backup.path(),
                          std::filesystem::copy_options::recursive);
    for (const Damage& damage : kinds) {
      SCOPED_TRACE(damage.what);
      damage.inflict();
      const VerifyReport report = Check(folder_.path());
      EXPECT_TRUE(std::ranges::any_of(report.problems,
                                      [&](const LogProblem& problem) {
                                        return problem.path == damage.path &&
                                               problem.what.contains(damage.problem) &&
                                               problem.remedy.contains(damage.remedy);
                                      }))
          << fmt::format("of {} problems: {}", report.problems.size(),
                         report.problems.empty() ? "" : report.problems[0].what);
      Restore(backup.path());
    }
    EXPECT_TRUE(Check(folder_.path()).problems.empty());
  }

  runtime::TemporaryFolder folder_;
  const std::string bucket_ = folder_.path() + "/db/t-7/log-0";
};

void Flip(const std::string& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get() ^ 0x01);
  file.seekp(at);
  file.put(byte);
}

void Write(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Replace(const std::string& path, std::string_view from, std::string_view to) {
  std::string content = Read(path);
  const size_t at = content.rfind(from);
  ASSERT_NE(at, std::string::npos) << content;
  Write(path, content.replace(at, from.size(), to));
}

TEST_F(VerifyTest, ASoundLogHasNoProblems) {
  const VerifyReport report = Check(folder_.path());
  EXPECT_EQ(report.segments, 3U);
  EXPECT_EQ(report.batches, 60U);
  EXPECT_EQ(report.records, 120U);
  EXPECT_EQ(report.bytes, 6000U);
  EXPECT_TRUE(report.problems.empty()) << report.problems[0].what;
  EXPECT_EQ(Check(File(0, kLogSuffix)).batches, 25U);
}

constexpr std::string_view kBackup = "from a backup";
constexpr std::string_view kAnew = "is made anew from the segment";
constexpr std::string_view kLearned = "learned from the batches";

// What is done to a file, later.
std::function<void()> Flipped(const std::string& path, std::streamoff at) {
  return [path, at] { Flip(path, at); };
}
std::function<void()> Written(const std::string& path, const std::string& content) {
  return [path, content] { Write(path, content); };
}
std::function<void()> Replaced(const std::string& path, std::string_view from,
                               std::string_view to) {
  return [path, from, to] { Replace(path, from, to); };
}
std::function<void()> Resized(const std::string& path, uint64_t size) {
  return [path, size] { std::filesystem::resize_file(path, size); };
}
std::function<void()> Removed(const std::string& path) {
  return [path] { std::filesystem::remove(path); };
}
std::function<void()> Renamed(const std::string& from, const std::string& to) {
  return [from, to] { std::filesystem::rename(from, to); };
}

TEST_F(VerifyTest, NamesDamageOfSegments) {
  const std::string first = File(0, kLogSuffix);
  const std::string middle = File(50, kLogSuffix);
  const std::string last = File(100, kLogSuffix);
  const std::string index = File(50, kOffsetIndexSuffix);
  ExpectNamed({
      {"records", Flipped(first, 570), first, "CRC", kBackup},
      {"a base offset, outside the CRC", Flipped(middle, 300), middle, "must follow", kBackup},
      {"a timestamp", Flipped(middle, 314), middle, "timestamp", kBackup},
      {"a length", Flipped(middle, 311), middle, "no batch", kBackup},
      {"a magic", Flipped(middle, 312), middle, "no batch", kBackup},
      {"a torn tail", Resized(last, 950), last, "no batch", "The next start cuts"},
      {"zeros behind the end", Resized(last, 1300), last, "no batch", "The next start cuts"},
      {"a closed segment cut", Resized(middle, 2000), last, "the one before ends at 90", kBackup},
      {"a missing segment", Removed(middle), last, "the one before ends at 50", kBackup},
      {"its index is left over", Removed(middle), index, "not there", kBackup},
      {"a renamed segment", Renamed(middle, File(52, kLogSuffix)), File(52, kLogSuffix),
       "the one before ends at 50", kBackup},
      {"a name of no file", Renamed(middle, bucket_ + "/50.log"), bucket_ + "/50.log",
       "no file of a log", "move it away"},
  });
}

TEST_F(VerifyTest, NamesDamageOfIndexesAndRanges) {
  const std::string index = File(50, kOffsetIndexSuffix);
  const std::string times = File(50, kTimeIndexSuffix);
  ExpectNamed({
      {"an index's position", Flipped(index, 7), index, "where no batch begins", kAnew},
      {"an index's offset", Flipped(index, 3), index, "no end of a batch", kAnew},
      {"half an index entry", Resized(index, 13), index, "whole number", kAnew},
      {"an index that ends early", Resized(index, 8), index, "too early", kAnew},
      {"no index", Removed(index), index, "missing", kAnew},
      {"a time index's offset", Flipped(times, 11), times, "has timestamp", kAnew},
      {"half a time index entry", Resized(times, 13), times, "whole number", kAnew},
      {"a time index that ends early", Resized(times, 12), times, "its entries end", kAnew},
      {"no time index", Removed(times), times, "missing", kAnew},
      {"column ranges of nothing", Written(File(0, kRangesSuffix), "STROMCR1"),
       File(0, kRangesSuffix), "column ranges", "when a filter wants it"},
  });
}

TEST_F(VerifyTest, NamesDamageOfWriterSnapshots) {
  const std::string snapshot = File(120, kWriterSnapshotSuffix);
  ExpectNamed({
      {"a torn snapshot", Resized(snapshot, 30), snapshot, "torn", kLearned},
      {"a snapshot's sequence", Replaced(snapshot, "[58,", "[48,"), snapshot,
       "no batch of writer 5", kLearned},
      {"a snapshot's newest offset", Replaced(snapshot, ":119,", ":118,"), snapshot,
       "no batch of writer 5", kLearned},
      {"an older snapshot's content", Written(snapshot, Read(File(100, kWriterSnapshotSuffix))),
       snapshot, "up to offset 119, it knows none behind 99", kLearned},
      {"a snapshot beyond the end", Renamed(snapshot, File(121, kWriterSnapshotSuffix)),
       File(121, kWriterSnapshotSuffix), "the log ends at 120", kLearned},
      {"no snapshots",
       [&] {
         for (const int64_t at : {50, 100, 120})
           std::filesystem::remove(File(at, kWriterSnapshotSuffix));
       },
       File(100, kWriterSnapshotSuffix), "missing", kLearned},
  });
}

TEST_F(VerifyTest, NamesDamageOfTheDataDirectory) {
  ExpectNamed({
      {"a recovery point beyond the end",
       Written(Checkpoint(kRecoveryPointsFile), "0\n1\n7 0 121\n"), Checkpoint(kRecoveryPointsFile),
       "ends at 120", "from their beginning"},
      {"a high watermark of no number", Written(Checkpoint(kHighWatermarksFile), "0\n1\n7 0 x\n"),
       Checkpoint(kHighWatermarksFile), "no number", "from their beginning"},
      {"a bucket without files",
       [&] {
         std::filesystem::remove_all(bucket_);
         Write(Checkpoint(kHighWatermarksFile), "0\n1\n7 0 120\n");
       },
       Checkpoint(kHighWatermarksFile), "has no log", kBackup},
      {"a renamed bucket", Renamed(bucket_, bucket_ + ".old"), bucket_ + ".old", "no bucket",
       "move it away"},
  });
}

TEST_F(VerifyTest, EveryBitOfABatchIsLookedAt) {
  const std::string content = Read(File(50, kLogSuffix));
  for (size_t bit = 0; bit < 8 * size_t{100}; ++bit) {
    const size_t byte = bit / 8;
    // A timestamp that stays between its neighbours' is as good as another.
    if (byte >= 12 + 1 && byte < 12 + 1 + 8) continue;
    std::string damaged = content;
    damaged[300 + byte] = static_cast<char>(damaged[300 + byte] ^ (1 << bit % 8));
    Write(File(50, kLogSuffix), damaged);
    EXPECT_FALSE(Check(File(50, kLogSuffix)).problems.empty()) << "bit " << bit;
  }
}

TEST_F(VerifyTest, LeavesAloneWhatIsNoDamage) {
  // Column ranges are made when they are wanted; the snapshot of a clean stop spares a start work.
  std::filesystem::remove(File(120, kWriterSnapshotSuffix));
  // The active segment gets its indexes when it is closed.
  std::filesystem::remove(File(100, kOffsetIndexSuffix));
  std::filesystem::remove(File(100, kTimeIndexSuffix));
  Write(bucket_ + "/00000000000000000007.log.deleted", "");
  Write(bucket_ + "/00000000000000000120.writer_snapshot.tmp", "{");
  // A store beside the log, with a write-ahead log of its own.
  std::filesystem::create_directories(folder_.path() + "/db/t-7/kv-0");
  Write(folder_.path() + "/db/t-7/kv-0/000004.log", "rocks");
  // Of a dropped table, of a dropped partition.
  std::filesystem::create_directories(folder_.path() + "/db/p-8/2025-p3/log-0");
  Write(Checkpoint(kHighWatermarksFile), "0\n4\n6 0 9\n7 0 120\n8 2 0 9\n8 3 0 0\n");
  const VerifyReport report = Check(folder_.path());
  EXPECT_TRUE(report.problems.empty()) << report.problems[0].path << report.problems[0].what;
}

TEST_F(VerifyTest, APartitionsLogIsHeldAgainstTheCheckpoints) {
  const std::string partition = folder_.path() + "/db/p-8/2026-p4";
  std::filesystem::create_directories(partition);
  std::filesystem::rename(bucket_, partition + "/log-0");
  Write(Checkpoint(kHighWatermarksFile), "0\n1\n8 4 0 120\n");
  EXPECT_TRUE(Check(folder_.path()).problems.empty());
  Write(Checkpoint(kHighWatermarksFile), "0\n1\n8 4 0 121\n");
  ASSERT_EQ(Check(folder_.path()).problems.size(), 1U);
}

// The rest is looked at as well.
TEST_F(VerifyTest, AnUnreadableFileIsOneMoreProblem) {
  // Links to themselves cannot be opened, whoever asks.
  for (const std::string& path : {File(50, kLogSuffix), File(0, kRangesSuffix)}) {
    std::filesystem::remove(path);
    std::filesystem::create_symlink(path, path);
  }
  Flip(File(100, kLogSuffix), 570);
  std::set<std::string> named;
  for (const LogProblem& problem : Check(folder_.path()).problems)
    named.insert(problem.path);
  EXPECT_EQ(named, std::set({File(0, kRangesSuffix), File(50, kLogSuffix), File(100, kLogSuffix)}));
}

TEST_F(VerifyTest, WhatIsNotThereIsAnError) {
  runtime::RunOnShard([&]() -> runtime::Task<void> {
    EXPECT_FALSE(Verify(runtime::ThisShard().files(), folder_.path() + "/nowhere"));
    EXPECT_FALSE(Verify(runtime::ThisShard().files(), File(7, kLogSuffix)));
    co_return;
  });
}

}  // namespace
}  // namespace strom::log
