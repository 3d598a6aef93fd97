// The log record batch header, magic 0, 1 and 2 (spec 02, 2). A batch is a view on bytes; nothing
// here copies or decodes records.
//
// All fields are little-endian. Magic 1 adds the statistics after record_count, magic 2 also the
// leader epoch before the CRC:
//
//   magic 0: base_offset 0, length 8, magic 12, commit_timestamp 13, crc 21, schema_id 25,
//            attributes 27, last_offset_delta 28, writer_id 32, batch_sequence 40,
//            record_count 44, records 48
//   magic 1: … statistics_length 48, statistics 52, records 52 + statistics_length
//   magic 2: … leader_epoch 21, everything from crc on 4 later than in magic 1
//
// length counts the bytes behind it. The CRC covers schema_id up to the end of the batch.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace strom::format {

inline constexpr size_t kBatchOverheadBytes = 12;  // base_offset and length
inline constexpr size_t kMinBatchHeaderBytes = 48;
inline constexpr size_t kMaxBatchHeaderBytes = 56;
inline constexpr int32_t kNoBatchSequence = -1;
inline constexpr int8_t kMaxBatchMagic = 2;

// table.log.format: how the records of a table's batches are laid out (spec 02, 3).
enum class LogFormat : uint8_t { kArrow, kIndexed, kCompacted };

// The byte that goes with every record of a changelog (spec 02, 3.1).
enum class ChangeType : uint8_t {
  kAppendOnly = 0,
  kInsert = 1,
  kUpdateBefore = 2,
  kUpdateAfter = 3,
  kDelete = 4,
};
inline constexpr uint8_t kMaxChangeType = 4;

// What a parser of stored or received bytes made of them, or in a few static words what is wrong:
// "the Arrow metadata is cut off". For the caller to put into an Error that names the batch.
template <class T>
using Parsed = std::expected<T, std::string_view>;

struct BatchHeader {
  Offset base_offset;
  uint32_t size_bytes = 0;    // whole batch: length + 12
  uint32_t header_bytes = 0;  // 48, 52 or 56
  int8_t magic = 0;
  Timestamp commit_timestamp;
  LeaderEpoch leader_epoch{-1};  // magic 2 only
  uint32_t crc = 0;
  SchemaId schema_id;
  int8_t attributes = 0;
  int32_t last_offset_delta = 0;
  WriterId writer_id = kNoWriterId;
  int32_t batch_sequence = kNoBatchSequence;
  int32_t record_count = 0;
  uint32_t statistics_bytes = 0;  // magic 1 and 2

  bool append_only() const { return (attributes & 1) != 0; }
  bool idempotent() const { return writer_id != kNoWriterId; }
  Offset last_offset() const { return base_offset + last_offset_delta; }
  Offset next_offset() const { return base_offset + last_offset_delta + 1; }
  // Where change types (or the first record, or the Arrow message) begin.
  size_t records_position() const { return header_bytes + statistics_bytes; }
};

enum class BatchProblem {
  kIncomplete,    // fewer bytes than the header or the length says: a torn tail
  kBadLength,     // length below the header size or negative
  kUnknownMagic,  // not 0, 1 or 2
  kBadStatisticsLength,
  kBadOffsets,  // last_offset_delta is negative, or next_offset() does not fit 63 bits
};

// "its length is below the header size", for messages.
std::string_view Describe(BatchProblem problem);

// Reads the header of the batch that starts at bytes[0]. `bytes` may hold more than the batch.
// Checks only what is needed to walk on: sizes in 64-bit arithmetic, magic, statistics length, and
// that the offsets of the batch can be computed. A success means that size_bytes bytes are there.
std::expected<BatchHeader, BatchProblem> ReadBatchHeader(ByteView bytes);
// The same from a copy of a batch's head; of the batch itself `available` bytes are there.
std::expected<BatchHeader, BatchProblem> ReadBatchHeader(ByteView head, uint64_t available);

// The header size of a magic that is known.
size_t BatchHeaderBytes(int8_t magic);
// Writes all fields at the head of `batch`, which holds at least header.header_bytes; the length
// comes from size_bytes. header_bytes must be that of the magic.
void WriteBatchHeader(MutableByteView batch, const BatchHeader& header);

// CRC-32C of a complete batch over schema_id..end, and whether it fits the stored one.
uint32_t ComputeBatchCrc(ByteView batch, const BatchHeader& header);
bool BatchCrcFits(ByteView batch, const BatchHeader& header);

// Patches what the leader sets; all of it lies outside the CRC.
void SetBaseOffset(MutableByteView batch, Offset offset);
void SetCommitTimestamp(MutableByteView batch, Timestamp timestamp);

// Computes the CRC of a complete batch and stores it: for who builds or changes batches.
void SetBatchCrc(MutableByteView batch, const BatchHeader& header);

}  // namespace strom::format
