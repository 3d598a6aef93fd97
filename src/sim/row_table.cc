#include "sim/row_table.h"

#include "format/batch_values.h"
#include "format/key_encoder.h"
#include "format/kv_batch.h"
#include "format/value_batch.h"

namespace strom::sim {
namespace {

using format::Value;
using runtime::Task;
using server::TestClient;

constexpr SchemaId kSchema{1};
constexpr std::string_view kLogFormats[] = {"ARROW", "INDEXED", "COMPACTED"};

// The error that a part of an answer carries, if any.
template <class Part>
Status StatusOf(const Part& part) {
  if (!part.has_error_code()) return {};
  return std::unexpected(Error{static_cast<ErrorCode>(part.error_code()), part.error_message()});
}

}  // namespace

RowTable::RowTable(runtime::RandomSource& random, int32_t buckets, std::optional<int64_t> ttl_ms) {
  rules_.full_image = random.Chance(0.7);
  rules_.auto_increment = random.Chance(0.4);
  log_format_ = static_cast<format::LogFormat>(random.Below(std::size(kLogFormats)));
  const bool indexed = log_format_ == format::LogFormat::kIndexed;
  row_format_ = indexed ? format::RowFormat::kIndexed : format::RowFormat::kCompacted;
  const std::string schema =
      fmt::format(R"({{"version":1,"columns":[)"
                  R"({{"name":"k","data_type":{{"type":"INTEGER","nullable":false}},"id":0}},)"
                  R"({{"name":"v","data_type":{{"type":"BIGINT"}},"id":1}},)"
                  R"({{"name":"n","data_type":{{"type":"BIGINT"}},"id":2}}],)"
                  R"("primary_key":["k"],{}"highest_field_id":2}})",
                  rules_.auto_increment ? R"("auto_increment_column":["n"],)" : "");
  schema_ = *format::ParseSchemaText(schema);
  types_ = format::FieldTypes(schema_);
  json_ = fmt::format(
      R"({{"version":1,"schema":{},"partition_key":[],"bucket_key":["k"],"bucket_count":{},)"
      R"("properties":{{"table.log.format":"{}","table.kv.format":"{}",)"
      R"("table.changelog.image":"{}","table.auto-increment.cache-size":"{}",)"
      R"("table.log.ttl":"{}"}},"custom_properties":{{}}}})",
      schema, buckets, kLogFormats[static_cast<size_t>(log_format_)],
      indexed ? "INDEXED" : "COMPACTED", rules_.full_image ? "FULL" : "WAL", random.Between(1, 20),
      ttl_ms ? fmt::format("{} ms", *ttl_ms) : "7 d");
}

Task<Result<TableId>> RowTable::Create(TestClient& client, std::string name) const {
  return client.CreateTableOf(std::move(name), json_);
}

Bytes RowTable::KeyOf(int32_t key) const {
  const Value values[] = {Value::Int(key)};
  Bytes bytes;
  STROM_CHECK(format::AppendKey(format::KeyEncoding::kCompacted, format::RowType(types_).first(1),
                                values, bytes));
  return bytes;
}

Task<Result<Offset>> RowTable::Put(TestClient& client, TableId table, int32_t bucket,
                                   const std::vector<KeyChange>& changes, WriterId writer,
                                   int32_t sequence) const {
  format::KvBatchBuilder builder;
  for (const KeyChange& change : changes) {
    if (!change.value) {
      builder.Delete(KeyOf(change.key));
      continue;
    }
    const Value values[] = {Value::Int(change.key),
                            Value::Int(static_cast<int64_t>(change.value->value)), Value::Null()};
    Bytes row;
    STROM_CHECK(format::AppendRow(row_format_, types_, values, row));
    builder.Add(KeyOf(change.key), row);
  }
  const Bytes batch = builder.Finish(kSchema, writer, sequence);
  wire::pb::PutKvRequest request;
  request.set_acks(-1);
  request.set_table_id(table.value);
  request.set_timeout_ms(30'000);
  if (rules_.auto_increment) {
    for (const int32_t column : {0, 1})
      request.add_target_columns(column);
  }
  auto* entry = request.add_buckets_req();
  entry->set_bucket_id(bucket);
  entry->set_records(batch.data(), batch.size());
  STROM_CO_TRY(const auto answer,
               co_await client.Ask<wire::pb::PutKvResponse>(wire::Api::kPutKv, request));
  STROM_CO_TRY_VOID(StatusOf(answer.buckets_resp(0)));
  co_return Offset(answer.buckets_resp(0).log_end_offset());
}

Result<std::pair<int32_t, KeyRow>> RowTable::RowOf(const format::Row& values) const {
  const auto* key = values[0].As<int64_t>();
  const auto* value = values[1].As<int64_t>();
  const auto* id = values[2].As<int64_t>();
  const bool may_be_null = rules_.auto_increment && values[1].is_null();
  if (key == nullptr || (value == nullptr && !may_be_null) ||
      (id != nullptr) != rules_.auto_increment) {
    return Fail(ErrorCode::kCorruptRecord, "a row has values that nobody wrote: {}, {}, {}",
                format::ToText(values[0], types_[0]), format::ToText(values[1], types_[1]),
                format::ToText(values[2], types_[2]));
  }
  return std::pair(
      static_cast<int32_t>(*key),
      KeyRow{{value == nullptr ? 0 : static_cast<uint64_t>(*value)}, id == nullptr ? 0 : *id});
}

Result<std::pair<int32_t, KeyRow>> RowTable::StoredRow(ByteView value) const {
  STROM_TRY(const format::StoredValue stored, format::SplitStoredValue(value));
  STROM_TRY(const format::Row row, format::DecodeRow(row_format_, stored.row, types_));
  return RowOf(row);
}

Task<Result<std::vector<std::optional<KeyRow>>>> RowTable::LookUp(
    TestClient& client, TableId table, int32_t bucket, const std::vector<int32_t>& keys) const {
  wire::pb::LookupRequest request;
  request.set_table_id(table.value);
  auto* entry = request.add_buckets_req();
  entry->set_bucket_id(bucket);
  for (const int32_t key : keys) {
    const Bytes bytes = KeyOf(key);
    entry->add_keys(bytes.data(), bytes.size());
  }
  STROM_CO_TRY(const auto answer,
               co_await client.Ask<wire::pb::LookupResponse>(wire::Api::kLookup, request));
  const auto& part = answer.buckets_resp(0);
  STROM_CO_TRY_VOID(StatusOf(part));
  if (part.values_size() != static_cast<int>(keys.size())) {
    co_return Fail(ErrorCode::kCorruptRecord, "{} values for {} keys", part.values_size(),
                   keys.size());
  }
  std::vector<std::optional<KeyRow>> rows(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto& value = part.values(static_cast<int>(i));
    if (!value.has_values()) continue;
    STROM_CO_TRY(const auto row, StoredRow(AsBytes(value.values())));
    if (row.first != keys[i]) {
      co_return Fail(ErrorCode::kCorruptRecord, "key {} gave the row of {}", keys[i], row.first);
    }
    rows[i] = row.second;
  }
  co_return rows;
}

Task<Result<KeyRows>> RowTable::Scan(TestClient& client, TableId table, int32_t bucket,
                                     int32_t batch_bytes) const {
  KeyRows rows;
  wire::pb::ScanKvRequest request;
  request.mutable_bucket_scan_req()->set_table_id(table.value);
  request.mutable_bucket_scan_req()->set_bucket_id(bucket);
  request.set_batch_size_bytes(batch_bytes);
  for (int32_t call = 0;; ++call) {
    request.set_call_seq_id(call);
    STROM_CO_TRY(const auto answer,
                 co_await client.Ask<wire::pb::ScanKvResponse>(wire::Api::kScanKv, request));
    STROM_CO_TRY_VOID(StatusOf(answer));
    if (answer.has_records()) {
      STROM_CO_TRY(const auto values, format::ParseValueBatch(AsBytes(answer.records())));
      for (const ByteView value : values) {
        STROM_CO_TRY(const auto row, StoredRow(value));
        if (!rows.insert(row).second) {
          co_return Fail(ErrorCode::kCorruptRecord, "a scan gave key {} twice", row.first);
        }
      }
    }
    if (!answer.has_scanner_id() || !answer.has_more_results()) co_return rows;
    request.clear_bucket_scan_req();
    request.set_scanner_id(answer.scanner_id());
  }
}

Task<Result<std::optional<int64_t>>> RowTable::CountRows(TestClient& client, TableId table,
                                                         int32_t bucket) const {
  if (!rules_.full_image) co_return std::nullopt;
  wire::pb::GetTableStatsRequest request;
  request.set_table_id(table.value);
  request.add_buckets_req()->set_bucket_id(bucket);
  STROM_CO_TRY(const auto answer, co_await client.Ask<wire::pb::GetTableStatsResponse>(
                                      wire::Api::kGetTableStats, request));
  STROM_CO_TRY_VOID(StatusOf(answer.buckets_resp(0)));
  co_return answer.buckets_resp(0).row_count();
}

Result<std::vector<RowChange>> RowTable::ParseChanges(ByteView records, Offset from) const {
  std::vector<RowChange> changes;
  Offset expected = from;
  while (!records.empty()) {
    const auto header = format::ReadBatchHeader(records);
    if (!header || !format::BatchCrcFits(records.first(header->size_bytes), *header)) {
      return Fail(ErrorCode::kCorruptRecord, "a served batch is damaged behind offset {}",
                  expected);
    }
    // A fetch from inside of a batch gets it whole.
    if (header->base_offset > expected ||
        (header->base_offset < expected &&
         (!changes.empty() || header->next_offset() <= expected))) {
      return Fail(ErrorCode::kCorruptRecord, "a served batch begins at {} instead of {}",
                  header->base_offset, expected);
    }
    STROM_TRY(const std::vector<format::DecodedRecord> decoded,
              format::DecodeBatch(records.first(header->size_bytes), schema_, log_format_));
    if (decoded.empty()) changes.push_back({.offset = header->base_offset});
    for (const format::DecodedRecord& record : decoded) {
      if (record.offset < from) continue;
      STROM_TRY(const auto row, RowOf(record.row));
      changes.push_back({record.offset, record.change_type, row.first, row.second});
    }
    expected = header->next_offset();
    records = records.subspan(header->size_bytes);
  }
  return changes;
}

}  // namespace strom::sim
