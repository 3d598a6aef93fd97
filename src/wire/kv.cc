#include "wire/kv.h"

#include "base/check.h"
#include "wire/error_text.h"
#include "wire/field_writer.h"
#include "wire/fields.h"
#include "wire/message.h"
#include "wire/messages.pb.h"
#include "wire/produce.h"

namespace strom::wire {
namespace {

constexpr auto kVarint = WireType::kVarint;
constexpr auto kBytes = WireType::kBytes;

Result<PutKvBucket> ParsePutBucket(ByteView bytes) {
  std::optional<int32_t> bucket;
  std::optional<ByteView> records;
  PutKvBucket parsed;
  FieldReader fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        parsed.partition = PartitionId(fields.Int64());
        break;
      case Tag(2, kVarint):
        bucket = fields.Int32();
        break;
      case Tag(3, kBytes):
        records = fields.bytes();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("PbPutKvReqForBucket", fields);
  STROM_TRY(const int32_t id, Require(bucket, "PbPutKvReqForBucket.bucket_id"));
  parsed.bucket = BucketId(id);
  STROM_TRY(parsed.records, Require(records, "PbPutKvReqForBucket.records"));
  return parsed;
}

// Names for messages, and what the two kinds of lookup do not share.
struct LookupFields {
  std::string_view request;
  std::string_view table_id;
  std::string_view bucket;
  std::string_view bucket_id;
  bool prefix;
};
constexpr LookupFields kLookup{"LookupRequest", "LookupRequest.table_id", "PbLookupReqForBucket",
                               "PbLookupReqForBucket.bucket_id", false};
constexpr LookupFields kPrefixLookup{"PrefixLookupRequest", "PrefixLookupRequest.table_id",
                                     "PbPrefixLookupReqForBucket",
                                     "PbPrefixLookupReqForBucket.bucket_id", true};

Result<LookupBucket> ParseLookupBucket(ByteView bytes, const LookupFields& names,
                                       size_t& keys_left) {
  std::optional<int32_t> bucket;
  LookupBucket parsed;
  FieldReader fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        parsed.partition = PartitionId(fields.Int64());
        break;
      case Tag(2, kVarint):
        bucket = fields.Int32();
        break;
      case Tag(3, kBytes):
        if (keys_left-- == 0) return TooMany("keys", kMaxKeysPerRequest);
        parsed.keys.push_back(fields.bytes());
        break;
      case Tag(4, kBytes):
        if (!names.prefix) parsed.original_partition_name = fields.text();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed(names.bucket, fields);
  STROM_TRY(const int32_t id, Require(bucket, names.bucket_id));
  parsed.bucket = BucketId(id);
  return parsed;
}

Result<LookupRequest> ParseAnyLookup(ByteView body, const LookupFields& names) {
  LookupRequest request;
  std::optional<int64_t> table_id;
  size_t keys_left = kMaxKeysPerRequest;
  FieldReader fields(body);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        table_id = fields.Int64();
        break;
      case Tag(2, kBytes): {
        if (request.buckets.size() == kMaxBucketsPerRequest) {
          return TooMany("buckets", kMaxBucketsPerRequest);
        }
        STROM_TRY(LookupBucket bucket, ParseLookupBucket(fields.bytes(), names, keys_left));
        request.buckets.push_back(std::move(bucket));
        break;
      }
      case Tag(3, kVarint):
        if (!names.prefix) request.insert_if_not_exists = fields.Bool();
        break;
      case Tag(4, kVarint):
        request.acks = fields.Int32();
        break;
      case Tag(5, kVarint):
        request.timeout_ms = fields.Int32();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed(names.request, fields);
  STROM_TRY(const int64_t id, Require(table_id, names.table_id));
  request.table_id = TableId(id);
  return request;
}

uint64_t ErrorBytes(const Error& error, std::string_view text) {
  return FieldWriter::IntBytes(3, WireCode(error.code)) + FieldWriter::LengthBytes(4, text.size());
}

// What every bucket of an answer begins with.
uint64_t HeadBytes(const std::optional<PartitionId>& partition, BucketId bucket) {
  return (partition ? FieldWriter::IntBytes(1, partition->value) : 0) +
         FieldWriter::IntBytes(2, bucket.value);
}

void WriteHead(FieldWriter& out, const std::optional<PartitionId>& partition, BucketId bucket) {
  if (partition) out.Int(1, partition->value);
  out.Int(2, bucket.value);
}

uint64_t ValueBytes(const std::optional<ByteView>& value) {
  return value ? FieldWriter::LengthBytes(1, value->size()) : 0;
}

uint64_t ContentBytes(const LookupResult& result) {
  uint64_t bytes = HeadBytes(result.partition, result.bucket);
  if (result.error)
    return bytes +
           ErrorBytes(*result.error, ErrorText(result.error->message, kMaxItemErrorTextBytes));
  for (const auto& value : result.values)
    bytes += FieldWriter::LengthBytes(5, ValueBytes(value));
  return bytes;
}

void WriteContent(FieldWriter& out, Bytes& body, const LookupResult& result) {
  WriteHead(out, result.partition, result.bucket);
  if (result.error) {
    out.Int(3, WireCode(result.error->code));
    out.Text(4, ErrorText(result.error->message, kMaxItemErrorTextBytes));
    return;
  }
  for (const auto& value : result.values) {
    out.Length(5, ValueBytes(value));
    if (!value) continue;
    out.Length(1, value->size());
    Append(body, *value);
  }
}

uint64_t ListBytes(std::span<const ByteView> values) {
  uint64_t bytes = 0;
  for (const ByteView value : values)
    bytes += FieldWriter::LengthBytes(1, value.size());
  return bytes;
}

uint64_t ContentBytes(const PrefixLookupResult& result) {
  uint64_t bytes = HeadBytes(result.partition, result.bucket);
  if (result.error)
    return bytes +
           ErrorBytes(*result.error, ErrorText(result.error->message, kMaxItemErrorTextBytes));
  std::span<const ByteView> rest = result.values;
  for (const size_t count : result.value_counts) {
    bytes += FieldWriter::LengthBytes(5, ListBytes(rest.first(count)));
    rest = rest.subspan(count);
  }
  return bytes;
}

void WriteContent(FieldWriter& out, Bytes& body, const PrefixLookupResult& result) {
  WriteHead(out, result.partition, result.bucket);
  if (result.error) {
    out.Int(3, WireCode(result.error->code));
    out.Text(4, ErrorText(result.error->message, kMaxItemErrorTextBytes));
    return;
  }
  std::span<const ByteView> rest = result.values;
  for (const size_t count : result.value_counts) {
    out.Length(5, ListBytes(rest.first(count)));
    for (const ByteView value : rest.first(count)) {
      out.Length(1, value.size());
      Append(body, value);
    }
    rest = rest.subspan(count);
  }
}

// One run of memory of the right size, written once.
template <class Result>
OutgoingFrame EncodeBuckets(int32_t request_id, std::span<const Result> results) {
  std::vector<uint64_t> sizes;
  sizes.reserve(results.size());
  uint64_t length = kResponseHeaderBytes;
  for (const Result& result : results) {
    sizes.push_back(ContentBytes(result));
    length += FieldWriter::LengthBytes(1, sizes.back());
  }
  if (length > kMaxResponseLength) return EncodeTooLarge(request_id);
  Bytes frame;
  frame.reserve(kFrameLengthBytes + length);
  AppendBig(frame, static_cast<int32_t>(length));
  AppendBig(frame, static_cast<uint8_t>(ResponseType::kSuccess));
  AppendBig(frame, request_id);
  FieldWriter out(frame);
  for (size_t i = 0; i < results.size(); ++i) {
    out.Length(1, sizes[i]);
    WriteContent(out, frame, results[i]);
  }
  STROM_CHECK(frame.size() == kFrameLengthBytes + length);
  return OutgoingFrame(std::move(frame));
}

}  // namespace

Result<PutKvRequest> ParsePutKv(ByteView body) {
  PutKvRequest request;
  std::optional<int32_t> acks;
  std::optional<int64_t> table_id;
  std::optional<int32_t> timeout_ms;
  FieldReader fields(body);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        acks = fields.Int32();
        break;
      case Tag(2, kVarint):
        table_id = fields.Int64();
        break;
      case Tag(3, kVarint):
        timeout_ms = fields.Int32();
        break;
      case Tag(4, kVarint):
      case Tag(4, kBytes):
        STROM_TRY_VOID(
            AppendInt32s(fields, kMaxTargetColumns, "target columns", request.target_columns));
        break;
      case Tag(5, kBytes): {
        if (request.buckets.size() == kMaxBucketsPerRequest) {
          return TooMany("buckets", kMaxBucketsPerRequest);
        }
        STROM_TRY(PutKvBucket bucket, ParsePutBucket(fields.bytes()));
        request.buckets.push_back(bucket);
        break;
      }
      case Tag(6, kVarint):
        request.overwrite = fields.Int32() == 1;
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("PutKvRequest", fields);
  STROM_TRY(request.acks, Require(acks, "PutKvRequest.acks"));
  STROM_TRY(const int64_t id, Require(table_id, "PutKvRequest.table_id"));
  request.table_id = TableId(id);
  STROM_TRY(request.timeout_ms, Require(timeout_ms, "PutKvRequest.timeout_ms"));
  return request;
}

OutgoingFrame EncodePutKvResponse(int32_t request_id, std::span<const PutKvResult> results) {
  pb::PutKvResponse response;
  for (const PutKvResult& result : results) {
    pb::PbPutKvRespForBucket& entry = *response.add_buckets_resp();
    if (result.partition) entry.set_partition_id(result.partition->value);
    entry.set_bucket_id(result.bucket.value);
    if (result.log_end_offset) {
      entry.set_log_end_offset(result.log_end_offset->value);
      if (result.pressure > 0) entry.set_pressure(result.pressure);
    } else {
      SetError(result.log_end_offset.error(), entry);
    }
  }
  return EncodeSuccess(request_id, response);
}

Result<LookupRequest> ParseLookup(ByteView body) {
  return ParseAnyLookup(body, kLookup);
}

Result<LookupRequest> ParsePrefixLookup(ByteView body) {
  return ParseAnyLookup(body, kPrefixLookup);
}

OutgoingFrame EncodeLookupResponse(int32_t request_id, std::span<const LookupResult> results) {
  return EncodeBuckets(request_id, results);
}

OutgoingFrame EncodePrefixLookupResponse(int32_t request_id,
                                         std::span<const PrefixLookupResult> results) {
  return EncodeBuckets(request_id, results);
}

}  // namespace strom::wire
