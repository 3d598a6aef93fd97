#include "client/row_loads.h"

#include <fmt/format.h>

#include "format/kv_batch.h"
#include "wire/field_writer.h"
#include "wire/fields.h"

namespace strom::client {
namespace {

using wire::FieldReader;
using wire::FieldWriter;
using wire::Tag;
using wire::WireType;

constexpr int32_t kTimeoutMs = 30'000;

// The nth key of `bucket`: keys of a bucket are `buckets` apart.
int64_t KeyOf(int64_t number, size_t bucket, size_t buckets) {
  return number * static_cast<int64_t>(buckets) + static_cast<int64_t>(bucket);
}

// Groups hold `group` keys of one bucket that follow each other.
std::vector<KeySequence> SequencesOf(int64_t keys, size_t buckets, bool random, int64_t group = 1) {
  const int64_t of_each = std::max<int64_t>(keys / static_cast<int64_t>(buckets) / group, 1);
  return std::vector<KeySequence>(buckets, KeySequence(of_each, random));
}

// `group`: that of the key, if there are groups.
Bytes EncodeKey(int64_t key, std::optional<int64_t> group) {
  Bytes bytes;
  if (group) AppendVarint(bytes, static_cast<uint64_t>(*group));
  AppendVarint(bytes, static_cast<uint64_t>(key));
  return bytes;
}

struct RowAnswer {
  int64_t found = 0;
  int64_t missing = 0;
  uint64_t bytes = 0;
};

// The rows of a prefix.
Status ReadGroup(ByteView list, RowAnswer& answer) {
  FieldReader values(list);
  while (values.Next()) {
    if (values.tag() != Tag(1, WireType::kBytes)) continue;
    ++answer.found;
    answer.bytes += values.bytes().size();
  }
  if (values.failed()) return wire::Malformed("the rows of a prefix", values);
  return {};
}

// One bucket of an answer to PUT_KV, LOOKUP or (with `prefixes`) PREFIX_LOOKUP.
Result<RowAnswer> ReadBucket(ByteView entry, bool prefixes) {
  RowAnswer answer;
  int32_t error = 0;
  std::string message;
  FieldReader fields(entry);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(3, WireType::kVarint):
        error = fields.Int32();
        break;
      case Tag(4, WireType::kBytes):
        message = fields.text();
        break;
      case Tag(5, WireType::kBytes):
        if (prefixes) {
          STROM_TRY_VOID(ReadGroup(fields.bytes(), answer));
          break;
        }
        ++(fields.bytes().empty() ? answer.missing : answer.found);
        answer.bytes += fields.bytes().size();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return wire::Malformed("the answer of a bucket", fields);
  if (error != 0) return std::unexpected(Error{static_cast<ErrorCode>(error), message});
  return answer;
}

Result<RowAnswer> ReadAnswer(ByteView body, bool prefixes = false) {
  FieldReader fields(body);
  std::optional<ByteView> bucket;
  while (fields.Next()) {
    if (fields.tag() == Tag(1, WireType::kBytes)) bucket = fields.bytes();
  }
  if (fields.failed()) return wire::Malformed("an answer", fields);
  STROM_TRY(const ByteView entry, wire::Require(bucket, "buckets_resp"));
  return ReadBucket(entry, prefixes);
}

}  // namespace

std::string GeneratedKeyedTable(int columns, int buckets, bool grouped,
                                const std::string& properties) {
  std::string fields = R"({"name":"id","data_type":{"type":"BIGINT","nullable":false},"id":0})";
  if (grouped) {
    fields = R"({"name":"grp","data_type":{"type":"BIGINT","nullable":false},"id":0},)"
             R"({"name":"id","data_type":{"type":"BIGINT","nullable":false},"id":1})";
  }
  for (int column = grouped ? 2 : 1; column < columns; ++column) {
    fields += fmt::format(R"(,{{"name":"c{}","data_type":{{"type":"{}"}},"id":{}}})", column,
                          column < columns / 2 ? "BIGINT" : "STRING", column);
  }
  return fmt::format(
      R"({{"version":1,"schema":{{"version":1,"columns":[{}],"primary_key":[{}],)"
      R"("highest_field_id":{}}},"partition_key":[],"bucket_key":["{}"],"bucket_count":{},)"
      R"("properties":{{{}}},"custom_properties":{{}}}})",
      fields, grouped ? R"("grp","id")" : R"("id")", columns - 1, grouped ? "grp" : "id", buckets,
      properties);
}

int64_t KeySequence::Next() {
  if (!random_) return next_++ % keys_;
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return static_cast<int64_t>(state_ % static_cast<uint64_t>(keys_));
}

PutLoad::PutLoad(Options options)
    : options_(std::move(options)),
      keys_(SequencesOf(options_.keys, options_.buckets, options_.random)) {
  const int key_columns = options_.group > 0 ? 2 : 1;
  types_.resize(static_cast<size_t>(key_columns),
                {.root = format::TypeRoot::kBigInt, .nullable = false});
  for (int column = key_columns; column < options_.columns; ++column) {
    types_.push_back({.root = column < options_.columns / 2 ? format::TypeRoot::kBigInt
                                                            : format::TypeRoot::kString});
  }
}

std::optional<LoadRequest> PutLoad::Next(size_t /*slot*/) {
  const size_t bucket = turn_++ % options_.buckets;
  format::KvBatchBuilder builder;
  format::Row row(types_.size());
  Bytes encoded;
  for (int i = 0; i < options_.rows; ++i) {
    const int64_t number = keys_[bucket].Next();
    const int64_t key = KeyOf(number, bucket, options_.buckets);
    std::optional<int64_t> group;
    if (options_.group > 0) group = KeyOf(number / options_.group, bucket, options_.buckets);
    if (options_.deletes) {
      builder.Delete(EncodeKey(key, group));
      continue;
    }
    ++stamp_;
    if (group) row[0] = format::Value::Int(*group);
    row[group ? 1 : 0] = format::Value::Int(key);
    for (size_t c = group ? 2 : 1; c < row.size(); ++c) {
      row[c] = types_[c].root == format::TypeRoot::kBigInt
                   ? format::Value::Int(stamp_ * static_cast<int64_t>(c))
                   : format::Value::Text(fmt::format("text-{:015}", stamp_ * 7919 % 1'000'003));
    }
    encoded.clear();
    if (!format::AppendRow(format::RowFormat::kCompacted, types_, row, encoded)) {
      return std::nullopt;
    }
    builder.Add(EncodeKey(key, group), encoded);
  }
  const Bytes batch = builder.Finish(options_.schema);
  LoadRequest request{.api = wire::Api::kPutKv, .bucket = bucket};
  FieldWriter fields(request.head);
  fields.Int(1, options_.acks);
  fields.Int(2, options_.table.value);
  fields.Int(3, kTimeoutMs);
  for (const int32_t column : options_.target_columns)
    fields.Int(4, column);
  const auto bucket_id = static_cast<int64_t>(bucket);
  fields.Length(5, FieldWriter::IntBytes(2, bucket_id) + FieldWriter::LengthBytes(3, batch.size()));
  fields.Int(2, bucket_id);
  fields.Length(3, batch.size());
  Append(request.head, batch);
  return request;
}

Result<Yield> PutLoad::Judge(size_t /*slot*/, ByteView body) {
  STROM_TRY_VOID(ReadAnswer(body));
  return Yield{.rows = options_.rows};
}

LookupLoad::LookupLoad(Options options)
    : options_(options),
      keys_(
          SequencesOf(options.keys, options.buckets, true, options.prefixes ? options.group : 1)) {}

std::optional<LoadRequest> LookupLoad::Next(size_t slot) {
  const auto bucket = slot % options_.buckets;
  Bytes entry;
  FieldWriter inner(entry);
  inner.Int(2, static_cast<int64_t>(bucket));
  for (int i = 0; i < options_.keys_per_request; ++i) {
    const int64_t number = keys_[bucket].Next();
    const int64_t of_group =
        options_.group > 0 && !options_.prefixes ? number / options_.group : number;
    const int64_t group = KeyOf(of_group, bucket, options_.buckets);
    const int64_t own = KeyOf(number, bucket, options_.buckets);
    Bytes key;
    if (options_.prefixes) {
      key = EncodeKey(group, std::nullopt);
    } else {
      key = EncodeKey(own, options_.group > 0 ? std::optional(group) : std::nullopt);
    }
    inner.Length(3, key.size());
    Append(entry, key);
  }
  LoadRequest request{.api = options_.prefixes ? wire::Api::kPrefixLookup : wire::Api::kLookup,
                      .bucket = bucket};
  FieldWriter fields(request.head);
  fields.Int(1, options_.table.value);
  fields.Length(2, entry.size());
  Append(request.head, entry);
  return request;
}

Result<Yield> LookupLoad::Judge(size_t /*slot*/, ByteView body) {
  STROM_TRY(const RowAnswer answer, ReadAnswer(body, options_.prefixes));
  const int64_t expected = options_.keys_per_request * (options_.prefixes ? options_.group : 1);
  if (answer.found + answer.missing != expected && !(options_.prefixes && options_.may_miss)) {
    return Fail(ErrorCode::kUnknownServerError, "{} rows were asked for and {} answered.", expected,
                answer.found + answer.missing);
  }
  if (answer.missing > 0 && !options_.may_miss) {
    return Fail(ErrorCode::kUnknownServerError, "{} of {} keys are not in the table.",
                answer.missing, options_.keys_per_request);
  }
  return Yield{.rows = answer.found, .record_bytes = answer.bytes};
}

}  // namespace strom::client
