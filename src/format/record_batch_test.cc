#include "format/record_batch.h"

#include "base/crc32c.h"
#include "format/batch_vectors.h"

namespace strom::format {
namespace {

using vectors::Json;

void ExpectHeader(const BatchHeader& header, const Json& expected) {
  EXPECT_EQ(header.base_offset.value, expected["base_offset"].get<int64_t>());
  EXPECT_EQ(header.size_bytes, expected["length"].get<uint32_t>() + kBatchOverheadBytes);
  EXPECT_EQ(header.size_bytes, expected["size_in_bytes"].get<uint32_t>());
  EXPECT_EQ(header.magic, expected["magic"].get<int>());
  EXPECT_EQ(header.header_bytes, 48U + 4U * expected["magic"].get<uint32_t>());
  EXPECT_EQ(header.commit_timestamp.ms, expected["commit_timestamp"].get<int64_t>());
  EXPECT_EQ(header.leader_epoch.value, expected.value("leader_epoch", -1));
  EXPECT_EQ(header.crc, expected["crc"].get<uint32_t>());
  EXPECT_EQ(header.schema_id.value, expected["schema_id"].get<int>());
  EXPECT_EQ(header.attributes, expected["attributes"].get<int>());
  EXPECT_EQ(header.last_offset_delta, expected["last_offset_delta"].get<int>());
  EXPECT_EQ(header.writer_id.value, expected["writer_id"].get<int64_t>());
  EXPECT_EQ(header.batch_sequence, expected["batch_sequence"].get<int>());
  EXPECT_EQ(header.record_count, expected["record_count"].get<int>());
  EXPECT_EQ(header.statistics_bytes, expected.value("statistics_length", 0U));
}

Bytes VectorBytes(const std::string& name) {
  for (const Json& vector : vectors::Load("log/batch_header.json")["vectors"]) {
    if (vector["name"] == name) return vectors::Hex(vector["hex"]);
  }
  throw std::runtime_error("no vector " + name);
}

// Header fields and CRC of every batch that the vectors hold, whatever its log format.
TEST(RecordBatchTest, ReadsEveryHeaderAndItsCrcFits) {
  for (const vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    SCOPED_TRACE(batch.name);
    const auto header = ReadBatchHeader(batch.bytes);
    ASSERT_TRUE(header) << Describe(header.error());
    ExpectHeader(*header, batch.expected["header"]);
    EXPECT_TRUE(BatchCrcFits(batch.bytes, *header));

    Bytes rewritten = batch.bytes;
    std::fill_n(rewritten.begin(), header->header_bytes, 0xee);
    WriteBatchHeader(rewritten, *header);
    EXPECT_EQ(rewritten, batch.bytes);
  }
}

TEST(RecordBatchTest, WalksMixedMagicsByTheirSizes) {
  VectorReport report("log/batch_header.json");
  const Json file = vectors::Load("log/batch_header.json");
  for (const Json& vector : file["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const Bytes all = vectors::Hex(vector["hex"]);
    size_t at = 0;
    for (const Json& expected : vector["batches"]) {
      EXPECT_EQ(at, expected["position"].get<size_t>());
      const auto header = ReadBatchHeader(ByteView(all).subspan(at));
      ASSERT_TRUE(header);
      ExpectHeader(*header, expected["header"]);
      EXPECT_TRUE(BatchCrcFits(ByteView(all).subspan(at), *header));
      at += header->size_bytes;
    }
    EXPECT_EQ(at, all.size());
    report.CaseDone(vector["name"].get<std::string>());
  }
  for (const Json& vector : file["crc32c"]) {
    const Bytes input = vectors::Hex(vector["input_hex"]);
    const uint32_t crc = Crc32c(input);
    EXPECT_EQ(crc, vector["crc32c"].get<uint32_t>());
    Bytes stored;
    AppendLittle(stored, crc);
    EXPECT_EQ(ToHex(stored), vector["crc32c_le_hex"].get<std::string>());
    report.CaseDone("crc32c of " + vector["input_hex"].get<std::string>());
  }
}

TEST(RecordBatchTest, PatchingOffsetAndTimestampLeavesTheCrcValid) {
  Bytes batch = VectorBytes("client_v0_as_sent");
  SetBaseOffset(batch, Offset(4294967296));
  SetCommitTimestamp(batch, Timestamp(1767225600123));
  EXPECT_EQ(batch, VectorBytes("client_v0_as_stored"));
  const auto header = ReadBatchHeader(batch);
  ASSERT_TRUE(header);
  EXPECT_TRUE(BatchCrcFits(batch, *header));
  EXPECT_EQ(header->last_offset(), Offset(4294967296 + 2));
  EXPECT_EQ(header->next_offset(), Offset(4294967296 + 3));
}

TEST(RecordBatchTest, AFlippedBitBehindTheCrcDoesNotFit) {
  Bytes batch = VectorBytes("client_v0_as_sent");
  batch.back() ^= 1;
  EXPECT_FALSE(BatchCrcFits(batch, *ReadBatchHeader(batch)));
  SetBatchCrc(batch, *ReadBatchHeader(batch));
  EXPECT_TRUE(BatchCrcFits(batch, *ReadBatchHeader(batch)));
}

TEST(RecordBatchTest, AnEmptyBatchOccupiesOneOffset) {
  const auto header = ReadBatchHeader(VectorBytes("empty_cdc_v0"));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->record_count, 0);
  EXPECT_EQ(header->next_offset(), header->base_offset + 1);
  EXPECT_EQ(header->records_position(), header->size_bytes);
}

TEST(RecordBatchTest, EveryPrefixIsIncomplete) {
  for (const char* name : {"client_v0_as_sent", "empty_cdc_v1", "empty_cdc_v2"}) {
    const Bytes batch = VectorBytes(name);
    for (size_t size = 0; size < batch.size(); ++size) {
      // A copy of its own, so that a read behind the end is seen.
      const Bytes prefix(batch.begin(), batch.begin() + static_cast<ptrdiff_t>(size));
      const auto header = ReadBatchHeader(prefix);
      ASSERT_FALSE(header);
      EXPECT_EQ(header.error(), BatchProblem::kIncomplete) << size;
    }
  }
}

BatchProblem ProblemAfter(size_t at, auto value) {
  Bytes batch = VectorBytes("empty_cdc_v2");
  StoreLittle(batch.data() + at, value);
  const auto header = ReadBatchHeader(batch);
  if (header) throw std::runtime_error("the batch was read");
  return header.error();
}

TEST(RecordBatchTest, LengthsBelowTheHeaderAreBad) {
  for (const int32_t length : {INT32_MIN, -13, -12, -1, 0, 35, 36 + 4, 36 + 7}) {
    EXPECT_EQ(ProblemAfter(8, length), BatchProblem::kBadLength) << length;
  }
  EXPECT_EQ(ProblemAfter(8, INT32_MAX), BatchProblem::kIncomplete);
}

TEST(RecordBatchTest, MagicsBeyondTwoAreUnknown) {
  for (const int magic : {-128, -1, 3, 127}) {
    EXPECT_EQ(ProblemAfter(12, static_cast<int8_t>(magic)), BatchProblem::kUnknownMagic);
  }
}

TEST(RecordBatchTest, StatisticsHaveToLieInTheBatch) {
  for (const int32_t length : {-1, 1, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(ProblemAfter(52, length), BatchProblem::kBadStatisticsLength);
  }
}

TEST(RecordBatchTest, OffsetsThatCannotBeCountedOnAreBad) {
  EXPECT_EQ(ProblemAfter(32, int32_t{-1}), BatchProblem::kBadOffsets);
  EXPECT_EQ(ProblemAfter(32, INT32_MIN), BatchProblem::kBadOffsets);
  EXPECT_EQ(ProblemAfter(0, INT64_MAX), BatchProblem::kBadOffsets);
  Bytes batch = VectorBytes("empty_cdc_v2");
  SetBaseOffset(batch, Offset(INT64_MAX - 1));
  ASSERT_TRUE(ReadBatchHeader(batch));
  EXPECT_EQ(ReadBatchHeader(batch)->next_offset().value, INT64_MAX);
}

}  // namespace
}  // namespace strom::format
