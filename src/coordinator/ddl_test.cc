#include "coordinator/ddl.h"

#include <set>

#include "coordinator/test_coordinator.h"
#include "format/json_text.h"
#include "metadata/documents.h"
#include "runtime/sync.h"
#include "runtime/test_runtime.h"

namespace strom::coordinator {
namespace {

using metadata::TestDisk;
using runtime::RunOnShard;
using runtime::Task;

std::vector<std::string> Names(std::initializer_list<const char*> names) {
  return {names.begin(), names.end()};
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// Starts, runs `body(coordinator, disk)` and stops.
template <class Body>
void WithCoordinator(Body body, CoordinatorSettings settings = TestSettings()) {
  RunOnShard([&]() -> Task<void> {
    TestDisk disk;
    auto started = co_await TestCoordinator::Start(disk, settings);
    EXPECT_TRUE(started);
    if (!started) co_return;
    co_await body(*started->coordinator, disk);
    co_await started->coordinator->Stop();
  });
}

// --- start ---

TEST(Coordinator, MakesTheDefaultDatabaseOnceAndOnlyWhereThereIsNone) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    {
      auto first = *co_await TestCoordinator::Start(disk);
      EXPECT_EQ(first->catalog().DatabaseNames(), Names({"fluss"}));
      EXPECT_TRUE(co_await first->CreateDatabase("other", std::nullopt, false));
      co_await first->Stop();
      // It cannot be dropped, but an importer may leave it out.
      metadata::Transaction transaction;
      transaction.deletes.push_back(metadata::path::Database("fluss"));
      EXPECT_TRUE(co_await first.store->Commit(std::move(transaction)));
    }
    auto second = *co_await TestCoordinator::Start(disk);
    EXPECT_EQ(second->catalog().DatabaseNames(), Names({"other"}));
    co_await second->Stop();
  });
}

TEST(Coordinator, EveryLeaderHasTheNextEpoch) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    for (int epoch = 0; epoch < 3; ++epoch) {
      auto coordinator = *co_await TestCoordinator::Start(disk);
      EXPECT_EQ(coordinator->epoch(), CoordinatorEpoch(epoch));
      co_await coordinator->Stop();
    }
  });
}

TEST(Coordinator, DoesNotStartOnDamagedMetadata) {
  RunOnShard([]() -> Task<void> {
    const std::pair<std::string, std::string> cases[] = {
        {"/metadata/databases/fluss", "The metadata document /metadata/databases/fluss is "},
        {"/metadata/table_seqid", "The metadata document /metadata/table_seqid is unreadable: "},
        {"/metadata/writer_id", "The metadata document /metadata/writer_id is unreadable: "},
        {"/coordinators/epoch", "The metadata document /coordinators/epoch is unreadable: "},
    };
    for (const auto& [key, message] : cases) {
      TestDisk disk;
      {
        const auto store = *metadata::JournalStore::Open(disk, "/data");
        metadata::Transaction transaction;
        transaction.puts.push_back({key, "nonsense"});
        EXPECT_TRUE(co_await store->Commit(std::move(transaction)));
      }
      const auto started = co_await TestCoordinator::Start(disk);
      EXPECT_FALSE(started);
      if (started) continue;
      EXPECT_EQ(started.error().code, ErrorCode::kStorage);
      EXPECT_TRUE(started.error().message.starts_with(message)) << started.error().message;
    }
  });
}

TEST(Coordinator, DoesNotStartOnACounterThatWouldGiveAnIdOutAgain) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    {
      auto coordinator = *co_await TestCoordinator::Start(disk);
      EXPECT_TRUE(co_await coordinator->CreateTable({"fluss", "t"}, LogTableJson(), false));
      co_await coordinator->Stop();
      metadata::Transaction transaction;
      transaction.deletes.push_back("/metadata/table_seqid");
      EXPECT_TRUE(co_await coordinator.store->Commit(std::move(transaction)));
    }
    const auto started = co_await TestCoordinator::Start(disk);
    EXPECT_FALSE(started);
    EXPECT_EQ(started.error().message,
              "Table fluss.t has id 0, but the metadata counter /metadata/table_seqid would give "
              "it out again.");
  });
}

// --- databases ---

TEST(CreateDatabase, HasItsDescriptorAndTimes) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    const Timestamp before = runtime::ThisShard().WallClock();
    EXPECT_TRUE(co_await coordinator.CreateDatabase(
        "db", R"({"version":1,"comment":"c","custom_properties":{"k":"v"}})", false));
    const auto database = coordinator.catalog().FindDatabase("db");
    EXPECT_EQ(database->descriptor.comment, "c");
    EXPECT_EQ(database->descriptor.custom_properties, (format::Properties{{"k", "v"}}));
    EXPECT_GE(database->created, before);
    EXPECT_EQ(database->created, database->modified);
    EXPECT_TRUE(co_await coordinator.CreateDatabase("plain", std::nullopt, false));
    EXPECT_EQ(coordinator.catalog().FindDatabase("plain")->descriptor,
              format::DatabaseDescriptor());
  });
}

TEST(CreateDatabase, RefusesBadNamesBadDescriptorsAndWhatExists) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    ExpectError(co_await coordinator.CreateDatabase("a.b", "{", true), ErrorCode::kInvalidDatabase,
                "Database name a.b is invalid: 'a.b' contains one or more characters other than "
                "ASCII alphanumerics, '_' and '-'");
    const Status unreadable = co_await coordinator.CreateDatabase("db", "{", false);
    EXPECT_FALSE(unreadable);
    EXPECT_EQ(unreadable.error().code, ErrorCode::kInvalidDatabase);
    ExpectError(co_await coordinator.CreateDatabase("fluss", std::nullopt, false),
                ErrorCode::kDatabaseAlreadyExist, "Database fluss already exists.");
    EXPECT_TRUE(co_await coordinator.CreateDatabase("fluss", std::nullopt, true));
    EXPECT_EQ(coordinator.catalog().DatabaseNames(), Names({"fluss"}));
  });
}

TEST(AlterDatabase, SetsThenDeletesAndReplacesTheComment) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    EXPECT_TRUE(co_await coordinator.CreateDatabase(
        "db", R"({"comment":"old","custom_properties":{"a":"1","b":"2"}})", false));
    // DELETE wins over SET of the same key, whatever the order (spec 06, Pitfalls).
    EXPECT_TRUE(co_await coordinator.AlterDatabase(
        "db", {{"x", std::nullopt, 1}, {"x", "9", 0}, {"a", "3", 0}, {"b", std::nullopt, 1}},
        std::nullopt, false));
    auto database = coordinator.catalog().FindDatabase("db");
    EXPECT_EQ(database->descriptor.custom_properties, (format::Properties{{"a", "3"}}));
    EXPECT_EQ(database->descriptor.comment, "old");
    EXPECT_GE(database->modified, database->created);
    EXPECT_TRUE(co_await coordinator.AlterDatabase("db", {}, "new", false));
    EXPECT_EQ(coordinator.catalog().FindDatabase("db")->descriptor.comment, "new");
    EXPECT_TRUE(co_await coordinator.AlterDatabase("db", {}, "", false));
    EXPECT_EQ(coordinator.catalog().FindDatabase("db")->descriptor.comment, std::nullopt);
  });
}

TEST(AlterDatabase, WritesNothingWhenNothingChanges) {
  WithCoordinator([](Coordinator& coordinator, TestDisk& disk) -> Task<void> {
    EXPECT_TRUE(
        co_await coordinator.CreateDatabase("db", R"({"custom_properties":{"a":"1"}})", false));
    const auto before = coordinator.catalog().FindDatabase("db");
    const int64_t syncs = disk.syncs();
    EXPECT_TRUE(co_await coordinator.AlterDatabase("db", {{"a", "1", 0}, {"b", std::nullopt, 1}},
                                                   std::nullopt, false));
    EXPECT_EQ(coordinator.catalog().FindDatabase("db"), before);
    EXPECT_EQ(disk.syncs(), syncs);
  });
}

TEST(AlterDatabase, RefusesOtherOperationsAndMissingDatabases) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    ExpectError(co_await coordinator.AlterDatabase("db", {}, "c", false),
                ErrorCode::kDatabaseNotExist, "Database db not exists.");
    EXPECT_TRUE(co_await coordinator.AlterDatabase("db", {}, "c", true));
    const auto before = coordinator.catalog().FindDatabase("fluss");
    for (const int32_t op : {2, 3, 4, -1}) {
      const Status refused = co_await coordinator.AlterDatabase(
          "fluss", {{"a", "1", 0}, {"b", "2", op}}, std::nullopt, false);
      EXPECT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::kInvalidDatabase);
    }
    ExpectError(
        co_await coordinator.AlterDatabase("fluss", {{"a", std::nullopt, 0}}, std::nullopt, false),
        ErrorCode::kInvalidDatabase, "Setting property 'a' needs a value.");
    EXPECT_EQ(coordinator.catalog().FindDatabase("fluss"), before);
  });
}

TEST(AlterDatabase, PropertiesCannotAddUpToWhatCouldNotBeReadAgain) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    {
      auto coordinator = *co_await TestCoordinator::Start(disk);
      Status status;
      int stored = 0;
      for (; status && stored < 10; ++stored) {
        status = co_await coordinator->AlterDatabase(
            "fluss", {{fmt::format("k{}", stored), std::string(format::kMaxJsonBytes / 3, 'x'), 0}},
            std::nullopt, false);
      }
      EXPECT_EQ(stored, 3);
      EXPECT_FALSE(status);
      EXPECT_EQ(status.error().code, ErrorCode::kInvalidDatabase);
      EXPECT_TRUE(status.error().message.starts_with("Database fluss is too large to be stored: "));
      co_await coordinator->Stop();
    }
    auto again = co_await TestCoordinator::Start(disk);
    EXPECT_TRUE(again);
    if (!again) co_return;
    EXPECT_EQ(
        again->coordinator->catalog().FindDatabase("fluss")->descriptor.custom_properties.size(),
        2U);
    co_await again->coordinator->Stop();
  });
}

TEST(DropDatabase, NeverDropsTheDefaultOne) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    for (const bool cascade : {false, true}) {
      ExpectError(co_await coordinator.DropDatabase("fluss", true, cascade),
                  ErrorCode::kInvalidDatabase, "The default database 'fluss' cannot be dropped.");
    }
    EXPECT_NE(coordinator.catalog().FindDatabase("fluss"), nullptr);
  });
}

TEST(DropDatabase, TakesItsTablesAlongOnlyWithCascade) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    ExpectError(co_await coordinator.DropDatabase("db", false, true), ErrorCode::kDatabaseNotExist,
                "Database db does not exist.");
    EXPECT_TRUE(co_await coordinator.DropDatabase("db", true, true));
    EXPECT_TRUE(co_await coordinator.CreateDatabase("db", std::nullopt, false));
    EXPECT_TRUE(co_await coordinator.CreateTable({"db", "t1"}, LogTableJson(), false));
    EXPECT_TRUE(co_await coordinator.CreateTable({"db", "t2"}, LogTableJson(), false));
    EXPECT_TRUE(co_await coordinator.CreateTable({"fluss", "t"}, LogTableJson(), false));
    const Status refused = co_await coordinator.DropDatabase("db", false, false);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kDatabaseNotEmpty);
    EXPECT_EQ(coordinator.catalog().table_count(), 3U);
    EXPECT_TRUE(co_await coordinator.DropDatabase("db", false, true));
    EXPECT_EQ(coordinator.catalog().DatabaseNames(), Names({"fluss"}));
    EXPECT_EQ(coordinator.catalog().table_count(), 1U);
    EXPECT_TRUE(co_await coordinator.CreateDatabase("db", std::nullopt, false));
    EXPECT_TRUE(coordinator.catalog().TableNames("db").empty());
  });
}

// --- tables ---

TEST(CreateTable, StoresTheDescriptorWithTheServersDefaults) {
  CoordinatorSettings settings = TestSettings();
  settings.cluster.default_bucket_number = 4;
  WithCoordinator(
      [](Coordinator& coordinator, TestDisk&) -> Task<void> {
        EXPECT_TRUE(co_await coordinator.CreateTable({"fluss", "t"}, LogTableJson(), false));
        const auto table = coordinator.catalog().FindTable(TablePath{"fluss", "t"});
        EXPECT_EQ(table->id, TableId(0));
        EXPECT_EQ(table->schema_id, SchemaId(1));
        EXPECT_EQ(table->bucket_count, 4);
        EXPECT_EQ(table->descriptor.properties.at("table.replication.factor"), "1");
        EXPECT_EQ(table->remote_data_dir, "file:///r");
        EXPECT_EQ(table->assignment, (metadata::BucketServers(4, {ServerId(3)})));
        EXPECT_EQ(table->created, table->modified);
        EXPECT_EQ(coordinator.catalog().FindTable(TableId(0)), table);
      },
      settings);
}

TEST(CreateTable, ReportsTheFirstProblemInTheOrderOfTheReference) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    EXPECT_TRUE(co_await coordinator.CreateTable({"fluss", "t"}, LogTableJson(), false));
    const std::string too_many_replicas = Replaced(
        LogTableJson(), R"("properties":{})", R"("properties":{"table.replication.factor":"4"})");
    // The database's name, the table's, the descriptor, replicas, database, table.
    ExpectError(co_await coordinator.CreateTable({"a b", "c d"}, "{", false),
                ErrorCode::kInvalidDatabase,
                "Database name a b is invalid: 'a b' contains one or more characters other than "
                "ASCII alphanumerics, '_' and '-'");
    ExpectError(co_await coordinator.CreateTable({"nowhere", "c d"}, "{", false),
                ErrorCode::kInvalidTable,
                "Table name c d is invalid: 'c d' contains one or more characters other than ASCII "
                "alphanumerics, '_' and '-'");
    const Status malformed = co_await coordinator.CreateTable({"nowhere", "t"}, "{", false);
    EXPECT_FALSE(malformed);
    EXPECT_TRUE(malformed.error().message.starts_with("Failed to parse table descriptor: "));
    ExpectError(co_await coordinator.CreateTable({"nowhere", "t"}, too_many_replicas, false),
                ErrorCode::kInvalidReplicationFactor,
                "Replication factor: 4 larger than available tablet servers: 1.");
    // Replicas are looked at before existence, so ignoring does not help.
    EXPECT_FALSE(co_await coordinator.CreateTable({"fluss", "t"}, too_many_replicas, true));
    ExpectError(co_await coordinator.CreateTable({"nowhere", "t"}, LogTableJson(), true),
                ErrorCode::kDatabaseNotExist, "Database nowhere does not exist.");
    ExpectError(co_await coordinator.CreateTable({"fluss", "t"}, LogTableJson(), false),
                ErrorCode::kTableAlreadyExist, "Table fluss.t already exists.");
    EXPECT_TRUE(co_await coordinator.CreateTable({"fluss", "t"}, LogTableJson(), true));
    EXPECT_EQ(coordinator.catalog().table_count(), 1U);
  });
}

TEST(CreateTable, KindsThatAreNotServedAreCheckedAndThenRefused) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    const std::string with_key = Replaced(LogTableJson(), R"("highest_field_id")",
                                          R"("primary_key":["a"],"highest_field_id")");
    const std::string partitioned =
        Replaced(LogTableJson(), R"("partition_key":[])", R"("partition_key":["b"])");
    ExpectError(co_await coordinator.CreateTable({"fluss", "p"}, partitioned, false),
                ErrorCode::kInvalidTable,
                "Table fluss.p is partitioned; partitioned tables are not served yet by this "
                "version of Strom.");
    // A wrong one hears what is wrong with it.
    const Status wrong = co_await coordinator.CreateTable(
        {"fluss", "k"}, Replaced(with_key, R"("properties":{})", R"("properties":{"table.x":"1"})"),
        false);
    EXPECT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidConfig);
    EXPECT_EQ(coordinator.catalog().table_count(), 0U);
  });
}

TEST(CreateTable, BucketsOfAPartitionedTableAreNotPlacedWithIt) {
  CoordinatorSettings settings = TestSettings();
  settings.serves_partitioned_tables = true;
  RunOnShard([&]() -> Task<void> {
    TestDisk disk;
    {
      auto coordinator = *co_await TestCoordinator::Start(disk, settings);
      EXPECT_TRUE(co_await coordinator->CreateTable(
          {"fluss", "p"},
          Replaced(LogTableJson(), R"("partition_key":[])", R"("partition_key":["b"])"), false));
      EXPECT_TRUE(coordinator->catalog().FindTable(TableId(0))->assignment.empty());
      EXPECT_FALSE((co_await coordinator.store->Get("/tabletservers/tables/0"))->has_value());
      co_await coordinator->Stop();
    }
    auto again = *co_await TestCoordinator::Start(disk, settings);
    EXPECT_TRUE(again->catalog().FindTable(TableId(0))->descriptor.partitioned());
    co_await again->Stop();
  });
}

TEST(CreateTable, ADescriptorThatGrowsBeyondWhatIsReadIsRefused) {
  WithCoordinator([](Coordinator& coordinator, TestDisk& disk) -> Task<void> {
    // No ids: the server adds them to each column.
    std::string columns;
    for (int i = 0; i < 10000; ++i) {
      columns += fmt::format(R"({}{{"name":"c{}","comment":"{}","data_type":{{"type":"BIGINT"}}}})",
                             i == 0 ? "" : ",", i, std::string(350, 'x'));
    }
    const std::string json =
        fmt::format(R"({{"schema":{{"columns":[{}]}},"partition_key":[],"properties":{{}},)"
                    R"("custom_properties":{{}}}})",
                    columns);
    EXPECT_LT(json.size(), format::kMaxJsonBytes);
    const int64_t syncs = disk.syncs();
    const Status refused = co_await coordinator.CreateTable({"fluss", "t"}, json, false);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidTable);
    EXPECT_TRUE(refused.error().message.starts_with("Table fluss.t is too large to be stored: "))
        << refused.error().message;
    EXPECT_EQ(disk.syncs(), syncs);
  });
}

TEST(CreateTable, OfTwoAtOnceOneMakesIt) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    std::vector<Task<Status>> tasks;
    for (int i = 0; i < 5; ++i)
      tasks.push_back(coordinator.CreateTable({"fluss", "t"}, LogTableJson(), true));
    tasks.push_back(coordinator.CreateTable({"fluss", "t"}, LogTableJson(), false));
    const auto outcomes = co_await runtime::WhenAll(std::move(tasks));
    for (size_t i = 0; i < 5; ++i)
      EXPECT_TRUE(outcomes[i]) << i;
    ExpectError(outcomes[5], ErrorCode::kTableAlreadyExist, "Table fluss.t already exists.");
    EXPECT_EQ(coordinator.catalog().table_count(), 1U);
    EXPECT_EQ(coordinator.catalog().FindTable(TablePath{"fluss", "t"})->id, TableId(0));
  });
}

TEST(DropTable, FreesTheNameButNeverTheId) {
  WithCoordinator([](Coordinator& coordinator, TestDisk&) -> Task<void> {
    ExpectError(co_await coordinator.DropTable({"fluss", "t"}, false), ErrorCode::kTableNotExist,
                "Table fluss.t does not exist.");
    EXPECT_TRUE(co_await coordinator.DropTable({"fluss", "t"}, true));
    for (int64_t id = 0; id < 3; ++id) {
      EXPECT_TRUE(co_await coordinator.CreateTable({"fluss", "t"}, LogTableJson(), false));
      EXPECT_EQ(coordinator.catalog().FindTable(TablePath{"fluss", "t"})->id, TableId(id));
      EXPECT_TRUE(co_await coordinator.DropTable({"fluss", "t"}, false));
      EXPECT_EQ(coordinator.catalog().FindTable(TableId(id)), nullptr);
    }
  });
}

TEST(DropTable, LeavesNoDocumentBehind) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    auto coordinator = *co_await TestCoordinator::Start(disk);
    const size_t before = coordinator.store->document_count();
    EXPECT_TRUE(co_await coordinator->CreateTable({"fluss", "t"}, LogTableJson(), false));
    EXPECT_EQ(coordinator.store->document_count(), before + 4);
    EXPECT_TRUE(co_await coordinator->DropTable({"fluss", "t"}, false));
    // The counter of table ids stays.
    EXPECT_EQ(coordinator.store->document_count(), before + 1);
    co_await coordinator->Stop();
  });
}

// --- restart, publishing, failures ---

TEST(Coordinator, ARestartKeepsEverything) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    std::shared_ptr<const metadata::TableInfo> table;
    std::shared_ptr<const metadata::DatabaseInfo> database;
    {
      auto coordinator = *co_await TestCoordinator::Start(disk);
      EXPECT_TRUE(co_await coordinator->CreateDatabase(
          "db", R"({"comment":"c","custom_properties":{"k":"v"}})", false));
      EXPECT_TRUE(co_await coordinator->CreateTable({"db", "gone"}, LogTableJson(), false));
      EXPECT_TRUE(co_await coordinator->CreateTable(
          {"db", "t"},
          Replaced(LogTableJson(R"("comment":"d","bucket_key":["b"],"bucket_count":3,)"),
                   R"("properties":{})", R"("properties":{"table.log.ttl":"7 d"})"),
          false));
      EXPECT_TRUE(co_await coordinator->DropTable({"db", "gone"}, false));
      table = coordinator->catalog().FindTable(TablePath{"db", "t"});
      database = coordinator->catalog().FindDatabase("db");
      co_await coordinator->Stop();
    }
    auto coordinator = *co_await TestCoordinator::Start(disk);
    const metadata::Catalog& catalog = coordinator->catalog();
    EXPECT_EQ(catalog.DatabaseNames(), Names({"db", "fluss"}));
    EXPECT_EQ(catalog.FindDatabase("db")->descriptor, database->descriptor);
    EXPECT_EQ(catalog.FindDatabase("db")->created, database->created);
    EXPECT_EQ(catalog.TableNames("db"), Names({"t"}));
    const auto found = catalog.FindTable(TablePath{"db", "t"});
    EXPECT_EQ(found->id, table->id);
    EXPECT_EQ(found->schema_id, table->schema_id);
    EXPECT_EQ(found->descriptor, table->descriptor);
    EXPECT_EQ(found->table_json, table->table_json);
    EXPECT_EQ(found->created, table->created);
    EXPECT_EQ(found->modified, table->modified);
    EXPECT_EQ(found->remote_data_dir, table->remote_data_dir);
    EXPECT_EQ(found->assignment, table->assignment);
    EXPECT_EQ(found->bucket_count, 3);
    EXPECT_EQ(*found->schemas.at(SchemaId(1)), *table->schemas.at(SchemaId(1)));
    // Ids go on.
    EXPECT_TRUE(co_await coordinator->CreateTable({"db", "next"}, LogTableJson(), false));
    EXPECT_EQ(catalog.FindTable(TablePath{"db", "next"})->id, TableId(2));
    co_await coordinator->Stop();
  });
}

TEST(Coordinator, AStatementAnswersOnlyWhenItsChangeIsPublished) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    runtime::Event proceed;
    metadata::Catalog copy;
    std::vector<CatalogChange> published;
    auto coordinator = *co_await TestCoordinator::Start(disk, TestSettings(),
                                                        [&](CatalogChange change) -> Task<void> {
                                                          co_await proceed.Wait();
                                                          Apply(change, copy);
                                                          published.push_back(std::move(change));
                                                        });
    std::optional<Status> answer;
    runtime::Spawn([](Coordinator& c, std::optional<Status>& out) -> Task<void> {
      out = co_await c.CreateTable({"fluss", "t"}, LogTableJson(), false);
    }(*coordinator.coordinator, answer));
    while (!proceed.has_waiters())
      co_await runtime::Yield{};
    EXPECT_FALSE(answer);
    EXPECT_NE(coordinator->catalog().FindTable(TablePath{"fluss", "t"}), nullptr);
    proceed.Notify();
    while (!answer)
      co_await runtime::Yield{};
    EXPECT_TRUE(*answer);
    EXPECT_EQ(published.size(), 1U);
    EXPECT_EQ(copy.FindTable(TablePath{"fluss", "t"}),
              coordinator->catalog().FindTable(TablePath{"fluss", "t"}));
    co_await coordinator->Stop();
  });
}

TEST(Coordinator, EveryChangeArrivesAtTheOtherCatalogs) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    metadata::Catalog copy;
    auto coordinator =
        *co_await TestCoordinator::Start(disk, TestSettings(), [&](CatalogChange c) -> Task<void> {
          Apply(c, copy);
          co_return;
        });
    EXPECT_TRUE(co_await coordinator->CreateDatabase("db", std::nullopt, false));
    EXPECT_TRUE(co_await coordinator->CreateTable({"db", "t"}, LogTableJson(), false));
    EXPECT_EQ(copy.FindTable(TableId(0))->path.table, "t");
    EXPECT_TRUE(co_await coordinator->AlterDatabase("db", {}, "c", false));
    EXPECT_EQ(copy.FindDatabase("db")->descriptor.comment, "c");
    EXPECT_TRUE(co_await coordinator->DropTable({"db", "t"}, false));
    EXPECT_EQ(copy.table_count(), 0U);
    EXPECT_TRUE(co_await coordinator->CreateTable({"db", "t"}, LogTableJson(), false));
    EXPECT_TRUE(co_await coordinator->DropDatabase("db", false, true));
    EXPECT_EQ(copy.table_count() + copy.database_count(), 0U);
    co_await coordinator->Stop();
  });
}

TEST(Coordinator, AFailedTransactionChangesAndPublishesNothing) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    int published = 0;
    auto coordinator =
        *co_await TestCoordinator::Start(disk, TestSettings(), [&](CatalogChange) -> Task<void> {
          ++published;
          co_return;
        });
    disk.FailOperation(disk.operations());
    const Status failed = co_await coordinator->CreateTable({"fluss", "t"}, LogTableJson(), false);
    EXPECT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::kStorage);
    EXPECT_EQ(coordinator->catalog().table_count(), 0U);
    EXPECT_EQ(published, 0);
    EXPECT_TRUE(co_await coordinator->CreateTable({"fluss", "t"}, LogTableJson(), false));
    EXPECT_EQ(published, 1);
    co_await coordinator->Stop();
  });
}

TEST(Coordinator, StopLetsWhatIsUnderWayEndAndRefusesTheRest) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    auto coordinator = *co_await TestCoordinator::Start(disk);
    std::optional<Status> under_way;
    runtime::Spawn([](Coordinator& c, std::optional<Status>& out) -> Task<void> {
      out = co_await c.CreateDatabase("db", std::nullopt, false);
    }(*coordinator.coordinator, under_way));
    EXPECT_FALSE(under_way);
    co_await coordinator->Stop();
    EXPECT_TRUE(under_way && *under_way);
    const Status refused = co_await coordinator->CreateDatabase("more", std::nullopt, false);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kNetwork);  // clients try again
    EXPECT_FALSE(co_await coordinator->DropTable({"fluss", "t"}, true));
    EXPECT_FALSE(co_await coordinator->NextWriterId());
  });
}

// --- writer ids ---

TEST(WriterIds, ComeFromZeroAndNeverRepeatAcrossRestarts) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    std::vector<int64_t> ids;
    for (int life = 0; life < 4; ++life) {
      auto coordinator = *co_await TestCoordinator::Start(disk);
      for (int i = 0; i < 7; ++i)
        ids.push_back((co_await coordinator->NextWriterId())->value);
      co_await coordinator->Stop();
    }
    EXPECT_EQ(ids.front(), 0);
    EXPECT_EQ(std::set<int64_t>(ids.begin(), ids.end()).size(), ids.size());
    EXPECT_TRUE(std::ranges::is_sorted(ids));
    EXPECT_LE(ids.back(), 4 * 10);  // blocks of 5: at most 3 are skipped by each restart
  });
}

TEST(WriterIds, ManyAtOnceShareABlock) {
  WithCoordinator([](Coordinator& coordinator, TestDisk& disk) -> Task<void> {
    const int64_t syncs = disk.syncs();
    std::vector<Task<Result<WriterId>>> tasks;
    for (int i = 0; i < 20; ++i)
      tasks.push_back(coordinator.NextWriterId());
    std::set<int64_t> ids;
    for (const auto& id : co_await runtime::WhenAll(std::move(tasks)))
      ids.insert(id->value);
    EXPECT_EQ(ids.size(), 20U);
    EXPECT_EQ(*ids.rbegin(), 19);
    EXPECT_EQ(disk.syncs() - syncs, 4);
  });
}

TEST(WriterIds, AFailedReservationGivesOutNothing) {
  WithCoordinator([](Coordinator& coordinator, TestDisk& disk) -> Task<void> {
    disk.FailOperation(disk.operations());
    EXPECT_FALSE(co_await coordinator.NextWriterId());
    EXPECT_EQ(*co_await coordinator.NextWriterId(), WriterId(0));
  });
}

}  // namespace
}  // namespace strom::coordinator
