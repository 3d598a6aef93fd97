// For tests only: a log in a temporary folder.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "log/file_names.h"
#include "log/log.h"
#include "log/test_batches.h"
#include "runtime/test_runtime.h"

namespace strom::log {

inline constexpr TableBucket kBucket{TableId(7), std::nullopt, BucketId(0)};

inline Result<AppendResult> AppendTo(Log& log, const TestBatch& batch,
                                     Timestamp now = Timestamp(1000)) {
  Bytes bytes = MakeBatch(batch);
  std::array<format::CheckedBatch, 1> batches{Checked(bytes)};
  return log.Append(batches, now);
}

class LogTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Log>> Open(bool clean = false, Offset recovery_point = Offset(0),
                                    Timestamp now = Timestamp(1000)) {
    return Log::Open(runtime::ThisShard().files(), directory_, kBucket, options_, recovery_point,
                     clean, now);
  }

  static Result<AppendResult> Append(Log& log, const TestBatch& batch,
                                     Timestamp now = Timestamp(1000)) {
    return AppendTo(log, batch, now);
  }

  // Base offsets of all batches from `from` on.
  static std::vector<int64_t> BaseOffsets(Log& log, Offset from = Offset(0)) {
    std::vector<int64_t> offsets;
    while (from < log.end_offset()) {
      auto read = log.Read(from, log.end_offset(), UINT64_MAX, true);
      EXPECT_TRUE(read);
      if (!read || read->bytes.empty()) break;
      ByteView left = read->bytes;
      while (!left.empty()) {
        const auto header = format::ReadBatchHeader(left);
        EXPECT_TRUE(header);
        EXPECT_TRUE(format::BatchCrcFits(left.first(header->size_bytes), *header));
        offsets.push_back(header->base_offset.value);
        left = left.subspan(header->size_bytes);
      }
      from = read->end_offset;
    }
    return offsets;
  }

  std::string SegmentPath(int64_t base) const {
    return FilePath(directory_, Offset(base), kLogSuffix);
  }
  // What a crash does to bytes that were on their way.
  static void AppendToFile(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::app | std::ios::binary) << bytes;
  }
  static void FlipByte(const std::string& path, std::streamoff at, int bits = 0x40) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ bits);
    file.seekp(at);
    file.put(byte);
  }

  runtime::TemporaryFolder folder_;
  std::string directory_ = folder_.path() + "/db/t-7/log-0";
  LogOptions options_;
};

}  // namespace strom::log
