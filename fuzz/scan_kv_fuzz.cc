// Requests of SCAN_KV to the handler of a whole server (simulated, so that an input does the same
// each time): the input is cut into request bodies, two bytes of length before each; an empty one
// lets time pass first, in which scanners expire. A body may name the scanner that was opened last.
// Whatever comes, each is answered, what was opened can be closed, and a scan finds all rows.
#include "base/check.h"
#include "format/kv_batch.h"
#include "kv/memory_store.h"
#include "runtime/sim.h"
#include "server/server.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "server/test_client.h"

namespace {

using namespace strom;
using runtime::Task;

constexpr int kRows = 20;
constexpr std::string_view kSameScanner = "@";  // as an id: the one that was opened last

struct World {
  runtime::SimWorld world{1};
  runtime::SimMachine& machine = world.AddMachine(2);
  std::unique_ptr<server::Server> server;
  std::unique_ptr<server::Session> session;
  TableId table{-1};

  World() {
    STROM_CHECK(machine.files().CreateDirectories("/data"));
    STROM_CHECK(world.Run(machine, [this] { return Start(); }));
  }

  Task<void> Start() {
    server::ServerSettings settings;
    settings.data_dir = "/data";
    settings.listeners = {{"FLUSS", {"127.0.0.1", 0}, std::nullopt}};
    settings.store_engine = kv::MakeMemoryEngine(machine.files());
    settings.disk_write_limit = 1;
    settings.scans.ttl = std::chrono::milliseconds(50);
    settings.scans.sweep_interval = std::chrono::milliseconds(100);
    settings.scans.max_per_bucket = 3;
    auto started = co_await server::Server::Start(settings);
    STROM_CHECK(started);
    server = std::move(*started);
    auto client = co_await server::TestClient::Connect(server->endpoints()[0]);
    wire::pb::CreateTableRequest create;
    create.mutable_table_path()->set_database_name("fluss");
    create.mutable_table_path()->set_table_name("t");
    create.set_ignore_if_exists(false);
    create.set_table_json(
        R"({"version":1,"schema":{"version":1,"columns":[)"
        R"({"name":"id","data_type":{"type":"INTEGER","nullable":false},"id":0}],)"
        R"("primary_key":["id"],"highest_field_id":0},"partition_key":[],"bucket_key":["id"],)"
        R"("bucket_count":1,"properties":{},"custom_properties":{}})");
    STROM_CHECK(
        (co_await (*client)->Ask<wire::pb::CreateTableResponse>(wire::Api::kCreateTable, create)));
    table = TableId(0);
    format::KvBatchBuilder builder;
    for (int id = 0; id < kRows; ++id) {
      Bytes key;
      AppendVarint(key, static_cast<uint64_t>(id));
      Bytes row = {0};
      Append(row, key);
      builder.Add(key, row);
    }
    const Bytes batch = builder.Finish(SchemaId(1));
    wire::pb::PutKvRequest put;
    put.set_acks(-1);
    put.set_table_id(table.value);
    put.set_timeout_ms(30'000);
    put.add_buckets_req()->set_bucket_id(0);
    put.mutable_buckets_req(0)->set_records(batch.data(), batch.size());
    const auto answer = co_await (*client)->Ask<wire::pb::PutKvResponse>(wire::Api::kPutKv, put);
    STROM_CHECK(answer && !answer->buckets_resp(0).has_error_code());
    auto connection = co_await runtime::ThisShard().network().Connect(server->endpoints()[0]);
    STROM_CHECK(connection);
    session = std::make_unique<server::Session>(server->shard(runtime::ThisShard().id()),
                                                std::move(*connection), 0);
  }

  // The answer of the handler; the connection is never read.
  Task<Result<wire::pb::ScanKvResponse>> Call(Bytes body) {
    server::RequestContext context{
        *session, session->home(), {static_cast<int16_t>(wire::Api::kScanKv), 0, 1}, body};
    const auto frame = co_await server::HandlerOf(wire::Api::kScanKv)(context);
    const Bytes bytes = frame.Flatten();
    const auto answer = wire::ParseResponse(ByteView(bytes).subspan(4));
    STROM_CHECK(answer && answer->request_id == 1);
    STROM_CO_TRY(const ByteView success, wire::SuccessBody(*answer));
    co_return wire::ParseMessage<wire::pb::ScanKvResponse>(success);
  }

  Task<Result<wire::pb::ScanKvResponse>> Call(const wire::pb::ScanKvRequest& request) {
    Bytes body(request.ByteSizeLong());
    request.SerializePartialToArray(body.data(), static_cast<int>(body.size()));
    return Call(std::move(body));
  }

  Task<void> Serve(ByteView input) {
    std::vector<std::string> scanners;
    while (input.size() >= 2) {
      const size_t size = std::min<size_t>(LoadLittle<uint16_t>(input.data()), input.size() - 2);
      Bytes body(input.begin() + 2, input.begin() + 2 + static_cast<ptrdiff_t>(size));
      input = input.subspan(2 + size);
      if (size == 0) co_await runtime::Sleep(std::chrono::milliseconds(60));
      wire::pb::ScanKvRequest request;
      const bool same = request.ParsePartialFromArray(body.data(), static_cast<int>(body.size())) &&
                        request.scanner_id() == kSameScanner && !scanners.empty();
      if (same) request.set_scanner_id(scanners.back());
      const auto answer = same ? co_await Call(request) : co_await Call(std::move(body));
      if (answer && answer->has_scanner_id() && request.has_bucket_scan_req())
        scanners.push_back(answer->scanner_id());
    }
    if (scanners.empty()) co_return;
    for (const std::string& scanner : scanners) {
      wire::pb::ScanKvRequest close;
      close.set_scanner_id(scanner);
      close.set_close_scanner(true);
      const auto closed = co_await Call(close);
      STROM_CHECK(closed && !closed->has_error_code());
    }
    for (size_t i = 0; i < server->shard_count(); ++i) {
      const auto shard = runtime::ShardId(static_cast<int>(i));
      STROM_CHECK(server->shard(shard).scans.size() == 0);
    }
    co_await CountRows();
  }

  Task<void> CountRows() {
    wire::pb::ScanKvRequest request;
    request.mutable_bucket_scan_req()->set_table_id(table.value);
    request.mutable_bucket_scan_req()->set_bucket_id(0);
    request.set_batch_size_bytes(1 << 12);
    request.set_call_seq_id(0);
    const auto all = co_await Call(request);
    STROM_CHECK(all && !all->has_error_code() && !all->has_more_results());
    STROM_CHECK(LoadLittle<int32_t>(all->records().data() + 5) == kRows);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Lives as long as the process: its server is never stopped.
  static World& world = *new World();
  STROM_CHECK(world.world.Run(world.machine, [&] { return world.Serve({data, size}); }));
  return 0;
}
