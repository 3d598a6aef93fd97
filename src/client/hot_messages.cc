#include "client/hot_messages.h"

#include "format/record_batch.h"
#include "wire/field_writer.h"
#include "wire/fields.h"

namespace strom::client {
namespace {

using wire::FieldReader;
using wire::FieldWriter;
using wire::Tag;
using wire::WireType;

// The content of the field `number` of `message`, which holds it once.
Result<ByteView> Nested(ByteView message, uint32_t number, std::string_view name) {
  FieldReader fields(message);
  std::optional<ByteView> found;
  while (fields.Next()) {
    if (fields.tag() == Tag(number, WireType::kBytes)) found = fields.bytes();
  }
  if (fields.failed()) return wire::Malformed(name, fields);
  return wire::Require(found, name);
}

struct BucketAnswer {
  std::optional<int32_t> error;
  std::string message;
  std::optional<int64_t> offset;  // field 5: the base offset, or the high watermark
  std::optional<ByteView> records;
  std::optional<int64_t> filtered_end;
  bool remote = false;
};

Result<BucketAnswer> ReadBucket(ByteView entry) {
  BucketAnswer answer;
  FieldReader fields(entry);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(3, WireType::kVarint):
        answer.error = fields.Int32();
        break;
      case Tag(4, WireType::kBytes):
        answer.message = fields.text();
        break;
      case Tag(5, WireType::kVarint):
        answer.offset = fields.Int64();
        break;
      case Tag(7, WireType::kBytes):
        answer.remote = true;
        break;
      case Tag(8, WireType::kBytes):
        answer.records = fields.bytes();
        break;
      case Tag(9, WireType::kVarint):
        answer.filtered_end = fields.Int64();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return wire::Malformed("the answer of a bucket", fields);
  if (answer.error && *answer.error != 0) {
    return std::unexpected(Error{static_cast<ErrorCode>(*answer.error), answer.message});
  }
  return answer;
}

}  // namespace

Bytes ProducePrefix(const ProduceTarget& target, size_t records_bytes) {
  Bytes body;
  FieldWriter fields(body);
  fields.Int(1, target.acks);
  fields.Int(2, target.table.value);
  fields.Int(3, target.timeout_ms);
  fields.Length(4, FieldWriter::IntBytes(2, target.bucket.value) +
                       FieldWriter::LengthBytes(3, records_bytes));
  fields.Int(2, target.bucket.value);
  fields.Length(3, records_bytes);
  return body;
}

Result<Offset> ParseProduceAnswer(ByteView body) {
  STROM_TRY(const ByteView entry, Nested(body, 1, "ProduceLogResponse.buckets_resp"));
  STROM_TRY(const BucketAnswer answer, ReadBucket(entry));
  STROM_TRY(const int64_t offset, wire::Require(answer.offset, "base_offset"));
  return Offset(offset);
}

Bytes FetchBody(const FetchTarget& target) {
  Bytes bucket;
  FieldWriter bucket_fields(bucket);
  bucket_fields.Int(2, target.bucket.value);
  bucket_fields.Int(3, target.from.value);
  bucket_fields.Int(4, target.max_bytes);
  Bytes columns;
  for (const int32_t column : target.columns)
    AppendVarint(columns, static_cast<uint32_t>(column));
  Bytes table;
  FieldWriter table_fields(table);
  table_fields.Int(1, target.table.value);
  table_fields.Varint(2, target.columns.empty() ? 0 : 1);
  if (!columns.empty()) table_fields.Text(3, AsText(columns));
  table_fields.Text(4, AsText(bucket));
  Bytes body;
  FieldWriter fields(body);
  fields.Int(1, -1);
  fields.Int(2, target.max_bytes);
  fields.Text(3, AsText(table));
  if (target.max_wait_ms > 0) {
    fields.Int(4, target.max_wait_ms);
    fields.Int(5, 1);
  }
  return body;
}

Result<Fetched> ParseFetchAnswer(ByteView body, Offset from) {
  STROM_TRY(const ByteView table, Nested(body, 1, "FetchLogResponse.tables_resp"));
  STROM_TRY(const ByteView entry, Nested(table, 2, "FetchLogResponse.buckets_resp"));
  STROM_TRY(const BucketAnswer answer, ReadBucket(entry));
  if (answer.remote) {
    return Fail(ErrorCode::kUnknownServerError, "The records are in remote storage by now.");
  }
  STROM_TRY(const int64_t high_watermark, wire::Require(answer.offset, "high_watermark"));
  STROM_TRY(ByteView left, wire::Require(answer.records, "records"));
  Fetched fetched{.high_watermark = Offset(high_watermark), .next = from};
  while (!left.empty()) {
    const auto header = format::ReadBatchHeader(left);
    if (!header) {
      if (header.error() == format::BatchProblem::kIncomplete) break;
      return Fail(ErrorCode::kCorruptRecord, "A batch behind offset {}: {}.", fetched.next.value,
                  format::Describe(header.error()));
    }
    fetched.next = header->next_offset();
    fetched.records += header->record_count;
    fetched.bytes += header->size_bytes;
    left = left.subspan(header->size_bytes);
  }
  if (answer.filtered_end) fetched.next = std::max(fetched.next, Offset(*answer.filtered_end));
  return fetched;
}

}  // namespace strom::client
