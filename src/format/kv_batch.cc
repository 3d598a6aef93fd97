#include "format/kv_batch.h"

#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr size_t kMagicAt = 4;
constexpr size_t kCrcAt = 5;
constexpr size_t kSchemaIdAt = 9;  // the CRC covers from here
constexpr size_t kWriterIdAt = 12;
constexpr size_t kBatchSequenceAt = 20;
constexpr size_t kRecordCountAt = 24;
constexpr int8_t kMagic = 0;

std::unexpected<Error> Damaged(std::string_view problem) {
  return Fail(ErrorCode::kCorruptMessage, "The KV batch is damaged: {}.", problem);
}

Status CheckFrame(ByteView bytes) {
  if (bytes.size() < kKvBatchHeaderBytes) return Damaged("it is shorter than its header");
  const auto length = LoadLittle<int32_t>(bytes.data());
  if (length < static_cast<int32_t>(kKvBatchHeaderBytes - kKvBatchLengthBytes)) {
    return Damaged("its length is below the header size");
  }
  const size_t size_bytes = static_cast<size_t>(length) + kKvBatchLengthBytes;
  if (size_bytes > bytes.size()) return Damaged("it is cut off");
  if (size_bytes < bytes.size()) return Damaged("bytes follow it");
  if (LoadLittle<int8_t>(bytes.data() + kMagicAt) != kMagic) return Damaged("its magic is not 0");
  if (LoadLittle<uint32_t>(bytes.data() + kCrcAt) != Crc32c(bytes.subspan(kSchemaIdAt))) {
    return Damaged("its checksum does not fit");
  }
  return {};
}

// Reads the key's length. Over-long forms are refused: readers that compute the size of the length
// from its value would take other bytes for the key (spec 03, 2).
std::optional<uint32_t> ReadKeyLength(ByteReader& record, ByteView bytes) {
  const auto length = ReadVarint32(record);
  if (!length) return std::nullopt;
  const size_t size = record.position();
  if (size > 1 && bytes[size - 1] == 0) return std::nullopt;
  return length;
}

}  // namespace

Result<KvBatch> ParseKvBatch(ByteView bytes) {
  STROM_TRY_VOID(CheckFrame(bytes));
  const uint8_t* p = bytes.data();
  const KvBatch batch{.schema_id = SchemaId(LoadLittle<int16_t>(p + kSchemaIdAt)),
                      .writer_id = WriterId(LoadLittle<int64_t>(p + kWriterIdAt)),
                      .batch_sequence = LoadLittle<int32_t>(p + kBatchSequenceAt),
                      .record_count = LoadLittle<int32_t>(p + kRecordCountAt),
                      .bytes = bytes};
  const size_t records_bytes = batch.records().size();
  if (batch.record_count < 0 ||
      static_cast<size_t>(batch.record_count) > records_bytes / kMinKvRecordBytes ||
      (batch.record_count == 0 && records_bytes != 0)) {
    return Fail(ErrorCode::kCorruptRecord,
                "The KV batch has {} bytes of records, which cannot be {} records.", records_bytes,
                batch.record_count);
  }
  return batch;
}

std::unexpected<Error> KvRecordWalk::Stop(const char* problem) {
  const int32_t index = count_ - left_;
  left_ = 0;
  return Fail(ErrorCode::kCorruptRecord, "Record {} of the KV batch is broken: {}.", index,
              problem);
}

Result<KvRecord> KvRecordWalk::Next() {
  if (records_.size() < sizeof(int32_t)) return Stop("the batch ends before it");
  const auto length = LoadLittle<int32_t>(records_.data());
  records_ = records_.subspan(sizeof(int32_t));
  if (length < 1) return Stop("it is empty");
  if (static_cast<uint32_t>(length) > records_.size()) return Stop("it ends behind the batch");
  const ByteView bytes = records_.first(static_cast<size_t>(length));
  ByteReader in(bytes);
  const auto key_length = ReadKeyLength(in, bytes);
  if (!key_length) return Stop("the length of the key is no varint of the shortest form");
  if (*key_length == 0) return Stop("the key is empty");
  const auto key = in.Take(*key_length);
  if (!key) return Stop("the key ends behind it");
  records_ = records_.subspan(bytes.size());
  if (left_ == 1 && !records_.empty()) return Stop("bytes follow it, the last one");
  --left_;
  return KvRecord{*key, bytes.subspan(in.position())};
}

void SetKvBatchCrc(MutableByteView batch) {
  STROM_CHECK(batch.size() >= kKvBatchHeaderBytes);
  StoreLittle(batch.data() + kCrcAt, Crc32c(batch.subspan(kSchemaIdAt)));
}

void KvBatchBuilder::Add(ByteView key, ByteView row) {
  STROM_CHECK(!row.empty());
  Append(key, row);
}

void KvBatchBuilder::Delete(ByteView key) {
  Append(key, {});
}

void KvBatchBuilder::Append(ByteView key, ByteView row) {
  STROM_CHECK(!key.empty());
  const size_t start = bytes_.size();
  AppendLittle(bytes_, int32_t{0});
  AppendVarint(bytes_, static_cast<uint32_t>(key.size()));
  strom::Append(bytes_, key);
  strom::Append(bytes_, row);
  StoreLittle(bytes_.data() + start, static_cast<int32_t>(bytes_.size() - start - sizeof(int32_t)));
  ++record_count_;
}

Bytes KvBatchBuilder::Finish(SchemaId schema_id, WriterId writer_id, int32_t batch_sequence) {
  uint8_t* p = bytes_.data();
  StoreLittle(p, static_cast<int32_t>(bytes_.size() - kKvBatchLengthBytes));
  StoreLittle(p + kMagicAt, kMagic);
  StoreLittle(p + kSchemaIdAt, static_cast<int16_t>(schema_id.value));
  StoreLittle(p + kWriterIdAt, writer_id.value);
  StoreLittle(p + kBatchSequenceAt, batch_sequence);
  StoreLittle(p + kRecordCountAt, record_count_);
  SetKvBatchCrc(bytes_);
  Bytes batch = std::exchange(bytes_, {});
  Clear();
  return batch;
}

void KvBatchBuilder::Clear() {
  bytes_.assign(kKvBatchHeaderBytes, 0);
  record_count_ = 0;
}

}  // namespace strom::format
