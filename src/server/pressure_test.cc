// What clients get from a server whose stores fall behind (spec 05, 11), fail, are idle or hold
// rows on disk alone, and of scans that meet themselves.
#include <gtest/gtest.h>

#include "format/kv_batch.h"
#include "kv/memory_reads.h"
#include "kv/memory_store.h"
#include "runtime/sync.h"
#include "runtime/test_runtime.h"
#include "server/server.h"
#include "server/test_client.h"

namespace strom::server {
namespace {

using runtime::Task;

// What the stores of a test say and do.
struct Behaviour {
  int level0_files = 0;
  bool refuses = false;
  bool fails = false;        // to write
  bool cannot_open = false;  // any more
  bool has_cursors = false;
  bool has_no_snapshots = false;
  int open_stores = 0;
  int opened_stores = 0;  // so far
  bool has_nothing_in_memory = false;
  mutable int reads_from_disk = 0;
  runtime::Endpoint endpoint{};  // of the server
};

class SlowStore final : public kv::Store {
 public:
  SlowStore(std::unique_ptr<kv::Store> store, Behaviour& behaviour)
      : store_(std::move(store)), behaviour_(behaviour) {
    ++behaviour_.opened_stores;
    ++behaviour_.open_stores;
  }
  ~SlowStore() override { --behaviour_.open_stores; }

  const kv::StorePosition& position() const override { return store_->position(); }
  const std::string& identity() const override { return store_->identity(); }
  Result<std::unique_ptr<kv::FoundValues>> Get(std::span<const ByteView> keys) const override {
    if (behaviour_.has_nothing_in_memory) {
      if (kv::MemoryReads::AreWanted()) {
        kv::MemoryReads::Miss();
        return Fail(ErrorCode::kKvStorage, "not in memory");
      }
      ++behaviour_.reads_from_disk;
    }
    return store_->Get(keys);
  }
  Status Write(std::span<const kv::StoreChange> changes, const kv::StorePosition& after) override {
    if (behaviour_.fails) return Fail(ErrorCode::kKvStorage, "the disk is full");
    if (behaviour_.refuses) return Fail(ErrorCode::kStorageBackpressure, "behind");
    return store_->Write(changes, after);
  }
  std::unique_ptr<kv::StoreCursor> Scan() const override { return store_->Scan(); }
  bool has_cursors() const override { return behaviour_.has_cursors; }
  kv::StoreLoad load() const override {
    return {.level0_files = behaviour_.level0_files,
            .level0_limit = 20,
            .level0_signal = 8,
            .write_buffer_bytes = 1 << 20,
            .write_buffer_count = 2};
  }
  Status Flush() override { return store_->Flush(); }
  Result<kv::StorePosition> Checkpoint(const std::string& directory) override {
    if (behaviour_.has_no_snapshots) return Fail(ErrorCode::kKvStorage, "no snapshot");
    return store_->Checkpoint(directory);
  }

 private:
  std::unique_ptr<kv::Store> store_;
  Behaviour& behaviour_;
};

class SlowEngine final : public kv::StoreEngine {
 public:
  SlowEngine(runtime::FileSystem& files, Behaviour& behaviour)
      : behaviour_(behaviour), engine_(kv::MakeMemoryEngine(files)) {}
  Result<std::unique_ptr<kv::Store>> Open(const std::string& directory) override {
    if (behaviour_.cannot_open) return Fail(ErrorCode::kKvStorage, "the disk is full again");
    STROM_TRY(auto store, engine_->Open(directory));
    return std::make_unique<SlowStore>(std::move(store), behaviour_);
  }
  Status Destroy(const std::string& directory) override { return engine_->Destroy(directory); }

 private:
  Behaviour& behaviour_;
  std::unique_ptr<kv::StoreEngine> engine_;
};

Task<Result<TableId>> CreateKeyedTable(TestClient& client) {
  return client.CreateTableOf(
      "keyed",
      R"({"version":1,"schema":{"version":1,"columns":[)"
      R"({"name":"id","data_type":{"type":"INTEGER","nullable":false},"id":0}],)"
      R"("primary_key":["id"],"highest_field_id":0},"partition_key":[],"bucket_key":["id"],)"
      R"("bucket_count":1,"properties":{},"custom_properties":{}})");
}

// Upserts one row; the answer for its bucket.
Task<wire::pb::PbPutKvRespForBucket> Put(TestClient& client, TableId table, int16_t version,
                                         int32_t acks = 1, uint8_t id = 1) {
  const Bytes key = {id};
  const Bytes row = {0, id};
  format::KvBatchBuilder builder;
  builder.Add(key, row);
  const Bytes batch = builder.Finish(SchemaId(1));
  wire::pb::PutKvRequest request;
  request.set_acks(acks);
  request.set_table_id(table.value);
  request.set_timeout_ms(30'000);
  auto* entry = request.add_buckets_req();
  entry->set_bucket_id(0);
  entry->set_records(batch.data(), batch.size());
  const auto answer =
      co_await client.Ask<wire::pb::PutKvResponse>(wire::Api::kPutKv, request, version);
  EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
  co_return answer ? answer->buckets_resp(0) : wire::pb::PbPutKvRespForBucket();
}

// Looks up the row of Put and one that is not there; whether they were found.
Task<std::vector<bool>> LookUp(TestClient& client, TableId table) {
  wire::pb::LookupRequest request;
  request.set_table_id(table.value);
  auto* entry = request.add_buckets_req();
  entry->set_bucket_id(0);
  for (const char key : {1, 2})
    entry->add_keys(&key, 1);
  const auto answer = co_await client.Ask<wire::pb::LookupResponse>(wire::Api::kLookup, request);
  EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
  std::vector<bool> found;
  if (answer) {
    for (const auto& value : answer->buckets_resp(0).values())
      found.push_back(value.has_values());
  }
  co_return found;
}

Task<wire::pb::ScanKvResponse> Scan(TestClient& client, wire::pb::ScanKvRequest request) {
  request.set_batch_size_bytes(1);  // a row in each answer
  const auto answer = co_await client.Ask<wire::pb::ScanKvResponse>(wire::Api::kScanKv, request);
  EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
  co_return answer ? *answer : wire::pb::ScanKvResponse();
}

Task<wire::pb::ScanKvResponse> OpenScan(TestClient& client, TableId table) {
  wire::pb::ScanKvRequest request;
  request.mutable_bucket_scan_req()->set_table_id(table.value);
  request.mutable_bucket_scan_req()->set_bucket_id(0);
  request.set_call_seq_id(0);
  co_return co_await Scan(client, request);
}

Task<wire::pb::ScanKvResponse> ContinueScan(TestClient& client, std::string scanner, int32_t call) {
  wire::pb::ScanKvRequest request;
  request.set_scanner_id(scanner);
  request.set_call_seq_id(call);
  co_return co_await Scan(client, request);
}

// `body` gets a client of a server whose stores behave as it says.
void WithServer(std::function<Task<void>(TestClient&, TableId, Behaviour&)> body,
                const ServerSettings& more = {}) {
  runtime::RunSimulated(
      [body, more]() -> Task<void> {
        Behaviour behaviour;
        ServerSettings settings = more;
        settings.data_dir = "/simulated/data";
        settings.listeners = {{"FLUSS", {"127.0.0.1", 0}, std::nullopt}};
        settings.store_engine =
            std::make_shared<SlowEngine>(runtime::ThisShard().files(), behaviour);
        auto server = co_await Server::Start(settings);
        EXPECT_TRUE(server) << (server ? "" : server.error().message);
        {
          auto client = co_await TestClient::Connect((*server)->endpoints()[0]);
          const auto table = co_await CreateKeyedTable(**client);
          EXPECT_TRUE(table) << (table ? "" : table.error().message);
          behaviour.endpoint = (*server)->endpoints()[0];
          co_await body(**client, *table, behaviour);
        }
        EXPECT_TRUE(co_await (*server)->Stop());
      },
      2, "/simulated/data");
}

constexpr std::chrono::seconds kLonger{1};  // than what is known of a store is used

TEST(Pressure, IsToldAsAStoreFallsBehind) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    EXPECT_FALSE((co_await Put(client, table, 2)).has_pressure());
    behaviour.level0_files = 14;
    co_await runtime::Sleep(kLonger);
    const auto told = co_await Put(client, table, 2);
    EXPECT_FALSE(told.has_error_code());
    EXPECT_FLOAT_EQ(told.pressure(), 0.5F);
    behaviour.level0_files = 3;
    co_await runtime::Sleep(kLonger);
    EXPECT_FALSE((co_await Put(client, table, 2)).has_pressure());
  });
}

TEST(Pressure, AWriteThatCouldNotBeFlushedIsRefusedInTheWordsOfItsClient) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    EXPECT_FALSE((co_await Put(client, table, 2)).has_error_code());
    behaviour.level0_files = 18;
    co_await runtime::Sleep(kLonger);
    EXPECT_EQ((co_await Put(client, table, 2)).error_code(), 72);
    EXPECT_EQ((co_await Put(client, table, 1)).error_code(), 11);
    EXPECT_EQ((co_await Put(client, table, 0)).error_code(), 11);
    behaviour.level0_files = 0;
    co_await runtime::Sleep(kLonger);
    EXPECT_FALSE((co_await Put(client, table, 2)).has_error_code());
  });
}

TEST(Pressure, AStoreThatTookNoWriteRefusesMoreUntilItTakesOne) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    EXPECT_FALSE((co_await Put(client, table, 2, -1)).has_error_code());
    behaviour.refuses = true;
    // Appended, but its rows wait.
    EXPECT_FALSE((co_await Put(client, table, 2)).has_error_code());
    co_await runtime::Sleep(kLonger);
    const auto refused = co_await Put(client, table, 2);
    EXPECT_EQ(refused.error_code(), 72);
    EXPECT_NE(refused.error_message().find("fluss.keyed"), std::string::npos);
    behaviour.refuses = false;
    co_await runtime::Sleep(2 * kLonger);
    const auto taken = co_await Put(client, table, 2, -1);
    EXPECT_FALSE(taken.has_error_code());
    // The first row, the one that waited with its image before, and this one.
    EXPECT_EQ(taken.log_end_offset(), 5);
  });
}

const std::vector<bool> kFirstOnly = {true, false};

TEST(FailedStores, AreOpenedAgainWithAllOfTheLogWhenTheyCanBe) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    EXPECT_FALSE((co_await Put(client, table, 2, -1)).has_error_code());
    behaviour.fails = true;
    // Appended, and known to the log when it is sent again; the client is not left waiting.
    const auto failed = co_await Put(client, table, 2, -1);
    EXPECT_EQ(failed.error_code(), 11);
    EXPECT_NE(failed.error_message().find("the disk is full"), std::string::npos);
    // Nothing more is taken; what was committed can be read.
    EXPECT_EQ((co_await Put(client, table, 2)).error_code(), 11);
    EXPECT_EQ(co_await LookUp(client, table), kFirstOnly);
    behaviour.cannot_open = true;
    co_await runtime::Sleep(5 * kLonger);
    EXPECT_EQ(behaviour.open_stores, 0);
    EXPECT_EQ((co_await Put(client, table, 2)).error_code(), 11);
    behaviour.cannot_open = false;
    behaviour.fails = false;
    co_await runtime::Sleep(5 * kLonger);
    EXPECT_EQ(behaviour.open_stores, 1);
    EXPECT_EQ(co_await LookUp(client, table), kFirstOnly);
    const auto taken = co_await Put(client, table, 2, -1);
    EXPECT_FALSE(taken.has_error_code()) << taken.error_message();
    // The first row, the update that failed and this one, each with its image before.
    EXPECT_EQ(taken.log_end_offset(), 5);
  });
}

TEST(FailedStores, WaitForScansBeforeTheyAreOpenedAgain) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    behaviour.fails = true;
    behaviour.has_cursors = true;
    EXPECT_EQ((co_await Put(client, table, 2, -1)).error_code(), 11);
    behaviour.fails = false;
    co_await runtime::Sleep(10 * kLonger);
    EXPECT_EQ(behaviour.opened_stores, 1);
    EXPECT_EQ((co_await Put(client, table, 2)).error_code(), 11);
    behaviour.has_cursors = false;
    co_await runtime::Sleep(2 * kLonger);
    EXPECT_EQ(behaviour.opened_stores, 2);
    EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 3);
  });
}

TEST(FailedStores, DoNotKeepTheServerFromStopping) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    behaviour.fails = true;
    EXPECT_EQ((co_await Put(client, table, 2, -1)).error_code(), 11);
    behaviour.cannot_open = true;
    co_await runtime::Sleep(2 * kLonger);
  });
}

ServerSettings ClosingIdleStores() {
  ServerSettings settings;
  settings.close_idle_store_interval = std::chrono::seconds(5);
  settings.kv_snapshot_interval = std::chrono::seconds(2);
  return settings;
}

// A store that nobody needs stays open while `reason` holds, and no longer.
Task<void> ExpectOpenWhile(bool& reason, const Behaviour& behaviour) {
  EXPECT_TRUE(reason);
  co_await runtime::Sleep(20 * kLonger);
  EXPECT_EQ(behaviour.open_stores, 1);
  reason = false;
  co_await runtime::Sleep(20 * kLonger);
  EXPECT_EQ(behaviour.open_stores, 0);
}

TEST(IdleStores, AreClosedAndOpenedAgainWhenTheyAreNeeded) {
  WithServer(
      [](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
        // Connections are on both shards: one of them is not the owner's.
        auto second = co_await TestClient::Connect(behaviour.endpoint);
        EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 1);
        for (int round = 1; round <= 3; ++round) {
          EXPECT_EQ(behaviour.open_stores, 1);
          EXPECT_EQ(co_await LookUp(client, table), kFirstOnly);
          EXPECT_EQ(co_await LookUp(**second, table), kFirstOnly);
          co_await runtime::Sleep(20 * kLonger);
          EXPECT_EQ(behaviour.open_stores, 0);
          EXPECT_EQ(co_await LookUp(**second, table), kFirstOnly);
          EXPECT_EQ(behaviour.opened_stores, round + 1);
        }
        co_await runtime::Sleep(20 * kLonger);
        EXPECT_EQ(behaviour.open_stores, 0);
        // The old row is there.
        EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 3);
      },
      ClosingIdleStores());
}

TEST(IdleStores, ThoseThatAreReadOrScannedStayOpen) {
  WithServer(
      [](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
        auto second = co_await TestClient::Connect(behaviour.endpoint);
        EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 1);
        for (TestClient* reader : {&client, second->get()}) {
          for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(co_await LookUp(*reader, table), kFirstOnly);
            co_await runtime::Sleep(2 * kLonger);
          }
        }
        EXPECT_EQ(behaviour.opened_stores, 1);
        behaviour.has_cursors = true;
        co_await ExpectOpenWhile(behaviour.has_cursors, behaviour);
      },
      ClosingIdleStores());
}

TEST(IdleStores, WhoseRowsAreInNoSnapshotStayOpen) {
  WithServer(
      [](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
        behaviour.has_no_snapshots = true;
        EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 1);
        co_await ExpectOpenWhile(behaviour.has_no_snapshots, behaviour);
      },
      ClosingIdleStores());
}

TEST(Lookups, FindWhatIsOnDiskAlone) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    EXPECT_FALSE((co_await Put(client, table, 2, -1)).has_error_code());
    behaviour.has_nothing_in_memory = true;
    // Once by the owner of the bucket, then where the connection is.
    for (int reads = 1; reads <= 2; ++reads) {
      EXPECT_EQ(co_await LookUp(client, table), kFirstOnly);
      EXPECT_EQ(behaviour.reads_from_disk, reads);
    }
    behaviour.has_nothing_in_memory = false;
    EXPECT_EQ(co_await LookUp(client, table), kFirstOnly);
    EXPECT_EQ(behaviour.reads_from_disk, 2);
  });
}

TEST(Puts, FindOldRowsThatAreOnDiskAlone) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 1);
    behaviour.has_nothing_in_memory = true;
    // The update has its image before, so the old row was found: read twice, to warm up and to use.
    EXPECT_EQ((co_await Put(client, table, 2, -1)).log_end_offset(), 3);
    EXPECT_EQ(behaviour.reads_from_disk, 2);
  });
}

TEST(Scans, AnswerOneCallAtATimeAndEachOnce) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    for (uint8_t id = 1; id <= 4; ++id)
      EXPECT_FALSE((co_await Put(client, table, 2, -1, id)).has_error_code());
    const auto opened = co_await OpenScan(client, table);
    EXPECT_EQ(opened.log_offset(), 4);
    EXPECT_TRUE(opened.has_more_results());
    const std::string scanner = opened.scanner_id();
    // The same call on two connections at once.
    auto second = co_await TestClient::Connect(behaviour.endpoint);
    std::vector<Task<wire::pb::ScanKvResponse>> calls;
    calls.push_back(ContinueScan(client, scanner, 1));
    calls.push_back(ContinueScan(**second, scanner, 1));
    const auto answers = co_await runtime::WhenAll(std::move(calls));
    EXPECT_NE(answers[0].has_records(), answers[1].has_records());
    for (const auto& answer : answers)
      EXPECT_EQ(answer.error_code(), answer.has_records() ? 0 : 68);
    // The scan goes on: neither a row twice nor one left out.
    EXPECT_EQ((co_await ContinueScan(client, scanner, 1)).error_code(), 68);
    EXPECT_TRUE((co_await ContinueScan(client, scanner, 2)).has_more_results());
    const auto last = co_await ContinueScan(client, scanner, 3);
    EXPECT_TRUE(last.has_records());
    EXPECT_FALSE(last.has_more_results());
    EXPECT_EQ((co_await ContinueScan(client, scanner, 4)).error_code(), 67);
  });
}

TEST(Scans, ThatAreClosedWhileTheyAreAnsweredEnd) {
  WithServer([](TestClient& client, TableId table, Behaviour& behaviour) -> Task<void> {
    for (uint8_t id = 1; id <= 3; ++id)
      EXPECT_FALSE((co_await Put(client, table, 2, -1, id)).has_error_code());
    const std::string scanner = (co_await OpenScan(client, table)).scanner_id();
    auto second = co_await TestClient::Connect(behaviour.endpoint);
    wire::pb::ScanKvRequest close;
    close.set_scanner_id(scanner);
    close.set_close_scanner(true);
    std::vector<Task<wire::pb::ScanKvResponse>> calls;
    calls.push_back(ContinueScan(client, scanner, 1));
    calls.push_back(Scan(**second, close));
    const auto answers = co_await runtime::WhenAll(std::move(calls));
    EXPECT_TRUE(answers[0].has_records() || answers[0].error_code() == 67);
    EXPECT_FALSE(answers[1].has_error_code());
    EXPECT_EQ((co_await ContinueScan(client, scanner, 2)).error_code(), 67);
    EXPECT_TRUE((co_await OpenScan(client, table)).has_records());
  });
}

}  // namespace
}  // namespace strom::server
