#include "coordinator/metadata_view.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"
#include "format/table_descriptor.h"
#include "metadata/documents.h"

namespace strom::coordinator {
namespace {

namespace pb = wire::pb;
using metadata::Catalog;

constexpr std::string_view kTableJson =
    R"({"version":1,"schema":{"version":1,"columns":[)"
    R"({"name":"a","data_type":{"type":"INTEGER"},"id":0},)"
    R"({"name":"b","data_type":{"type":"STRING"},"id":1}],"highest_field_id":1},)"
    R"("partition_key":[],"bucket_key":[],"bucket_count":3,)"
    R"("properties":{"table.replication.factor":"1"},"custom_properties":{}})";

std::shared_ptr<const metadata::TableInfo> Table(const TablePath& path, int64_t id,
                                                 std::vector<std::string> partition_keys = {}) {
  auto descriptor = *format::ParseTableDescriptor(kTableJson);
  descriptor.partition_keys = std::move(partition_keys);
  auto schema = std::make_shared<const format::Schema>(std::move(descriptor.schema));
  descriptor.schema = {};
  metadata::TableRegistration registration{TableId(id), descriptor, "file:///r",
                                           Timestamp(1700000000000), Timestamp(1700000000001)};
  std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas{{SchemaId(1), schema}};
  metadata::BucketServers assignment;
  if (!descriptor.partitioned()) {
    assignment = {{ServerId(1), ServerId(2)}, {ServerId(2)}, {ServerId(3)}};
  }
  return std::make_shared<const metadata::TableInfo>(
      metadata::MakeTableInfo(path, registration, schemas, assignment));
}

void AddDatabase(Catalog& catalog, const std::string& name) {
  auto database = std::make_shared<metadata::DatabaseInfo>();
  database->name = name;
  database->descriptor.comment = "c";
  database->created = Timestamp(5);
  database->modified = Timestamp(6);
  catalog.Put(std::move(database));
}

// Databases db (tables p, partitioned, and t) and fluss (none).
Catalog TestCatalog() {
  Catalog catalog;
  AddDatabase(catalog, "db");
  AddDatabase(catalog, "fluss");
  catalog.Put(Table({"db", "t"}, 5));
  catalog.Put(Table({"db", "p"}, 6, {"b"}));
  return catalog;
}

ClusterNodes TestNodes() {
  return {.coordinator = NodeEndpoint{ServerId(0), "127.0.0.1", 9123, std::nullopt},
          .tablet_servers = {{ServerId(1), "127.0.0.1", 9124, std::nullopt},
                             {ServerId(2), "h2", 9124, "r1"}}};
}

template <class Request>
Request For(const TablePath& path) {
  Request request;
  request.mutable_table_path()->set_database_name(path.database);
  request.mutable_table_path()->set_table_name(path.table);
  return request;
}

pb::MetadataRequest Asking(std::initializer_list<TablePath> tables) {
  pb::MetadataRequest request;
  for (const TablePath& path : tables) {
    pb::PbTablePath& wanted = *request.add_table_path();
    wanted.set_database_name(path.database);
    wanted.set_table_name(path.table);
  }
  return request;
}

Visibility HidingTable(TablePath hidden) {
  Visibility visibility;
  visibility.table = [hidden](const TablePath& path) { return path != hidden; };
  return visibility;
}

Visibility HidingDatabases() {
  Visibility visibility;
  visibility.database = [](const std::string&) { return false; };
  return visibility;
}

template <class T>
void ExpectError(const Result<T>& result, ErrorCode code, std::string_view message) {
  ASSERT_FALSE(result) << message;
  EXPECT_EQ(result.error(), (Error{code, std::string(message)}));
}

// The body of the vector's first message of this name.
std::string BodyOf(std::string_view message, std::string_view description = "") {
  for (const auto& item : LoadVectors("metadata/messages.json")["messages"]) {
    if (item["message"] != message) continue;
    if (!item["description"].get<std::string>().starts_with(description)) continue;
    const std::string hex = item["hex"];
    std::string bytes;
    for (size_t i = 0; i < hex.size(); i += 2)
      bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  }
  ADD_FAILURE() << "no vector " << message;
  return "";
}

// --- metadata ---

TEST(Metadata, AnswersWithTheBytesOfTheReference) {
  pb::MetadataResponse expected;
  ASSERT_TRUE(expected.ParseFromString(BodyOf("MetadataResponse")));
  // What differs on purpose: a lost leader is left out instead of being -1 (spec 06, 12.2), and
  // partitions are not served yet.
  expected.clear_partition_metadata();
  pb::PbTableMetadata& table = *expected.mutable_table_metadata(0);
  const pb::PbTableMetadata stated = table;
  table.mutable_bucket_metadata(2)->clear_leader_id();
  table.mutable_bucket_metadata(2)->clear_leader_epoch();

  auto info = *Table({"db", "t"}, 5);
  info.assignment.clear();
  for (const auto& bucket : stated.bucket_metadata()) {
    std::vector<ServerId> replicas;
    for (const int32_t id : bucket.replica_id())
      replicas.emplace_back(id);
    info.assignment.push_back(std::move(replicas));
  }
  Catalog catalog;
  catalog.Put(std::make_shared<const metadata::TableInfo>(std::move(info)));
  const auto leader_of = [](const TableBucket& bucket) -> std::optional<BucketLeader> {
    if (bucket.bucket == BucketId(1)) return std::nullopt;
    // The one of bucket 2 went offline: no server of that id is alive.
    return BucketLeader{bucket.bucket == BucketId(0) ? ServerId(1) : ServerId(9), LeaderEpoch(0)};
  };
  const auto response =
      Metadata(catalog, TestNodes(), Asking({{"db", "t"}}), Visibility(), leader_of);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->SerializeAsString(), expected.SerializeAsString());
}

TEST(Metadata, ThePreferredReplicaLeadsWhereItIsAlive) {
  const auto response = Metadata(TestCatalog(), TestNodes(), Asking({{"db", "t"}}));
  ASSERT_TRUE(response);
  const auto& buckets = response->table_metadata(0).bucket_metadata();
  ASSERT_EQ(buckets.size(), 3);
  EXPECT_EQ(buckets[0].leader_id(), 1);
  EXPECT_EQ(buckets[0].leader_epoch(), 0);
  EXPECT_EQ(buckets[0].replica_id_size(), 2);
  EXPECT_EQ(buckets[1].leader_id(), 2);
  // Server 3 is not among the answer's servers.
  EXPECT_FALSE(buckets[2].has_leader_id());
  EXPECT_FALSE(buckets[2].has_leader_epoch());
  EXPECT_EQ(buckets[2].replica_id(0), 3);
}

TEST(Metadata, APartitionedTableHasNoBuckets) {
  const auto response = Metadata(TestCatalog(), TestNodes(), Asking({{"db", "p"}}));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->table_metadata(0).table_id(), 6);
  EXPECT_EQ(response->table_metadata(0).bucket_metadata_size(), 0);
}

TEST(Metadata, AnEmptyRequestIsAnsweredWithTheNodesAndThePartitionedTables) {
  pb::MetadataRequest request;
  ASSERT_TRUE(request.ParseFromString(BodyOf("MetadataRequest", "empty")));
  const auto response = Metadata(TestCatalog(), TestNodes(), request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->coordinator_server().port(), 9123U);
  EXPECT_EQ(response->tablet_servers_size(), 2);
  EXPECT_EQ(response->tablet_servers(1).rack(), "r1");
  EXPECT_FALSE(response->tablet_servers(0).has_rack());
  ASSERT_EQ(response->table_metadata_size(), 1);
  EXPECT_EQ(response->table_metadata(0).table_path().table_name(), "p");
  EXPECT_EQ(response->partition_metadata_size(), 0);
  const auto hidden = Metadata(TestCatalog(), TestNodes(), request, HidingTable({"db", "p"}));
  EXPECT_EQ(hidden->table_metadata_size(), 0);
}

TEST(Metadata, UnaskedTablesAreBounded) {
  Catalog catalog;
  AddDatabase(catalog, "db");
  for (size_t i = 0; i < kMaxUnaskedTables + 5; ++i) {
    catalog.Put(Table({"db", fmt::format("p{}", i)}, static_cast<int64_t>(i), {"b"}));
  }
  const auto response = Metadata(catalog, TestNodes(), {});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->table_metadata_size(), static_cast<int>(kMaxUnaskedTables));
}

TEST(Metadata, AServerThatStillStartsHasNoCoordinatorAndNoTabletServers) {
  const auto response = Metadata(Catalog(), ClusterNodes(), {});
  ASSERT_TRUE(response);
  EXPECT_FALSE(response->has_coordinator_server());
  EXPECT_EQ(response->tablet_servers_size(), 0);
}

TEST(Metadata, OneMissingTableFailsTheWholeRequest) {
  const auto catalog = TestCatalog();
  ExpectError(Metadata(catalog, TestNodes(), Asking({{"db", "t"}, {"db", "x"}})),
              ErrorCode::kTableNotExist, "Table 'db.x' does not exist.");
}

TEST(Metadata, WhatTheCallerMayNotSeeIsLeftOutEvenIfItIsMissing) {
  const auto response = Metadata(TestCatalog(), TestNodes(), Asking({{"db", "x"}, {"db", "t"}}),
                                 HidingTable({"db", "x"}));
  ASSERT_TRUE(response);
  ASSERT_EQ(response->table_metadata_size(), 1);
  EXPECT_EQ(response->table_metadata(0).table_id(), 5);
}

TEST(Metadata, MissingPartitionsFailTheWholeRequest) {
  pb::MetadataRequest request;
  ASSERT_TRUE(request.ParseFromString(BodyOf("MetadataRequest", "tables")));
  request.clear_partitions_path();
  ExpectError(Metadata(TestCatalog(), TestNodes(), request), ErrorCode::kPartitionNotExists,
              "The partition id 7 does not exist.");
  pb::MetadataRequest by_path;
  pb::PbPhysicalTablePath& wanted = *by_path.add_partitions_path();
  wanted.set_database_name("db");
  wanted.set_table_name("p");
  wanted.set_partition_name("20241111");
  ExpectError(Metadata(TestCatalog(), TestNodes(), by_path), ErrorCode::kPartitionNotExists,
              "The partition 20241111 of table db.p does not exist.");
  const auto hidden = Metadata(TestCatalog(), TestNodes(), by_path, HidingTable({"db", "p"}));
  ASSERT_TRUE(hidden);
  EXPECT_EQ(hidden->table_metadata_size(), 0);
}

// --- databases ---

TEST(ListDatabases, GivesNamesOrSummariesNeverBoth) {
  const Catalog catalog = TestCatalog();
  const auto names = ListDatabases(catalog, {});
  EXPECT_EQ(std::vector<std::string>(names.database_name().begin(), names.database_name().end()),
            (std::vector<std::string>{"db", "fluss"}));
  EXPECT_EQ(names.database_summary_size(), 0);
  pb::ListDatabasesRequest request;
  request.set_include_summary(true);
  const auto summaries = ListDatabases(catalog, request);
  EXPECT_EQ(summaries.database_name_size(), 0);
  ASSERT_EQ(summaries.database_summary_size(), 2);
  EXPECT_EQ(summaries.database_summary(0).database_name(), "db");
  EXPECT_EQ(summaries.database_summary(0).created_time(), 5);
  EXPECT_EQ(summaries.database_summary(0).table_count(), 2);
  EXPECT_EQ(summaries.database_summary(1).table_count(), 0);
  EXPECT_EQ(ListDatabases(catalog, {}, HidingDatabases()).database_name_size(), 0);
}

TEST(DatabaseExists, HidesAllButTheDefaultDatabase) {
  const Catalog catalog = TestCatalog();
  const auto exists = [&](const char* name, const Visibility& visibility = {}) {
    pb::DatabaseExistsRequest request;
    request.set_database_name(name);
    return DatabaseExists(catalog, request, visibility).exists();
  };
  EXPECT_TRUE(exists("db"));
  EXPECT_FALSE(exists("DB"));
  EXPECT_FALSE(exists("../x"));
  EXPECT_FALSE(exists("db", HidingDatabases()));
  EXPECT_TRUE(exists("fluss", HidingDatabases()));
}

TEST(GetDatabaseInfo, GivesDescriptorAndTimes) {
  const Catalog catalog = TestCatalog();
  pb::GetDatabaseInfoRequest request;
  request.set_database_name("db");
  const auto info = GetDatabaseInfo(catalog, request);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->database_json(), R"({"version":1,"comment":"c","custom_properties":{}})");
  EXPECT_EQ(info->created_time(), 5);
  EXPECT_EQ(info->modified_time(), 6);
  request.set_database_name("x");
  ExpectError(GetDatabaseInfo(catalog, request), ErrorCode::kDatabaseNotExist,
              "Database x does not exist.");
}

// --- tables ---

TEST(ListTables, GivesWhatTheCallerMaySee) {
  const Catalog catalog = TestCatalog();
  pb::ListTablesRequest request;
  request.set_database_name("db");
  const auto all = ListTables(catalog, request);
  ASSERT_TRUE(all);
  EXPECT_EQ(std::vector<std::string>(all->table_name().begin(), all->table_name().end()),
            (std::vector<std::string>{"p", "t"}));
  const auto some = ListTables(catalog, request, HidingTable({"db", "p"}));
  ASSERT_EQ(some->table_name_size(), 1);
  EXPECT_EQ(some->table_name(0), "t");
  request.set_database_name("x");
  ExpectError(ListTables(catalog, request), ErrorCode::kDatabaseNotExist,
              "Database x does not exist.");
}

TEST(TableExists, AnswersFalseForWhatIsHiddenOrImpossible) {
  const Catalog catalog = TestCatalog();
  EXPECT_TRUE(TableExists(catalog, For<pb::TableExistsRequest>({"db", "t"})).exists());
  EXPECT_FALSE(TableExists(catalog, For<pb::TableExistsRequest>({"db", "t "})).exists());
  EXPECT_FALSE(TableExists(catalog, For<pb::TableExistsRequest>({"x", "t"})).exists());
  EXPECT_FALSE(
      TableExists(catalog, For<pb::TableExistsRequest>({"db", "t"}), HidingTable({"db", "t"}))
          .exists());
}

TEST(GetTableInfo, AnswersWithTheBytesOfTheReference) {
  const Catalog catalog = TestCatalog();
  const auto info = GetTableInfo(catalog, For<pb::GetTableInfoRequest>({"db", "t"}));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->SerializeAsString(), BodyOf("GetTableInfoResponse"));
  ExpectError(GetTableInfo(catalog, For<pb::GetTableInfoRequest>({"db", "x"})),
              ErrorCode::kTableNotExist, "Table 'db.x' does not exist.");
}

TEST(GetTableSchema, GivesTheLatestOrTheOneAskedFor) {
  Catalog catalog = TestCatalog();
  auto info = *catalog.FindTable(TableId(5));
  const auto second = info.schemas.at(SchemaId(1));
  format::Schema first = *second;
  first.columns.pop_back();
  first.highest_field_id = 0;
  info.schemas = {{SchemaId(1), std::make_shared<const format::Schema>(first)},
                  {SchemaId(2), second}};
  info.schema_id = SchemaId(2);
  catalog.Put(std::make_shared<const metadata::TableInfo>(info));

  auto request = For<pb::GetTableSchemaRequest>({"db", "t"});
  const auto latest = GetTableSchema(catalog, request);
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->SerializeAsString(), BodyOf("GetTableSchemaResponse"));
  request.set_schema_id(1);
  const auto old = GetTableSchema(catalog, request);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->schema_id(), 1);
  EXPECT_EQ(old->schema_json(), ToJsonText(first));
  for (const int32_t missing : {0, 3, -1}) {
    request.set_schema_id(missing);
    const auto none = GetTableSchema(catalog, request);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kSchemaNotExist);
  }
  ExpectError(GetTableSchema(catalog, For<pb::GetTableSchemaRequest>({"db", "x"})),
              ErrorCode::kSchemaNotExist, "Schema for table db.x with schema id 0 not exists.");
}

TEST(ListPartitionInfos, NeedsAPartitionedTable) {
  const Catalog catalog = TestCatalog();
  const auto none = ListPartitionInfos(catalog, For<pb::ListPartitionInfosRequest>({"db", "p"}));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->partitions_info_size(), 0);
  ExpectError(ListPartitionInfos(catalog, For<pb::ListPartitionInfosRequest>({"db", "t"})),
              ErrorCode::kTableNotPartitioned, "Table 'db.t' is not a partitioned table.");
  ExpectError(ListPartitionInfos(catalog, For<pb::ListPartitionInfosRequest>({"db", "x"})),
              ErrorCode::kTableNotExist, "Table 'db.x' does not exist.");
}

}  // namespace
}  // namespace strom::coordinator
