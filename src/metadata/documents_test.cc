#include "metadata/documents.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"
#include "metadata/snapshot_documents.h"

namespace strom::metadata {
namespace {

// The key and the text that we write for what the document says, having read it.
struct Rewritten {
  std::string path;
  std::string content;
};

std::optional<Rewritten> ReadAndWrite(const std::string& description, const std::string& content) {
  const TablePath table{"{db}", "{table}"};
  if (description.starts_with("database")) {
    const auto database = ReadDatabase("{db}", content);
    if (database) return Rewritten{path::Database("{db}"), WriteDatabase(*database)};
  } else if (description.starts_with("table registration")) {
    const auto registration = ReadTable(content);
    if (registration) return Rewritten{path::Table(table), WriteTable(*registration)};
  } else if (description.starts_with("schema")) {
    const auto schema = format::ParseSchemaText(content);
    if (schema) return Rewritten{path::Schemas(table) + "{schemaId}", ToJsonText(*schema)};
  } else if (description == "bucket assignment of a table") {
    const auto assignment = ReadAssignment(content);
    if (assignment) {
      return Rewritten{"/tabletservers/tables/{tableId}", WriteAssignment(*assignment)};
    }
  } else if (description.starts_with("coordinator epoch")) {
    const auto epoch = ReadCounter(content);
    if (epoch) return Rewritten{std::string(path::kCoordinatorEpoch), WriteCounter(*epoch)};
  } else if (description == "kv snapshot handle") {
    const auto handle = ReadSnapshotHandle(content);
    if (handle) {
      return Rewritten{".../buckets/{bucket}/snapshots/{snapshotId}", WriteSnapshotHandle(*handle)};
    }
  } else {
    return Rewritten{};
  }
  return std::nullopt;
}

TEST(StoredDocumentVectors, WhatTheReferenceStoresIsReadAndWrittenByteForByte) {
  VectorReport report("metadata/stored-documents.json");
  for (const auto& item : LoadVectors("metadata/stored-documents.json")["documents"]) {
    const std::string name = item["description"];
    const auto rewritten = ReadAndWrite(name, item["content"]);
    ASSERT_TRUE(rewritten) << name;
    if (rewritten->path.empty()) {
      // Partitions, elections, ACLs, dynamic configs: their parts are not there. Leases and offsets
      // of producers are kept otherwise (snapshot_documents.h).
      report.Later(name);
      continue;
    }
    EXPECT_EQ(rewritten->path, item["path"].get<std::string>());
    EXPECT_EQ(rewritten->content, item["content"].get<std::string>());
    report.CaseDone(name);
  }
}

TEST(StoredDocumentVectors, TheValuesArrive) {
  const auto documents = LoadVectors("metadata/stored-documents.json")["documents"];
  const auto content_of = [&](std::string_view description) -> std::string {
    for (const auto& item : documents)
      if (item["description"].get<std::string>().starts_with(description)) return item["content"];
    ADD_FAILURE() << "no document " << description;
    return "";
  };
  const auto database = ReadDatabase("db", content_of("database"));
  ASSERT_TRUE(database);
  EXPECT_EQ(database->name, "db");
  EXPECT_EQ(database->descriptor.comment, "c");
  EXPECT_EQ(database->descriptor.custom_properties, (format::Properties{{"k", "v"}}));
  EXPECT_EQ(database->created, Timestamp(1700000000000));
  EXPECT_EQ(database->modified, Timestamp(1700000000001));

  const auto table = ReadTable(content_of("table registration; schema"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->id, TableId(1234));
  EXPECT_EQ(table->descriptor.comment, "cmt");
  EXPECT_EQ(table->descriptor.partition_keys, std::vector<std::string>{"dt"});
  EXPECT_EQ(table->descriptor.bucket_keys, std::vector<std::string>{"a"});
  EXPECT_EQ(table->descriptor.bucket_count, 16);
  EXPECT_EQ(table->descriptor.properties, (format::Properties{{"k", "v"}}));
  EXPECT_EQ(table->descriptor.custom_properties, (format::Properties{{"c", "d"}}));
  EXPECT_EQ(table->remote_data_dir, "file:///data/remote");
  EXPECT_EQ(table->created, Timestamp(1700000000000));
  EXPECT_EQ(table->modified, Timestamp(1700000000001));
  const auto old = ReadTable(content_of("table registration of an old cluster"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->remote_data_dir, "");

  const auto assignment = ReadAssignment(content_of("bucket assignment of a table"));
  ASSERT_TRUE(assignment);
  EXPECT_EQ(*assignment,
            (BucketServers{{ServerId(1), ServerId(4), ServerId(5)}, {ServerId(2), ServerId(3)}}));
  EXPECT_EQ(*ReadCounter(content_of("coordinator epoch")), 3);
}

TEST(StoredDocuments, KeysAreThoseOfTheReference) {
  EXPECT_EQ(path::Database("db"), "/metadata/databases/db");
  EXPECT_EQ(path::Table({"db", "t"}), "/metadata/databases/db/tables/t");
  EXPECT_EQ(path::Schema({"db", "t"}, SchemaId(2)), "/metadata/databases/db/tables/t/schemas/2");
  EXPECT_EQ(path::Assignment(TableId(7)), "/tabletservers/tables/7");
}

TEST(StoredDocuments, WhatIsUnreadableIsAStorageErrorThatNamesTheMember) {
  struct Case {
    Status status;
    std::string_view names;
  };
  const auto status = [](auto result) -> Status {
    if (result) return {};
    return Fail(result.error());
  };
  const std::string times = R"("created_time":1,"modified_time":1)";
  const auto table = [&](std::string_view members) {
    return status(ReadTable(
        fmt::format(R"({{{},"properties":{{}},"custom_properties":{{}},{}}})", members, times)));
  };
  const Case cases[] = {
      {status(ReadDatabase("db", "{")), "Database registration"},
      {status(ReadDatabase("db", "[]")), "Database registration"},
      {status(ReadDatabase("db", R"({"custom_properties":{}})")), "created_time"},
      {status(ReadDatabase("db", fmt::format("{{{}}}", times))), "custom_properties"},
      {table(R"("bucket_count":1)"), "table_id"},
      {table(R"("table_id":"x","bucket_count":1)"), "table_id"},
      {table(R"("table_id":-1,"bucket_count":1)"), "table_id"},
      {table(R"("table_id":1)"), "bucket_count"},
      {table(R"("table_id":1,"bucket_count":0)"), "bucket_count"},
      {table(R"("table_id":1,"bucket_count":1,"bucket_key":"a")"), "bucket_key"},
      {status(ReadAssignment("{}")), "buckets"},
      {status(ReadAssignment(R"({"buckets":[]})")), "Bucket assignment"},
      {status(ReadAssignment(R"({"buckets":{"1":[1]}})")), "bucket 0 is missing"},
      {status(ReadAssignment(R"({"buckets":{"0":["x"]}})")), "buckets"},
      {status(ReadCounter("")), "A counter"},
      {status(ReadCounter("1x")), "'1x'"},
      {status(ReadCounter("-1")), "'-1'"},
  };
  for (const Case& one : cases) {
    ASSERT_FALSE(one.status) << one.names;
    EXPECT_EQ(one.status.error().code, ErrorCode::kStorage) << one.names;
    EXPECT_NE(one.status.error().message.find(one.names), std::string::npos)
        << one.status.error().message;
  }
}

TEST(TableInfo, IsDerivedFromItsDocuments) {
  TableRegistration registration;
  registration.id = TableId(3);
  registration.descriptor.bucket_count = 2;
  registration.descriptor.has_distribution = true;
  registration.descriptor.properties["table.log.format"] = "indexed";
  std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas;
  for (int id = 1; id <= 2; ++id) {
    format::Schema schema;
    for (int column = 0; column < id; ++column) {
      schema.columns.push_back({.name = fmt::format("c{}", column), .id = column});
    }
    schema.highest_field_id = id - 1;
    schemas[SchemaId(id)] = std::make_shared<const format::Schema>(std::move(schema));
  }
  const TableInfo table =
      MakeTableInfo({"db", "t"}, registration, schemas, {{ServerId(1)}, {ServerId(1)}});
  EXPECT_EQ(table.schema_id, SchemaId(2));
  EXPECT_EQ(table.schemas.size(), 2U);
  EXPECT_EQ(table.descriptor.schema.columns.size(), 2U);
  EXPECT_EQ(table.table_json, ToJsonText(table.descriptor));
  EXPECT_EQ(table.log_format, LogFormat::kIndexed);
  EXPECT_EQ(table.bucket_count, 2);
  EXPECT_FALSE(table.has_primary_key);
}

}  // namespace
}  // namespace strom::metadata
