#include "base/test_vectors.h"
#include "log/checkpoint_file.h"
#include "log/file_names.h"
#include "log/log.h"
#include "log/offset_index.h"
#include "log/time_index.h"
#include "log/writer_snapshot.h"
#include "runtime/test_runtime.h"

namespace strom::log {
namespace {

using nlohmann::ordered_json;

Bytes Hex(const ordered_json& hex) {
  return *FromHex(hex.get<std::string>());
}

// Prints its line when the process ends, after all four tests.
VectorReport& SegmentReport() {
  static VectorReport report("log/index_and_segment.json");
  return report;
}

TEST(LogVectors, OffsetIndex) {
  const auto vector = LoadVectors("log/index_and_segment.json")["offset_index"];
  const Offset base(vector["base_offset"].get<int64_t>());
  OffsetIndex index(base);
  for (const auto& entry : vector["entries"]) {
    index.Add(Offset(entry["offset"].get<int64_t>()), entry["position"].get<uint32_t>());
  }
  EXPECT_EQ(ToHex(index.view()), vector["hex"].get<std::string>());
  const OffsetIndex loaded(base, Hex(vector["hex"]));
  EXPECT_TRUE(loaded.Valid(uint64_t{1} << 31));
  for (const auto& lookup : vector["lookups"]) {
    const OffsetPosition found = loaded.Floor(Offset(lookup["target"].get<int64_t>()));
    EXPECT_EQ(found.offset.value, lookup["offset"].get<int64_t>()) << lookup;
    EXPECT_EQ(found.position, lookup["position"].get<uint32_t>()) << lookup;
  }
  // A file that a crash left preallocated is not trusted.
  EXPECT_FALSE(OffsetIndex(base, Hex(vector["preallocated_hex"])).Valid(uint64_t{1} << 31));
  SegmentReport().CaseDone("offset_index");
}

TEST(LogVectors, TimeIndex) {
  const auto vector = LoadVectors("log/index_and_segment.json")["time_index"];
  const Offset base(vector["base_offset"].get<int64_t>());
  TimeIndex index(base);
  for (const auto& call : vector["append_calls"]) {
    index.MaybeAdd(Timestamp(call["timestamp"].get<int64_t>()),
                   Offset(call["offset"].get<int64_t>()));
  }
  EXPECT_EQ(ToHex(index.view()), vector["hex"].get<std::string>());
  for (const auto& lookup : vector["lookups"]) {
    const TimestampOffset found = index.Floor(Timestamp(lookup["target"].get<int64_t>()));
    EXPECT_EQ(found.timestamp.ms, lookup["timestamp"].get<int64_t>()) << lookup;
    EXPECT_EQ(found.offset.value, lookup["offset"].get<int64_t>()) << lookup;
  }
  SegmentReport().CaseDone("time_index");
}

TEST(LogVectors, SegmentFilesAndRecoveredIndexes) {
  const auto vector = LoadVectors("log/index_and_segment.json")["segment"];
  const runtime::TemporaryFolder folder;
  runtime::RunOnShard([&]() -> runtime::Task<void> {
    runtime::FileSystem& files = runtime::ThisShard().files();
    const Offset base(vector["base_offset"].get<int64_t>());
    const std::string path = FilePath(folder.path(), base, kLogSuffix);
    EXPECT_TRUE(runtime::ReplaceFile(files, path, Hex(vector["log_hex"])));
    LogOptions options;
    options.index_interval_bytes = 300;
    auto log = Log::Open(files, folder.path(), {TableId(1), std::nullopt, BucketId(0)}, options,
                         Offset(0), false, Timestamp(0));
    EXPECT_TRUE(log);
    if (!log) co_return;
    EXPECT_EQ((*log)->start_offset(), base);
    EXPECT_EQ((*log)->end_offset(), Offset(38));
    EXPECT_TRUE(co_await (*log)->CloseCleanly());
    const Bytes offsets =
        *runtime::ReadFile(files, FilePath(folder.path(), base, kOffsetIndexSuffix));
    const Bytes times = *runtime::ReadFile(files, FilePath(folder.path(), base, kTimeIndexSuffix));
    EXPECT_EQ(ToHex(offsets), vector["offset_index_hex_after_recovery"].get<std::string>());
    EXPECT_EQ(ToHex(times), vector["time_index_hex_after_recovery"].get<std::string>());
  });
  SegmentReport().CaseDone("segment");
}

TEST(LogVectors, WriterSnapshot) {
  const auto vector = LoadVectors("log/index_and_segment.json")["writer_snapshot"];
  const std::string json = vector["json"].get<std::string>();
  const auto states = ReadWriterSnapshot(json);
  ASSERT_TRUE(states);
  const auto& batches = states->writers().at(WriterId(101));
  EXPECT_EQ(batches.newest(), (WriterBatch{1, Offset(5), 2, Timestamp(2000)}));
  EXPECT_EQ(WriteWriterSnapshot(*states), json);
  EXPECT_EQ(FileName(Offset(6), kWriterSnapshotSuffix), vector["file_name"].get<std::string>());
  SegmentReport().CaseDone("writer_snapshot");
}

TEST(CheckpointFile, ReadsAndWritesTheReferenceForm) {
  const std::string text = "0\n2\n4 0 45\n7 12 1 1000\n";
  const auto offsets = ParseCheckpoint(text);
  ASSERT_TRUE(offsets);
  EXPECT_EQ(offsets->at({TableId(4), std::nullopt, BucketId(0)}), Offset(45));
  EXPECT_EQ(offsets->at({TableId(7), PartitionId(12), BucketId(1)}), Offset(1000));
  EXPECT_EQ(FormatCheckpoint(*offsets), text);
  EXPECT_TRUE(ParseCheckpoint("")->empty());
  for (const char* bad :
       {"1\n0\n", "0\n2\n4 0 45\n", "0\n1\n4 0\n", "0\n1\n4 0 x\n", "0\n", "0\n1\n4 0 -1\n"}) {
    EXPECT_FALSE(ParseCheckpoint(bad)) << bad;
  }
}

}  // namespace
}  // namespace strom::log
