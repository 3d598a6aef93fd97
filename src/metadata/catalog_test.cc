#include "metadata/catalog.h"

#include <gtest/gtest.h>

#include "metadata/documents.h"
#include "metadata/journal_store.h"
#include "metadata/load_catalog.h"
#include "metadata/test_disk.h"
#include "runtime/test_runtime.h"

namespace strom::metadata {
namespace {

using runtime::RunOnShard;
using runtime::Task;

std::shared_ptr<const TableInfo> Table(const std::string& database, const std::string& name,
                                       int64_t id) {
  auto table = std::make_shared<TableInfo>();
  table->path = {database, name};
  table->id = TableId(id);
  return table;
}

std::shared_ptr<const DatabaseInfo> Database(const std::string& name) {
  auto database = std::make_shared<DatabaseInfo>();
  database->name = name;
  return database;
}

TEST(Catalog, FindsByNameAndById) {
  Catalog catalog;
  catalog.Put(Database("b"));
  catalog.Put(Database("a"));
  catalog.Put(Table("a", "t2", 2));
  catalog.Put(Table("a", "t1", 1));
  catalog.Put(Table("b", "t1", 3));
  EXPECT_EQ(catalog.DatabaseNames(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(catalog.TableNames("a"), (std::vector<std::string>{"t1", "t2"}));
  EXPECT_EQ(catalog.TableNames("c"), std::vector<std::string>());
  EXPECT_EQ(catalog.FindTable(TablePath{"b", "t1"})->id, TableId(3));
  EXPECT_EQ(catalog.FindTable(TableId(1))->path, (TablePath{"a", "t1"}));
  EXPECT_EQ(catalog.FindTable(TablePath{"b", "t2"}), nullptr);
  EXPECT_EQ(catalog.FindTable(TableId(4)), nullptr);
  EXPECT_EQ(catalog.FindDatabase("c"), nullptr);
  EXPECT_EQ(catalog.table_count(), 3U);
  EXPECT_EQ(catalog.database_count(), 2U);
}

TEST(Catalog, RemovingAnOldTableLeavesItsSuccessorOfTheSameName) {
  Catalog catalog;
  catalog.Put(Table("a", "t", 1));
  catalog.Put(Table("a", "t", 2));
  catalog.RemoveTable(TableId(1));
  EXPECT_EQ(catalog.FindTable(TablePath{"a", "t"})->id, TableId(2));
  catalog.RemoveTable(TableId(2));
  catalog.RemoveTable(TableId(2));
  EXPECT_EQ(catalog.FindTable(TablePath{"a", "t"}), nullptr);
  EXPECT_EQ(catalog.table_count(), 0U);
}

// --- loading ---

constexpr std::string_view kDatabase =
    R"({"version":1,"custom_properties":{},"created_time":1,"modified_time":2})";
constexpr std::string_view kTable =
    R"({"version":1,"table_id":5,"bucket_count":2,"properties":{},"custom_properties":{},)"
    R"("created_time":3,"modified_time":4})";
constexpr std::string_view kSchema =
    R"({"version":1,"columns":[{"name":"a","data_type":{"type":"INTEGER"},"id":0}],)"
    R"("highest_field_id":0})";
constexpr std::string_view kAssignment = R"({"version":1,"buckets":{"0":[1],"1":[2]}})";

using Documents = std::map<std::string, std::string>;

Documents Whole() {
  return {{"/metadata/databases/db", std::string(kDatabase)},
          {"/metadata/databases/db/tables/t", std::string(kTable)},
          {"/metadata/databases/db/tables/t/schemas/1", std::string(kSchema)},
          {"/metadata/databases/db/tables/t/schemas/2", std::string(kSchema)},
          {"/tabletservers/tables/5", std::string(kAssignment)}};
}

Task<Result<Catalog>> Loaded(Documents documents) {
  TestDisk disk;
  const auto store = *JournalStore::Open(disk, "/data");
  Transaction transaction;
  for (const auto& [key, content] : documents)
    transaction.puts.push_back({key, content});
  EXPECT_TRUE(co_await store->Commit(std::move(transaction)));
  co_return co_await LoadCatalog(*store);
}

TEST(LoadCatalog, FindsDatabasesTablesSchemasAndAssignments) {
  RunOnShard([]() -> Task<void> {
    Documents documents = Whole();
    documents["/metadata/databases/empty"] = kDatabase;
    // What an importer may bring along.
    documents["/metadata/databases/db/tables/t/auto_inc/col_1"] = "7";
    const auto catalog = co_await Loaded(documents);
    EXPECT_TRUE(catalog);
    if (!catalog) co_return;
    EXPECT_EQ(catalog->DatabaseNames(), (std::vector<std::string>{"db", "empty"}));
    EXPECT_EQ(catalog->FindDatabase("db")->modified, Timestamp(2));
    const auto table = catalog->FindTable(TableId(5));
    EXPECT_EQ(table->path, (TablePath{"db", "t"}));
    EXPECT_EQ(table->schema_id, SchemaId(2));
    EXPECT_EQ(table->created, Timestamp(3));
    EXPECT_EQ(table->assignment, (BucketServers{{ServerId(1)}, {ServerId(2)}}));
  });
}

TEST(LoadCatalog, ASchemaWithoutARegistrationIsNoTable) {
  RunOnShard([]() -> Task<void> {
    Documents documents = Whole();
    documents.erase("/metadata/databases/db/tables/t");
    const auto catalog = co_await Loaded(documents);
    EXPECT_TRUE(catalog);
    EXPECT_EQ(catalog->table_count(), 0U);
  });
}

TEST(LoadCatalog, WhatIsMissingOrUnreadableIsNamed) {
  RunOnShard([]() -> Task<void> {
    struct Case {
      std::string key;
      std::optional<std::string> content;  // none: the document is missing
      std::string_view names;
    };
    const Case cases[] = {
        {"/metadata/databases/db", "{}", "/metadata/databases/db is unreadable"},
        {"/metadata/databases/db", std::nullopt, "Table db.t has no database"},
        {"/metadata/databases/db/tables/t", "x", "/metadata/databases/db/tables/t is unreadable"},
        {"/metadata/databases/db/tables/t/schemas/2", "{}", "schemas/2 is unreadable"},
        {"/metadata/databases/db/tables/t/schemas/x", std::string(kSchema),
         "schemas/x is unreadable: its id is no number"},
        {"/tabletservers/tables/5", "{}", "/tabletservers/tables/5 is unreadable"},
        {"/tabletservers/tables/5", std::nullopt,
         "Table db.t has 2 buckets, but the metadata document /tabletservers/tables/5 places 0"},
    };
    for (const Case& one : cases) {
      Documents documents = Whole();
      if (one.content) {
        documents[one.key] = *one.content;
      } else {
        documents.erase(one.key);
      }
      const auto catalog = co_await Loaded(documents);
      EXPECT_FALSE(catalog) << one.names;
      if (catalog) continue;
      EXPECT_EQ(catalog.error().code, ErrorCode::kStorage);
      EXPECT_NE(catalog.error().message.find(one.names), std::string::npos)
          << catalog.error().message;
    }
    Documents documents = Whole();
    documents.erase("/metadata/databases/db/tables/t/schemas/1");
    documents.erase("/metadata/databases/db/tables/t/schemas/2");
    const auto catalog = co_await Loaded(documents);
    EXPECT_FALSE(catalog);
    EXPECT_EQ(catalog.error().message, "Table db.t has no schema in the metadata.");
  });
}

}  // namespace
}  // namespace strom::metadata
