#include "format/table_descriptor.h"

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"

namespace strom::format {
namespace {

std::string ProblemOf(std::string_view json) {
  const auto table = ParseTableDescriptor(json);
  if (table) return "";
  EXPECT_EQ(table.error().code, ErrorCode::kInvalidTable);
  return table.error().message;
}

constexpr std::string_view kLogTable =
    R"({"version":1,"schema":{"version":1,"columns":[{"name":"a","data_type":{"type":"INTEGER"},)"
    R"("id":0}],"highest_field_id":0},"partition_key":[],"properties":{},"custom_properties":{}})";

TEST(TableDescriptor, WritesMembersInTheOrderOfTheReference) {
  const auto table = ParseTableDescriptor(
      R"({"custom_properties":{"k":true},"properties":{"table.replication.factor":3},"zzz":[1],
          "bucket_count":"4","bucket_key":["a"],"partition_key":[],"comment":"c\u00e9/",
          "schema":{"columns":[{"data_type":{"type":"INTEGER"},"name":"a","comment":null}]}})");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(ToJsonText(*table),
            R"({"version":1,"schema":{"version":1,"columns":[{"name":"a","data_type":)"
            R"({"type":"INTEGER"},"id":0}],"highest_field_id":0},"comment":"cé/",)"
            R"("partition_key":[],"bucket_key":["a"],"bucket_count":4,)"
            R"("properties":{"table.replication.factor":"3"},"custom_properties":{"k":"true"}})");
}

TEST(TableDescriptor, LeavesOutWhatIsNotThere) {
  const auto table = ParseTableDescriptor(kLogTable);
  ASSERT_TRUE(table);
  EXPECT_EQ(ToJsonText(*table), kLogTable);
  EXPECT_FALSE(table->has_distribution);
  EXPECT_EQ(table->comment, std::nullopt);
}

TEST(TableDescriptor, WhatIsWrittenReadsTheSame) {
  for (const auto& item : LoadVectors("metadata/table-descriptor-valid.json")["cases"]) {
    const auto table = ParseTableDescriptor(item["table_json"].get<std::string>());
    ASSERT_TRUE(table) << item["description"] << table.error().message;
    const auto again = ParseTableDescriptor(ToJsonText(*table));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *table) << item["description"];
    // A stored descriptor is normal already: nothing changes, whatever its keys.
    const auto& stored_json = item["decision"]["stored_descriptor"];
    const auto stored = ParseTableDescriptor(stored_json.dump());
    ASSERT_TRUE(stored);
    EXPECT_EQ(nlohmann::json::parse(ToJsonText(*stored)), nlohmann::json(stored_json));
  }
}

TEST(TableDescriptor, ErrorsNameTheMember) {
  EXPECT_EQ(ProblemOf("null"), "Table descriptor must be a JSON object.");
  EXPECT_EQ(ProblemOf("{}"), "Table descriptor: the member 'schema' is missing.");
  EXPECT_EQ(ProblemOf(R"({"schema":{"columns":[]},"partition_key":[],"bucket_count":1})"),
            "Table descriptor: the member 'bucket_key' is missing.");
  EXPECT_EQ(ProblemOf(R"({"schema":{"columns":[]},"partition_key":[[]]})"),
            "Table descriptor: the member 'partition_key' must be an array of texts.");
  EXPECT_EQ(ProblemOf(R"({"schema":{"columns":[]},"partition_key":[],"properties":{"a":{}}})"),
            "Table descriptor: the member 'properties.a' must be a text.");
}

// A table of the INTEGER columns a, b, c; `members` are further ones.
std::string TableOfThree(std::string_view primary_key, std::string_view members) {
  std::string columns;
  for (const char* name : {"a", "b", "c"}) {
    columns += fmt::format(R"({}{{"name":"{}","data_type":{{"type":"INTEGER"}}}})",
                           columns.empty() ? "" : ",", name);
  }
  return fmt::format(
      R"({{"schema":{{"columns":[{}]{}}},{},"properties":{{}},"custom_properties":{{}}}})", columns,
      primary_key.empty() ? "" : fmt::format(R"(,"primary_key":{})", primary_key), members);
}

TEST(TableDescriptor, BucketKeysOfAKvTableAreThePrimaryKeyWithoutPartitionKeys) {
  for (const char* distribution :
       {"", R"(,"bucket_key":[])", R"(,"bucket_key":[],"bucket_count":3)"}) {
    const auto table = ParseTableDescriptor(
        TableOfThree(R"(["c","b","a"])", fmt::format(R"("partition_key":["b"]{})", distribution)));
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->bucket_keys, (std::vector<std::string>{"c", "a"})) << distribution;
    EXPECT_TRUE(table->has_distribution);
  }
}

TEST(TableDescriptor, BucketKeysThatAreGivenStay) {
  const auto kv = ParseTableDescriptor(
      TableOfThree(R"(["c","b","a"])", R"("partition_key":["b"],"bucket_key":["a"])"));
  ASSERT_TRUE(kv) << kv.error().message;
  EXPECT_EQ(kv->bucket_keys, std::vector<std::string>{"a"});
  const auto log = ParseTableDescriptor(TableOfThree("", R"("partition_key":[],"bucket_key":[])"));
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_TRUE(log->bucket_keys.empty());
  EXPECT_TRUE(log->has_distribution);
}

TEST(TableDescriptor, KeysMustFitTogether) {
  const auto problem = [](std::string_view primary_key, std::string_view members) {
    return ProblemOf(TableOfThree(primary_key, members));
  };
  EXPECT_EQ(problem("", R"("partition_key":["a"],"bucket_key":["a","b"])"),
            "Bucket key [a, b] shouldn't include any column in partition keys [a].");
  EXPECT_EQ(problem(R"(["a","b"])", R"("partition_key":["a","b"])"),
            "Primary Key constraint [a, b] should not be same with partition fields [a, b].");
  EXPECT_EQ(problem(R"(["a"])", R"("partition_key":[],"bucket_key":["b"])"),
            "Bucket keys must be a subset of primary keys excluding partition keys for primary-key "
            "tables. The primary keys are [a], the partition keys are [], but the user-defined "
            "bucket keys are [b].");
  EXPECT_EQ(problem(R"(["a"])", R"("partition_key":["b"])"),
            "Partitioned Primary Key Table requires partition key [b] is a subset of the primary "
            "key [a].");
  EXPECT_EQ(problem("", R"("partition_key":["z"])"),
            "Partition key 'z' does not exist in the schema.");
  EXPECT_EQ(problem("", R"("partition_key":[],"bucket_key":["z"])"),
            "Bucket key 'z' does not exist in the schema.");
}

TEST(TableDescriptor, RefusesKeysNamedTwice) {
  std::string text(kLogTable);
  text.replace(text.find(R"("partition_key":[])"), 18, R"("partition_key":["a","a"])");
  EXPECT_EQ(ProblemOf(text), "Partition key [a, a] must not name a column twice.");
}

// The parser must survive any bytes; what it accepts must be writable and readable again.
TEST(TableDescriptor, SurvivesDamagedDocuments) {
  std::mt19937 random(20240607);
  size_t accepted = 0;
  size_t refused = 0;
  for (const char* file : {"valid", "invalid"}) {
    const auto vectors = LoadVectors(fmt::format("metadata/table-descriptor-{}.json", file));
    for (const auto& item : vectors["cases"]) {
      const std::string whole = item["table_json"];
      for (int round = 0; round < 100 && !whole.empty(); ++round) {
        std::string text = whole;
        for (unsigned flips = random() % 4; flips > 0; --flips) {
          text[random() % text.size()] ^= static_cast<char>(1U << (random() % 8));
        }
        if (random() % 4 == 0) text.resize(random() % text.size());
        const auto table = ParseTableDescriptor(text);
        table ? ++accepted : ++refused;
        if (!table) continue;
        const auto again = ParseTableDescriptor(ToJsonText(*table));
        ASSERT_TRUE(again) << text << again.error().message;
        ASSERT_EQ(*again, *table) << text;
      }
    }
  }
  EXPECT_GT(accepted, 100U);
  EXPECT_GT(refused, 100U);
}

TEST(DatabaseDescriptor, RoundTrips) {
  constexpr std::string_view kFull =
      R"({"version":1,"comment":"c","custom_properties":{"a":"1","b":""}})";
  const auto full = ParseDatabaseDescriptor(kFull);
  ASSERT_TRUE(full);
  EXPECT_EQ(ToJsonText(*full), kFull);
  EXPECT_EQ(ToJsonText(DatabaseDescriptor{}), R"({"version":1,"custom_properties":{}})");
}

TEST(DatabaseDescriptor, ErrorsAreAboutTheDatabase) {
  const auto missing = ParseDatabaseDescriptor("{}");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(),
            (Error{ErrorCode::kInvalidDatabase,
                   "Database descriptor: the member 'custom_properties' is missing."}));
  const auto malformed = ParseDatabaseDescriptor("{");
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code, ErrorCode::kInvalidDatabase);
}

}  // namespace
}  // namespace strom::format
