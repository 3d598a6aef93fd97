// For tests only: a client of the protocol as coroutines over the runtime's sockets, so that it
// runs on the real and on the simulated runtime.
#pragma once

#include <memory>
#include <string>

#include "log/test_batches.h"
#include "runtime/network.h"
#include "runtime/shard.h"
#include "wire/fetch.h"
#include "wire/message.h"
#include "wire/messages.pb.h"

namespace strom::server {

// One connection, one request at a time. Belongs to the shard that made it.
class TestClient {
 public:
  static runtime::Task<Result<std::unique_ptr<TestClient>>> Connect(runtime::Endpoint endpoint) {
    STROM_CO_TRY(auto connection, co_await runtime::ThisShard().network().Connect(endpoint));
    co_return std::unique_ptr<TestClient>(new TestClient(std::move(connection)));
  }

  // The body of the answer, or the error it carries.
  runtime::Task<Result<Bytes>> Call(wire::Api api, Bytes request_body, int16_t version = 0) {
    const int32_t id = next_id_++;
    Bytes frame;
    AppendBig(frame, static_cast<int32_t>(wire::kRequestHeaderBytes + request_body.size()));
    AppendBig(frame, static_cast<int16_t>(api));
    AppendBig(frame, version);
    AppendBig(frame, id);
    Append(frame, request_body);
    const ByteView piece = frame;
    STROM_CO_TRY_VOID(co_await connection_->Write({&piece, 1}));
    STROM_CO_TRY(const Bytes length, co_await ReadExactly(4));
    STROM_CO_TRY(Bytes payload,
                 co_await ReadExactly(static_cast<size_t>(LoadBig<int32_t>(length.data()))));
    STROM_CO_TRY(const wire::Response response, wire::ParseResponse(payload));
    if (response.type != wire::ResponseType::kFailure && response.request_id != id) {
      co_return Fail(ErrorCode::kUnknownServerError, "answer {} to request {}", response.request_id,
                     id);
    }
    STROM_CO_TRY(const ByteView body, wire::SuccessBody(response));
    co_return Bytes(body.begin(), body.end());
  }

  template <class Answer>
  runtime::Task<Result<Answer>> Ask(wire::Api api, const google::protobuf::MessageLite& request,
                                    int16_t version = 0) {
    Bytes body(request.ByteSizeLong());
    request.SerializeToArray(body.data(), static_cast<int>(body.size()));
    STROM_CO_TRY(const Bytes answer, co_await Call(api, std::move(body), version));
    co_return wire::ParseMessage<Answer>(answer);
  }

  runtime::Task<Result<TableId>> CreateTable(std::string name, int32_t buckets,
                                             std::string log_ttl = "7 d") {
    // INDEXED: the test's batches hold rows, not Arrow messages.
    std::string json = fmt::format(
        R"({{"version":1,"schema":{{"version":1,"columns":[{{"name":"v","data_type":)"
        R"({{"type":"BYTES"}},"id":0}}],"highest_field_id":0}},"partition_key":[],"bucket_key":[],)"
        R"("bucket_count":{},"properties":{{"table.log.format":"INDEXED",)"
        R"("table.log.ttl":"{}"}},"custom_properties":{{}}}})",
        buckets, log_ttl);
    return CreateTableOf(std::move(name), std::move(json));
  }

  // In the database "fluss", if it is not there yet.
  runtime::Task<Result<TableId>> CreateTableOf(std::string name, std::string table_json) {
    wire::pb::CreateTableRequest create;
    create.mutable_table_path()->set_database_name("fluss");
    create.mutable_table_path()->set_table_name(name);
    create.set_table_json(table_json);
    create.set_ignore_if_exists(true);
    STROM_CO_TRY_VOID(co_await Ask<wire::pb::CreateTableResponse>(wire::Api::kCreateTable, create));
    wire::pb::GetTableInfoRequest info;
    *info.mutable_table_path() = create.table_path();
    STROM_CO_TRY(const auto table,
                 co_await Ask<wire::pb::GetTableInfoResponse>(wire::Api::kGetTableInfo, info));
    co_return TableId(table.table_id());
  }

  // One row of 8 bytes, `value`; the base offset.
  runtime::Task<Result<Offset>> Produce(TableId table, int32_t bucket, uint64_t value,
                                        WriterId writer = kNoWriterId, int32_t sequence = -1) {
    const Bytes batch = RowBatch(value, writer, sequence);
    wire::pb::ProduceLogRequest request;
    request.set_acks(-1);
    request.set_table_id(table.value);
    request.set_timeout_ms(30'000);
    auto* entry = request.add_buckets_req();
    entry->set_bucket_id(bucket);
    entry->set_records(batch.data(), batch.size());
    STROM_CO_TRY(const auto answer,
                 co_await Ask<wire::pb::ProduceLogResponse>(wire::Api::kProduceLog, request));
    if (answer.buckets_resp_size() != 1) {
      co_return Fail(ErrorCode::kUnknownServerError, "{} answers", answer.buckets_resp_size());
    }
    const auto& result = answer.buckets_resp(0);
    if (result.has_error_code()) {
      co_return std::unexpected(
          Error{static_cast<ErrorCode>(result.error_code()), result.error_message()});
    }
    co_return Offset(result.base_offset());
  }

  struct Fetched {
    Offset high_watermark;
    Bytes records;
  };
  runtime::Task<Result<Fetched>> Fetch(TableId table, int32_t bucket, Offset from,
                                       int32_t max_wait_ms = 0) {
    wire::pb::FetchLogRequest request;
    request.set_follower_server_id(-1);
    request.set_max_bytes(16 << 20);
    request.set_min_bytes(1);
    request.set_max_wait_ms(max_wait_ms);
    auto* wanted = request.add_tables_req();
    wanted->set_table_id(table.value);
    wanted->set_projection_pushdown_enabled(false);
    auto* entry = wanted->add_buckets_req();
    entry->set_bucket_id(bucket);
    entry->set_fetch_offset(from.value);
    entry->set_max_fetch_bytes(1 << 20);
    STROM_CO_TRY(const auto answer,
                 co_await Ask<wire::pb::FetchLogResponse>(wire::Api::kFetchLog, request));
    const auto& result = answer.tables_resp(0).buckets_resp(0);
    if (result.has_error_code()) {
      co_return std::unexpected(
          Error{static_cast<ErrorCode>(result.error_code()), result.error_message()});
    }
    const ByteView records = AsBytes(result.records());
    co_return Fetched{Offset(result.high_watermark()), Bytes(records.begin(), records.end())};
  }

  runtime::Task<Result<WriterId>> InitWriter() {
    STROM_CO_TRY(const auto answer, co_await Ask<wire::pb::InitWriterResponse>(
                                        wire::Api::kInitWriter, wire::pb::InitWriterRequest()));
    co_return WriterId(answer.writer_id());
  }

  // `type` as LIST_OFFSETS has it: 0 earliest, 1 latest, 2 by `timestamp`.
  runtime::Task<Result<Offset>> ListOffset(TableId table, int32_t bucket, int32_t type,
                                           Timestamp timestamp = {}) {
    wire::pb::ListOffsetsRequest request;
    request.set_follower_server_id(-1);
    request.set_offset_type(type);
    request.set_table_id(table.value);
    request.add_bucket_id(bucket);
    if (type == 2) request.set_starttimestamp(timestamp.ms);
    STROM_CO_TRY(const auto answer,
                 co_await Ask<wire::pb::ListOffsetsResponse>(wire::Api::kListOffsets, request));
    const auto& result = answer.buckets_resp(0);
    if (result.has_error_code()) {
      co_return std::unexpected(
          Error{static_cast<ErrorCode>(result.error_code()), result.error_message()});
    }
    co_return Offset(result.offset());
  }

  struct Row {
    Offset offset;
    Timestamp timestamp;
    uint64_t value;
  };
  // One row a batch, as Produce makes them; an error when a batch or an offset is wrong.
  static Result<std::vector<Row>> ParseRows(ByteView records, Offset from) {
    std::vector<Row> rows;
    while (!records.empty()) {
      const Offset expected = from + static_cast<int64_t>(rows.size());
      const auto header = format::ReadBatchHeader(records);
      if (!header || !format::BatchCrcFits(records.first(header->size_bytes), *header) ||
          header->base_offset != expected) {
        return Fail(ErrorCode::kCorruptRecord, "a served batch is wrong at offset {}: it {}",
                    expected,
                    !header ? std::string(format::Describe(header.error()))
                    : header->base_offset != expected ? fmt::format("has {}", header->base_offset)
                                                      : "has another CRC");
      }
      rows.push_back({expected, header->commit_timestamp,
                      LoadLittle<uint64_t>(records.data() + header->size_bytes - 8)});
      records = records.subspan(header->size_bytes);
    }
    return rows;
  }

  // The values of all rows of a bucket, by offset; an error when a batch or an offset is wrong.
  runtime::Task<Result<std::vector<uint64_t>>> ReadAll(TableId table, int32_t bucket) {
    std::vector<uint64_t> values;
    while (true) {
      STROM_CO_TRY(const Fetched fetched,
                   co_await Fetch(table, bucket, Offset(static_cast<int64_t>(values.size()))));
      if (fetched.records.empty()) {
        if (fetched.high_watermark.value == static_cast<int64_t>(values.size())) co_return values;
        co_return Fail(ErrorCode::kUnknownServerError, "nothing below the high watermark");
      }
      STROM_CO_TRY(const std::vector<Row> rows,
                   ParseRows(fetched.records, Offset(static_cast<int64_t>(values.size()))));
      for (const Row& row : rows)
        values.push_back(row.value);
    }
  }

 private:
  explicit TestClient(std::unique_ptr<runtime::Connection> connection)
      : connection_(std::move(connection)) {}

  // INDEXED (spec 02, 3.3): length, change type, null bits, length of the column, 8 bytes.
  static Bytes RowBatch(uint64_t value, WriterId writer, int32_t sequence) {
    Bytes record;
    AppendLittle(record, int32_t{1 + 1 + 4 + 8});
    record.push_back(0);
    record.push_back(0);
    AppendLittle(record, int32_t{8});
    AppendLittle(record, value);
    Bytes batch =
        log::MakeBatch({.writer = writer, .sequence = sequence, .payload_bytes = record.size()});
    std::ranges::copy(record, batch.begin() + format::kMinBatchHeaderBytes);
    const auto header = format::ReadBatchHeader(batch);
    StoreLittle(batch.data() + 21, format::ComputeBatchCrc(batch, *header));
    return batch;
  }

  runtime::Task<Result<Bytes>> ReadExactly(size_t count) {
    Bytes bytes(count);
    size_t have = 0;
    while (have < count) {
      STROM_CO_TRY(const size_t got,
                   co_await connection_->Read(MutableByteView(bytes).subspan(have)));
      if (got == 0) co_return Fail(ErrorCode::kNetwork, "The server closed the connection.");
      have += got;
    }
    co_return bytes;
  }

  std::unique_ptr<runtime::Connection> connection_;
  int32_t next_id_ = 0;
};

}  // namespace strom::server
