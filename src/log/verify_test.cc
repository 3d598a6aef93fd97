#include "log/verify.h"

#include <fstream>

#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/log.h"
#include "log/test_batches.h"
#include "runtime/test_runtime.h"

namespace strom::log {
namespace {

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
        Bytes bytes = MakeBatch({.records = 2});
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

  std::string File(int64_t base, std::string_view suffix) const {
    return FilePath(bucket_, Offset(base), suffix);
  }
  static void Flip(const std::string& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 0x01);
    file.seekp(at);
    file.put(byte);
  }
  void ExpectProblem(std::string_view part) {
    const VerifyReport report = Check(folder_.path());
    ASSERT_FALSE(report.problems.empty());
    EXPECT_NE(report.problems[0].what.find(part), std::string::npos) << report.problems[0].what;
  }

  runtime::TemporaryFolder folder_;
  const std::string bucket_ = folder_.path() + "/db/t-7/log-0";
};

TEST_F(VerifyTest, ASoundLogHasNoProblems) {
  const VerifyReport report = Check(folder_.path());
  EXPECT_EQ(report.segments, 3U);
  EXPECT_EQ(report.batches, 60U);
  EXPECT_EQ(report.records, 120U);
  EXPECT_EQ(report.bytes, 6000U);
  EXPECT_TRUE(report.problems.empty()) << report.problems[0].what;
  EXPECT_EQ(Check(File(0, kLogSuffix)).batches, 25U);
}

TEST_F(VerifyTest, FindsAFlippedBit) {
  Flip(File(0, kLogSuffix), 570);
  ExpectProblem("CRC");
}

TEST_F(VerifyTest, FindsATornTailAndTrailingZeros) {
  std::ofstream(File(100, kLogSuffix), std::ios::app) << std::string(300, '\0');
  ExpectProblem("no batch");
}

TEST_F(VerifyTest, FindsAnOffsetThatGoesBack) {
  Flip(File(50, kLogSuffix), 300);  // base_offset lies outside the CRC
  ExpectProblem("must follow");
}

TEST_F(VerifyTest, FindsATimestampThatGoesBack) {
  Flip(File(50, kLogSuffix), 314);  // commit_timestamp, second byte
  ExpectProblem("timestamp");
}

TEST_F(VerifyTest, FindsAMissingSegment) {
  std::filesystem::remove(File(50, kLogSuffix));
  ExpectProblem("the one before ends at 50");
}

TEST_F(VerifyTest, FindsDamagedIndexes) {
  Flip(File(0, kOffsetIndexSuffix), 7);
  ExpectProblem("where no batch begins");
  Flip(File(0, kOffsetIndexSuffix), 7);
  Flip(File(0, kTimeIndexSuffix), 11);
  ExpectProblem("has timestamp");
  Flip(File(0, kTimeIndexSuffix), 11);
  std::filesystem::resize_file(File(0, kOffsetIndexSuffix), 13);
  ExpectProblem("whole number");
}

}  // namespace
}  // namespace strom::log
