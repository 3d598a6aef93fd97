// The loads of `strom bench` against a server in the same process.
#include <gtest/gtest.h>

#include "client/cluster.h"
#include "client/generated_batch.h"
#include "client/load_run.h"
#include "client/log_loads.h"
#include "runtime/test_runtime.h"
#include "server/server.h"

namespace strom::cli {
namespace {

using runtime::RuntimeKind;
using runtime::Task;

constexpr int kColumns = 4;
constexpr int kRows = 50;
constexpr size_t kBuckets = 3;
constexpr std::chrono::milliseconds kWithin{10'000};

struct Bed {
  std::unique_ptr<server::Server> server;
  std::unique_ptr<client::Cluster> cluster;
  client::LocatedTable table;
  Bytes batch;
};

class LoadTest : public ::testing::TestWithParam<RuntimeKind> {
 protected:
  // Calls `body` with a server of two shards and an empty table.
  void Run(std::function<Task<void>(Bed&)> body) {
    runtime::AnyRuntime runtime(GetParam());
    runtime.Run(
        [&]() -> Task<void> {
          Bed bed;
          co_await SetUp(runtime.folder(), bed);
          co_await body(bed);
          co_await bed.cluster->Close();
          EXPECT_TRUE(co_await bed.server->Stop());
        },
        2);
  }

  static Task<Result<client::LoadFigures>> Produce(const Bed& bed, client::LoadRunOptions options) {
    client::ProduceLoad load(
        {.table = bed.table.id, .buckets = kBuckets, .batch = bed.batch, .rows = kRows});
    co_return co_await client::RunLoad(bed.table, load, options);
  }
  static Task<Result<client::LoadFigures>> Fetch(const Bed& bed, client::LoadRunOptions options,
                                                 std::vector<int32_t> columns = {},
                                                 int passes = 1) {
    client::FetchLoad load({.table = bed.table.id,
                            .buckets = kBuckets,
                            .slots = options.slots(),
                            .columns = std::move(columns),
                            .max_bytes = 20'000,
                            .passes = passes});
    co_return co_await client::RunLoad(bed.table, load, options);
  }

 private:
  static Task<void> SetUp(const std::string& folder, Bed& bed) {
    server::ServerSettings settings;
    settings.data_dir = folder + "/data";
    settings.listeners = {{"FLUSS", {"127.0.0.1", 0}, std::nullopt}};
    settings.log.segment_bytes = 30'000;
    settings.disk_write_limit = 1;  // the disk of whoever runs the tests may be full
    auto server = co_await server::Server::Start(settings);
    EXPECT_TRUE(server) << (server ? "" : server.error().message);
    bed.server = std::move(*server);
    bed.cluster = *co_await client::Cluster::Connect(bed.server->endpoints()[0]);
    EXPECT_TRUE(co_await bed.cluster->CreateTable("bench", "t",
                                                  client::GeneratedTable(kColumns, kBuckets)));
    bed.table = *co_await bed.cluster->Locate("bench", "t", kWithin);
    EXPECT_EQ(bed.table.leaders.size(), kBuckets);
    bed.batch = client::GenerateBatch({.columns = kColumns, .rows = kRows});
  }
};

TEST_P(LoadTest, WhatIsProducedIsReadBackByAsManyReadersAsThereMayBe) {
  Run([](Bed& bed) -> Task<void> {
    const auto produced = co_await Produce(bed, {.connections = 2, .in_flight = 7, .count = 200});
    EXPECT_TRUE(produced) << (produced ? "" : produced.error().message);
    EXPECT_EQ(produced->requests, 200);
    EXPECT_EQ(produced->rows, 200 * kRows);
    EXPECT_EQ(produced->record_bytes, 200 * bed.batch.size());
    EXPECT_GT(produced->sent_bytes, produced->record_bytes);
    // One reader, several with buckets of their own, and more than there are buckets, which read
    // everything each.
    for (const int readers : {1, 2, 3, 5}) {
      const auto fetched =
          co_await Fetch(bed, {.connections = readers, .duration = std::chrono::minutes(1)});
      EXPECT_TRUE(fetched) << (fetched ? "" : fetched.error().message);
      const int times = readers > static_cast<int>(kBuckets) ? readers : 1;
      EXPECT_EQ(fetched->rows, times * produced->rows);
      EXPECT_EQ(fetched->record_bytes, static_cast<uint64_t>(times) * produced->record_bytes);
      EXPECT_GT(fetched->received_bytes, fetched->record_bytes);
    }
  });
}

TEST_P(LoadTest, AProjectedFetchBringsAllRowsInFewerBytes) {
  Run([](Bed& bed) -> Task<void> {
    const auto produced = co_await Produce(bed, {.count = 60});
    EXPECT_TRUE(produced);
    const auto fetched =
        co_await Fetch(bed, {.connections = 2, .duration = std::chrono::minutes(1)}, {1}, 3);
    EXPECT_TRUE(fetched) << (fetched ? "" : fetched.error().message);
    EXPECT_EQ(fetched->rows, 3 * produced->rows);
    EXPECT_LT(fetched->record_bytes, 3 * produced->record_bytes / 2);
  });
}

TEST_P(LoadTest, AtARateRequestsComeWhenTheyAreDue) {
  Run([](Bed& bed) -> Task<void> {
    const auto produced = co_await Produce(
        bed, {.in_flight = 1000, .rate = 500, .duration = std::chrono::milliseconds(200)});
    EXPECT_TRUE(produced) << (produced ? "" : produced.error().message);
    EXPECT_EQ(produced->requests + produced->unsent, 100);
    EXPECT_GE(produced->elapsed, std::chrono::milliseconds(198));
  });
}

TEST_P(LoadTest, AFollowerGetsWhatIsProducedMeanwhile) {
  Run([](Bed& bed) -> Task<void> {
    client::FetchLoad follow(
        {.table = bed.table.id, .buckets = kBuckets, .slots = kBuckets, .follow = true});
    Result<client::LoadFigures> followed = Fail(ErrorCode::kUnknownServerError, "not run");
    runtime::TaskGroup group;
    auto run = [](const Bed& of, client::Load& load,
                  Result<client::LoadFigures>& out) -> Task<void> {
      out = co_await client::RunLoad(
          of.table, load, {.connections = kBuckets, .duration = std::chrono::milliseconds(600)});
    };
    group.Spawn(run(bed, follow, followed));
    const auto produced = co_await Produce(bed, {.count = 90});
    co_await group.Join();
    EXPECT_TRUE(produced);
    EXPECT_TRUE(followed) << (followed ? "" : followed.error().message);
    EXPECT_EQ(followed->rows, produced->rows);
  });
}

TEST_P(LoadTest, ATableThatIsNotThereIsSaidAtOnceAndOneThatIsIsDescribed) {
  Run([](Bed& bed) -> Task<void> {
    const auto missing = co_await bed.cluster->Describe("bench", "other");
    EXPECT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::kTableNotExist);
    const auto there = co_await bed.cluster->Describe("bench", "t");
    EXPECT_TRUE(there) << (there ? "" : there.error().message);
    EXPECT_EQ(there->id, bed.table.id);
    EXPECT_EQ(there->schema, SchemaId(1));
    EXPECT_EQ(there->descriptor.schema.columns.size(), static_cast<size_t>(kColumns));
    const auto nowhere =
        co_await bed.cluster->Locate("bench", "other", std::chrono::milliseconds(50));
    EXPECT_FALSE(nowhere);
  });
}

TEST_P(LoadTest, AnErrorOfABucketEndsTheRunWithItsText) {
  Run([](Bed& bed) -> Task<void> {
    bed.batch.back() ^= 1;
    const auto produced = co_await Produce(bed, {.in_flight = 10});
    EXPECT_FALSE(produced);
    EXPECT_EQ(produced.error().code, ErrorCode::kCorruptRecord);
    EXPECT_FALSE(produced.error().message.empty());
  });
}

INSTANTIATE_TEST_SUITE_P(Runtimes, LoadTest,
                         ::testing::Values(RuntimeKind::kReal, RuntimeKind::kSimulated),
                         [](const auto& info) {
                           return info.param == RuntimeKind::kReal ? "Real" : "Simulated";
                         });

}  // namespace
}  // namespace strom::cli
