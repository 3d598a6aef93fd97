// KvRecordBatch (spec 03, 7.1 and 7.2): the upserts and deletes that PUT_KV carries for one bucket.
// All fields are little-endian:
//   length 0 (bytes behind it), magic 4 (0), crc 5, schema_id 9, attributes 11, writer_id 12,
//   batch_sequence 20, record_count 24, records 28
//   record := int32 length | varint32 key length | key | row, which takes the rest
// A record without a row deletes its key. The CRC covers schema_id up to the end. A batch is a
// view: nothing is copied, no row is decoded (row_check.h does that). Errors say whether the bytes
// were damaged on the way (kCorruptMessage) or made wrongly (kCorruptRecord).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"

namespace strom::format {

inline constexpr size_t kKvBatchHeaderBytes = 28;
inline constexpr size_t kKvBatchLengthBytes = 4;  // not counted by the length field
inline constexpr size_t kMinKvRecordBytes = 6;    // length, key length, a key of one byte

struct KvRecord {
  ByteView key;  // never empty
  ByteView row;  // empty: the key is deleted

  bool is_delete() const { return row.empty(); }
};

struct KvBatch {
  SchemaId schema_id;  // of every row; -1 and 0 are possible here and name no schema
  WriterId writer_id = kNoWriterId;
  int32_t batch_sequence = kNoBatchSequence;
  int32_t record_count = 0;
  ByteView bytes;  // the whole batch

  bool idempotent() const { return writer_id != kNoWriterId; }
  ByteView records() const { return bytes.subspan(kKvBatchHeaderBytes); }
};

// The batch that takes all of `bytes`. kCorruptMessage: length, magic or CRC are wrong or bytes
// follow; kCorruptRecord: the record count cannot be true.
Result<KvBatch> ParseKvBatch(ByteView bytes);

// Walks the records of a parsed batch in order; the views point into the batch:
//   KvRecordWalk walk(batch);
//   while (!walk.done()) { STROM_TRY(const KvRecord record, walk.Next()); … }
// Errors are kCorruptRecord; after one the walk is done. The last record must end with the batch.
class KvRecordWalk {
 public:
  explicit KvRecordWalk(const KvBatch& batch)
      : records_(batch.records()), left_(batch.record_count), count_(batch.record_count) {}

  bool done() const { return left_ == 0; }
  Result<KvRecord> Next();

 private:
  std::unexpected<Error> Stop(const char* problem);

  ByteView records_;
  int32_t left_;
  int32_t count_;
};

// Computes the CRC of a complete batch and stores it: for who builds or changes batches.
void SetKvBatchCrc(MutableByteView batch);

// Builds batches, for clients of our own: the load generator and tests.
class KvBatchBuilder {
 public:
  KvBatchBuilder() { Clear(); }

  // Neither key nor row may be empty.
  void Add(ByteView key, ByteView row);
  void Delete(ByteView key);

  size_t size_bytes() const { return bytes_.size(); }
  int32_t record_count() const { return record_count_; }

  // The complete batch; the builder is empty afterwards.
  Bytes Finish(SchemaId schema_id, WriterId writer_id = kNoWriterId,
               int32_t batch_sequence = kNoBatchSequence);

 private:
  void Clear();
  void Append(ByteView key, ByteView row);

  Bytes bytes_;
  int32_t record_count_ = 0;
};

}  // namespace strom::format
