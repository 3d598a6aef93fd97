#include "format/record_batch.h"

#include <limits>

#include "base/check.h"
#include "base/crc32c.h"

namespace strom::format {
namespace {

constexpr size_t kLengthAt = 8;
constexpr size_t kMagicAt = 12;
constexpr size_t kCommitTimestampAt = 13;
constexpr size_t kLeaderEpochAt = 21;  // magic 2 only; the fields behind it move by its size

// Positions behind the CRC, relative to the CRC.
constexpr size_t kSchemaId = 4;
constexpr size_t kAttributes = 6;
constexpr size_t kLastOffsetDelta = 7;
constexpr size_t kWriterId = 11;
constexpr size_t kBatchSequence = 19;
constexpr size_t kRecordCount = 23;
constexpr size_t kStatisticsLength = 27;

size_t CrcAt(int8_t magic) {
  return magic == 2 ? kLeaderEpochAt + 4 : kLeaderEpochAt;
}

bool OffsetsFit(const BatchHeader& header) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  return header.last_offset_delta >= 0 &&
         header.base_offset.value < kMax - int64_t{header.last_offset_delta};
}

}  // namespace

std::string_view Describe(BatchProblem problem) {
  switch (problem) {
    case BatchProblem::kIncomplete:
      return "it is cut off";
    case BatchProblem::kBadLength:
      return "its length is below the header size";
    case BatchProblem::kUnknownMagic:
      return "its magic is not 0, 1 or 2";
    case BatchProblem::kBadStatisticsLength:
      return "its statistics length does not fit the batch";
    case BatchProblem::kBadOffsets:
      return "its last offset delta is out of range";
  }
  return "it is malformed";
}

size_t BatchHeaderBytes(int8_t magic) {
  STROM_CHECK(magic >= 0 && magic <= kMaxBatchMagic);
  return kMinBatchHeaderBytes + 4 * static_cast<size_t>(magic);
}

std::expected<BatchHeader, BatchProblem> ReadBatchHeader(ByteView bytes) {
  return ReadBatchHeader(bytes, bytes.size());
}

std::expected<BatchHeader, BatchProblem> ReadBatchHeader(ByteView bytes, uint64_t available) {
  if (bytes.size() < kBatchOverheadBytes) return std::unexpected(BatchProblem::kIncomplete);
  const uint8_t* p = bytes.data();
  const int64_t size = int64_t{LoadLittle<int32_t>(p + kLengthAt)} + int64_t{kBatchOverheadBytes};
  if (size < int64_t{kMinBatchHeaderBytes}) return std::unexpected(BatchProblem::kBadLength);
  if (static_cast<uint64_t>(size) > available) return std::unexpected(BatchProblem::kIncomplete);

  BatchHeader header;
  header.size_bytes = static_cast<uint32_t>(size);
  header.magic = LoadLittle<int8_t>(p + kMagicAt);
  if (header.magic < 0 || header.magic > kMaxBatchMagic) {
    return std::unexpected(BatchProblem::kUnknownMagic);
  }
  header.header_bytes = static_cast<uint32_t>(BatchHeaderBytes(header.magic));
  if (header.size_bytes < header.header_bytes) return std::unexpected(BatchProblem::kBadLength);
  if (bytes.size() < header.header_bytes) return std::unexpected(BatchProblem::kIncomplete);

  header.base_offset = Offset(LoadLittle<int64_t>(p));
  header.commit_timestamp = Timestamp(LoadLittle<int64_t>(p + kCommitTimestampAt));
  if (header.magic == 2) header.leader_epoch = LeaderEpoch(LoadLittle<int32_t>(p + kLeaderEpochAt));
  const uint8_t* crc = p + CrcAt(header.magic);
  header.crc = LoadLittle<uint32_t>(crc);
  header.schema_id = SchemaId(LoadLittle<int16_t>(crc + kSchemaId));
  header.attributes = LoadLittle<int8_t>(crc + kAttributes);
  header.last_offset_delta = LoadLittle<int32_t>(crc + kLastOffsetDelta);
  header.writer_id = WriterId(LoadLittle<int64_t>(crc + kWriterId));
  header.batch_sequence = LoadLittle<int32_t>(crc + kBatchSequence);
  header.record_count = LoadLittle<int32_t>(crc + kRecordCount);
  if (header.magic > 0) {
    const auto statistics = LoadLittle<int32_t>(crc + kStatisticsLength);
    if (statistics < 0 ||
        static_cast<uint32_t>(statistics) > header.size_bytes - header.header_bytes) {
      return std::unexpected(BatchProblem::kBadStatisticsLength);
    }
    header.statistics_bytes = static_cast<uint32_t>(statistics);
  }
  if (!OffsetsFit(header)) return std::unexpected(BatchProblem::kBadOffsets);
  return header;
}

void WriteBatchHeader(MutableByteView batch, const BatchHeader& header) {
  STROM_CHECK(header.header_bytes == BatchHeaderBytes(header.magic));
  STROM_CHECK(batch.size() >= header.header_bytes);
  uint8_t* p = batch.data();
  StoreLittle(p, header.base_offset.value);
  StoreLittle(p + kLengthAt, static_cast<int32_t>(header.size_bytes - kBatchOverheadBytes));
  StoreLittle(p + kMagicAt, header.magic);
  StoreLittle(p + kCommitTimestampAt, header.commit_timestamp.ms);
  if (header.magic == 2) StoreLittle(p + kLeaderEpochAt, header.leader_epoch.value);
  uint8_t* crc = p + CrcAt(header.magic);
  StoreLittle(crc, header.crc);
  StoreLittle(crc + kSchemaId, static_cast<int16_t>(header.schema_id.value));
  StoreLittle(crc + kAttributes, header.attributes);
  StoreLittle(crc + kLastOffsetDelta, header.last_offset_delta);
  StoreLittle(crc + kWriterId, header.writer_id.value);
  StoreLittle(crc + kBatchSequence, header.batch_sequence);
  StoreLittle(crc + kRecordCount, header.record_count);
  if (header.magic > 0) {
    StoreLittle(crc + kStatisticsLength, static_cast<int32_t>(header.statistics_bytes));
  }
}

uint32_t ComputeBatchCrc(ByteView batch, const BatchHeader& header) {
  STROM_CHECK(batch.size() >= header.size_bytes);
  const size_t from = CrcAt(header.magic) + kSchemaId;
  return Crc32c(batch.subspan(from, header.size_bytes - from));
}

bool BatchCrcFits(ByteView batch, const BatchHeader& header) {
  return ComputeBatchCrc(batch, header) == header.crc;
}

void SetBaseOffset(MutableByteView batch, Offset offset) {
  STROM_CHECK(batch.size() >= kMinBatchHeaderBytes);
  StoreLittle(batch.data(), offset.value);
}

void SetCommitTimestamp(MutableByteView batch, Timestamp timestamp) {
  STROM_CHECK(batch.size() >= kMinBatchHeaderBytes);
  StoreLittle(batch.data() + kCommitTimestampAt, timestamp.ms);
}

void SetBatchCrc(MutableByteView batch, const BatchHeader& header) {
  StoreLittle(batch.data() + CrcAt(header.magic), ComputeBatchCrc(batch, header));
}

}  // namespace strom::format
