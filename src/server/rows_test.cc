#include "server/rows.h"

#include <gtest/gtest.h>

#include "metadata/documents.h"

namespace strom::server {
namespace {

// A table as the coordinator keeps it, with primary key (a, b).
metadata::TableInfo Table(format::Properties properties, std::vector<std::string> bucket_keys) {
  auto schema = format::ParseSchemaText(
      R"({"version":1,"columns":[)"
      R"({"name":"a","data_type":{"type":"INTEGER","nullable":false},"id":0},)"
      R"({"name":"b","data_type":{"type":"STRING","nullable":false},"id":1}],)"
      R"("primary_key":["a","b"],"highest_field_id":1})");
  EXPECT_TRUE(schema);
  metadata::TableRegistration registration;
  registration.id = TableId(1);
  registration.descriptor.properties = std::move(properties);
  registration.descriptor.bucket_keys = std::move(bucket_keys);
  registration.descriptor.bucket_count = 1;
  return metadata::MakeTableInfo(
      {"db", "t"}, std::move(registration),
      {{SchemaId(1), std::make_shared<const format::Schema>(std::move(*schema))}}, {{}});
}

TEST(CheckKeyFormat, OldClientsAreRefusedWhereTheyWouldEncodeKeysTheOldWay) {
  const format::Properties lake = {{"table.datalake.format", "paimon"},
                                   {"table.kv.format-version", "2"}};
  const auto refused = CheckKeyFormat(Table(lake, {"a"}), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupportedVersion);
  EXPECT_NE(refused.error().message.find("db.t"), std::string::npos);
  EXPECT_TRUE(CheckKeyFormat(Table(lake, {"a"}), 1));
}

TEST(CheckKeyFormat, OldClientsAreServedWhereKeysAreTheSame) {
  EXPECT_TRUE(CheckKeyFormat(Table({{"table.kv.format-version", "2"}}, {"a"}), 0));
  EXPECT_TRUE(CheckKeyFormat(Table({{"table.datalake.format", "paimon"}}, {"a"}), 0));
  EXPECT_TRUE(CheckKeyFormat(
      Table({{"table.datalake.format", "paimon"}, {"table.kv.format-version", "2"}}, {"a", "b"}),
      0));
}

}  // namespace
}  // namespace strom::server
