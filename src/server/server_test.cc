#include "server/server.h"

#include <gtest/gtest.h>

#include "runtime/test_runtime.h"
#include "server/test_client.h"

namespace strom::server {
namespace {

using runtime::RuntimeKind;
using runtime::Task;

ServerSettings SettingsFor(const std::string& folder) {
  ServerSettings settings;
  settings.data_dir = folder;
  settings.listeners = {{"FLUSS", {"127.0.0.1", 0}, std::nullopt}};
  settings.log.segment_bytes = 2000;
  settings.disk_write_limit = 1;  // the disk of whoever runs the tests may be full
  return settings;
}

struct Where {
  RuntimeKind kind;
  int shards;
};

class ServerTest : public ::testing::TestWithParam<Where> {
 protected:
  void Run(std::function<Task<void>()> body) { runtime_.Run(std::move(body), GetParam().shards); }
  std::string folder() const { return runtime_.folder(); }

 private:
  runtime::AnyRuntime runtime_{GetParam().kind};
};

TEST_P(ServerTest, AScriptedSessionOverARestart) {
  Run([this]() -> Task<void> {
    TableId table;
    for (int life = 0; life < 3; ++life) {
      auto server = co_await Server::Start(SettingsFor(folder() + "/data"));
      EXPECT_TRUE(server) << (server ? "" : server.error().message);
      if (!server) co_return;
      {
        auto client = co_await TestClient::Connect((*server)->endpoints()[0]);
        EXPECT_TRUE(client);
        const auto created = co_await (*client)->CreateTable("t", 4);
        EXPECT_TRUE(created) << (created ? "" : created.error().message);
        if (life > 0) EXPECT_EQ(*created, table);
        table = *created;
        for (int bucket = 0; bucket < 4; ++bucket) {
          for (int i = 0; i < 50; ++i) {
            const auto base =
                co_await (*client)->Produce(table, bucket, static_cast<uint64_t>(life * 1000 + i));
            EXPECT_EQ(base, Offset(life * 50 + i));
          }
        }
      }
      // Every row of every life is there, on a connection of another shard.
      auto reader = co_await TestClient::Connect((*server)->endpoints()[0]);
      for (int bucket = 0; bucket < 4; ++bucket) {
        const auto values = co_await (*reader)->ReadAll(table, bucket);
        EXPECT_TRUE(values) << (values ? "" : values.error().message);
        EXPECT_EQ(values->size(), static_cast<size_t>(50 * (life + 1)));
        EXPECT_EQ(values->back(), static_cast<uint64_t>(life * 1000 + 49));
      }
      EXPECT_TRUE(co_await (*server)->Stop());
    }
  });
}

TEST_P(ServerTest, AnAppendWakesAParkedFetch) {
  Run([this]() -> Task<void> {
    auto server = co_await Server::Start(SettingsFor(folder() + "/data"));
    EXPECT_TRUE(server);
    {
      auto writer = co_await TestClient::Connect((*server)->endpoints()[0]);
      auto reader = co_await TestClient::Connect((*server)->endpoints()[0]);
      const TableId table = *co_await (*writer)->CreateTable("t", 1);
      for (int i = 0; i < 20; ++i) {
        std::optional<Result<TestClient::Fetched>> fetched;
        runtime::TaskGroup group;
        auto fetch = [](TestClient& client, TableId of, int at,
                        std::optional<Result<TestClient::Fetched>>& out) -> Task<void> {
          out.emplace(co_await client.Fetch(of, 0, Offset(at), 600'000));
        };
        group.Spawn(fetch(**reader, table, i, fetched));
        EXPECT_EQ(co_await (*writer)->Produce(table, 0, 7), Offset(i));
        co_await group.Join();  // ten minutes if nothing woke it
        EXPECT_TRUE(fetched && *fetched);
        EXPECT_EQ((**fetched).high_watermark, Offset(i + 1));
        EXPECT_FALSE((**fetched).records.empty());
      }
    }
    EXPECT_TRUE(co_await (*server)->Stop());
  });
}

TEST_P(ServerTest, DroppingATableAnswersWhoWaitsOnItAndFreesItsFolder) {
  Run([this]() -> Task<void> {
    auto server = co_await Server::Start(SettingsFor(folder() + "/data"));
    EXPECT_TRUE(server);
    {
      auto admin = co_await TestClient::Connect((*server)->endpoints()[0]);
      auto reader = co_await TestClient::Connect((*server)->endpoints()[0]);
      const TableId table = *co_await (*admin)->CreateTable("t", 1);
      std::optional<Result<TestClient::Fetched>> fetched;
      runtime::TaskGroup group;
      auto fetch = [](TestClient& client, TableId of,
                      std::optional<Result<TestClient::Fetched>>& out) -> Task<void> {
        out.emplace(co_await client.Fetch(of, 0, Offset(0), 600'000));
      };
      group.Spawn(fetch(**reader, table, fetched));
      wire::pb::DropTableRequest drop;
      drop.mutable_table_path()->set_database_name("fluss");
      drop.mutable_table_path()->set_table_name("t");
      drop.set_ignore_if_not_exists(false);
      EXPECT_TRUE(
          (co_await (*admin)->Ask<wire::pb::DropTableResponse>(wire::Api::kDropTable, drop)));
      co_await group.Join();
      EXPECT_TRUE(fetched);
      EXPECT_EQ(fetched->error().code, ErrorCode::kUnknownTableOrBucket);
      const auto again = co_await (*admin)->Produce(table, 0, 1);
      EXPECT_EQ(again.error().code, ErrorCode::kUnknownTableOrBucket);
    }
    EXPECT_TRUE(co_await (*server)->Stop());
    const auto left = runtime::ThisShard().files().List(folder() + "/data/fluss");
    EXPECT_TRUE(left && left->empty());
  });
}

TEST_P(ServerTest, APortInUseFailsTheStartAndLeavesTheDataUnlocked) {
  Run([this]() -> Task<void> {
    auto first = co_await Server::Start(SettingsFor(folder() + "/one"));
    EXPECT_TRUE(first);
    ServerSettings settings = SettingsFor(folder() + "/two");
    settings.listeners[0].bind = (*first)->endpoints()[0];
    auto second = co_await Server::Start(settings);
    EXPECT_FALSE(second);
    EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
    auto same_folder = co_await Server::Start(SettingsFor(folder() + "/one"));
    EXPECT_EQ(same_folder.error().code, ErrorCode::kOperationNotAttempted);
    auto third = co_await Server::Start(SettingsFor(folder() + "/two"));
    EXPECT_TRUE(third);
    EXPECT_TRUE(co_await (*third)->Stop());
    EXPECT_TRUE(co_await (*first)->Stop());
  });
}

TEST(SimulatedServer, AStopAfterAFailedSyncDoesNotCountAsClean) {
  runtime::SimWorld world(1);
  runtime::SimMachine& machine = world.AddMachine(1);
  EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> {
    auto server = co_await Server::Start(SettingsFor("/data"));
    EXPECT_TRUE(server);
    {
      auto client = co_await TestClient::Connect((*server)->endpoints()[0]);
      const TableId table = *co_await (*client)->CreateTable("t", 1);
      machine.disk_faults.sync_error = 1;
      EXPECT_FALSE(co_await (*client)->Produce(table, 0, 1));
      machine.disk_faults.sync_error = 0;
      const auto refused = co_await (*client)->Produce(table, 0, 2);
      EXPECT_EQ(refused.error().code, ErrorCode::kLogStorage);
    }
    EXPECT_FALSE(co_await (*server)->Stop());
    EXPECT_EQ(machine.files().Exists("/data/.fluss_cleanshutdown"), false);
  }));
}

TEST(SimulatedServer, AFullDiskRefusesWritesUntilThereIsRoomAgain) {
  runtime::SimWorld world(1);
  runtime::SimMachine& machine = world.AddMachine(2);
  ServerSettings settings = SettingsFor("/data");
  settings.disk_write_limit = 0.85;
  settings.disk_write_recover = 0.8;
  settings.disk_check_interval = std::chrono::milliseconds(10);
  EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> {
    auto server = co_await Server::Start(settings);
    EXPECT_TRUE(server);
    {
      auto client = co_await TestClient::Connect((*server)->endpoints()[0]);
      const TableId table = *co_await (*client)->CreateTable("t", 2);
      for (uint64_t i = 0; i < 50; ++i)
        EXPECT_TRUE(co_await (*client)->Produce(table, 0, i));
      const auto set_share = [&](double share) -> runtime::Sleep {
        const auto usage = machine.files().Usage("/data");
        const auto used = static_cast<double>(usage->total_bytes - usage->available_bytes);
        machine.disk_faults.capacity_bytes = static_cast<uint64_t>(used / share);
        return {std::chrono::milliseconds(50)};
      };
      co_await set_share(0.9);
      for (int bucket = 0; bucket < 2; ++bucket) {
        const auto refused = co_await (*client)->Produce(table, bucket, 50);
        EXPECT_EQ(refused.error().code, ErrorCode::kDiskWriteLocked);
        EXPECT_NE(refused.error().message.find("85 % full"), std::string::npos);
      }
      EXPECT_EQ((co_await (*client)->ReadAll(table, 0))->size(), 50U);
      // Between the two shares it stays as it was.
      co_await set_share(0.82);
      EXPECT_FALSE(co_await (*client)->Produce(table, 0, 50));
      co_await set_share(0.7);
      EXPECT_EQ(co_await (*client)->Produce(table, 0, 50), Offset(50));
      co_await set_share(0.82);
      EXPECT_EQ(co_await (*client)->Produce(table, 0, 51), Offset(51));
    }
    EXPECT_TRUE(co_await (*server)->Stop());
  }));
}

TEST(SimulatedServer, OldSegmentsGoAndReadersAreToldWhereTheLogStarts) {
  runtime::SimWorld world(1);
  runtime::SimMachine& machine = world.AddMachine(1);
  ServerSettings settings = SettingsFor("/data");
  settings.retention_interval = std::chrono::seconds(10);
  settings.idle_timeout = std::chrono::hours(24 * 100);
  settings.roll_expired_active_segment = true;
  EXPECT_TRUE(world.Run(machine, [&]() -> Task<void> {
    for (int life = 0; life < 2; ++life) {
      auto server = co_await Server::Start(settings);
      EXPECT_TRUE(server);
      {
        auto client = co_await TestClient::Connect((*server)->endpoints()[0]);
        const TableId table = *co_await (*client)->CreateTable("t", 1);
        if (life == 0) {
          for (uint64_t i = 0; i < 60; ++i)
            EXPECT_TRUE(co_await (*client)->Produce(table, 0, i));
          co_await runtime::Sleep{std::chrono::hours(24 * 6)};
          EXPECT_TRUE(co_await (*client)->Produce(table, 0, 60));
          EXPECT_EQ(co_await (*client)->ListOffset(table, 0, 0), Offset(0));
          co_await runtime::Sleep{std::chrono::hours(24 * 2)};
        }
        // The default is 7 days; the segment with the newest row stays whole.
        const auto start = co_await (*client)->ListOffset(table, 0, 0);
        EXPECT_GT(start->value, 30);
        EXPECT_LT(start->value, 61);
        EXPECT_EQ((co_await (*client)->Fetch(table, 0, Offset(5))).error().code,
                  ErrorCode::kLogOffsetOutOfRange);
        EXPECT_EQ((co_await (*client)->Fetch(table, 0, *start))->high_watermark, Offset(61));
        if (life == 1) {
          // In the end everything goes, but offsets go on.
          co_await runtime::Sleep{std::chrono::hours(24 * 8)};
          EXPECT_EQ(co_await (*client)->ListOffset(table, 0, 0), Offset(61));
          EXPECT_EQ(co_await (*client)->Produce(table, 0, 61), Offset(61));
        }
      }
      EXPECT_TRUE(co_await (*server)->Stop());
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(
    Runtimes, ServerTest,
    ::testing::Values(Where{RuntimeKind::kReal, 1}, Where{RuntimeKind::kReal, 3},
                      Where{RuntimeKind::kSimulated, 1}, Where{RuntimeKind::kSimulated, 3}),
    [](const auto& info) {
      return fmt::format("{}On{}", info.param.kind == RuntimeKind::kReal ? "Real" : "Simulated",
                         info.param.shards);
    });

}  // namespace
}  // namespace strom::server
