#include "metadata/table_validation.h"

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"
#include "base/value_syntax.h"

namespace strom::metadata {
namespace {

using nlohmann::json;

ClusterSettings ClusterOf(const nlohmann::ordered_json& config) {
  ClusterSettings cluster;
  for (const auto& [key, value] : config.items()) {
    const std::string text = value;
    if (key == "datalake.format") {
      cluster.datalake_format = ParseLakeFormat(text);
    } else if (key == "datalake.enabled") {
      cluster.datalake_enabled = ParseBool(text);
    } else if (key == "max.bucket.num") {
      cluster.max_bucket_num = *ParseInt32(text);
    } else {
      ADD_FAILURE() << "unknown cluster option " << key;
    }
  }
  return cluster;
}

Result<format::TableDescriptor> Prepare(const nlohmann::ordered_json& item) {
  return PrepareTable({item["database"], item["table"]}, item["table_json"].get<std::string>(),
                      ClusterOf(item["cluster_config"]), item["live_tablet_servers"].get<int>());
}

TEST(TableDescriptorVectors, AcceptedTablesAreStoredWithTheServersDefaults) {
  VectorReport report("metadata/table-descriptor-valid.json");
  for (const auto& item : LoadVectors("metadata/table-descriptor-valid.json")["cases"]) {
    const std::string name = item["description"];
    const auto table = Prepare(item);
    ASSERT_TRUE(table) << name << ": " << table.error().message;
    EXPECT_EQ(json::parse(ToJsonText(*table)), json(item["decision"]["stored_descriptor"])) << name;
    report.CaseDone(name);
  }
}

// Untyped errors of the reference (-1) have a code of their own here (spec 06, 1).
ErrorCode CodeOf(const nlohmann::ordered_json& decision) {
  const int code = decision["code"].get<int>();
  if (code != -1) return static_cast<ErrorCode>(code);
  return decision["message"].get<std::string>().starts_with("Number of buckets")
             ? ErrorCode::kInvalidTable
             : ErrorCode::kInvalidConfig;
}

TEST(TableDescriptorVectors, RefusalsHaveTheCodeAndTextOfTheReference) {
  VectorReport report("metadata/table-descriptor-invalid.json");
  for (const auto& item : LoadVectors("metadata/table-descriptor-invalid.json")["cases"]) {
    const std::string name = item["description"];
    const auto& decision = item["decision"];
    const auto table = Prepare(item);
    ASSERT_FALSE(table) << name;
    EXPECT_EQ(table.error().code, CodeOf(decision)) << name;
    const std::string expected = decision["message"];
    const std::string& message = table.error().message;
    if (!decision.value("message_is_incidental", false)) {
      EXPECT_EQ(message, expected) << name;
    } else if (expected.starts_with("Failed to parse")) {
      EXPECT_TRUE(message.starts_with("Failed to parse table descriptor: ")) << message;
    } else if (item["table_json"] != "null") {
      EXPECT_TRUE(message.find(" is missing.") != std::string::npos ||
                  message == "Unknown data type 'VARCHAR'.")
          << name << ": " << message;
    }
    report.CaseDone(name);
  }
}

// What AlterTable does with them is decided elsewhere; the tables it starts from are ours.
TEST(AlterTableVectors, TheTablesToAlterAreReadAndWrittenUnchanged) {
  VectorReport report("metadata/alter-table.json");
  for (const auto& item : LoadVectors("metadata/alter-table.json")["cases"]) {
    const std::string name = item["description"];
    const auto table = format::ParseTableDescriptor(item["table"].dump());
    ASSERT_TRUE(table) << name << ": " << table.error().message;
    EXPECT_EQ(json::parse(ToJsonText(*table)), json(item["table"])) << name;
    EXPECT_TRUE(ValidateTable(*table, ClusterOf(item["cluster_config"]))) << name;
    report.Later(name);
  }
}

// Nothing may crash, and what was prepared once is left alone by preparing it again.
TEST(PrepareTable, SurvivesDamagedDescriptors) {
  std::mt19937 random(7);
  size_t accepted = 0;
  size_t refused = 0;
  for (const auto& item : LoadVectors("metadata/table-descriptor-valid.json")["cases"]) {
    for (int round = 0; round < 200; ++round) {
      std::string text = item["table_json"];
      for (unsigned flips = random() % 3; flips > 0; --flips) {
        text[random() % text.size()] ^= static_cast<char>(1U << (random() % 7));
      }
      const ClusterSettings cluster = ClusterOf(item["cluster_config"]);
      const auto table = PrepareTable({"db", "t"}, text, cluster, 3);
      table ? ++accepted : ++refused;
      if (!table) continue;
      const auto again = PrepareTable({"db", "t"}, ToJsonText(*table), cluster, 3);
      ASSERT_TRUE(again) << text << again.error().message;
      ASSERT_EQ(*again, *table) << text;
    }
  }
  EXPECT_GT(accepted, 100U);
  EXPECT_GT(refused, 100U);
}

constexpr std::string_view kColumns =
    R"("schema":{"columns":[{"name":"a","data_type":{"type":"INTEGER"}}],)"
    R"("primary_key":["a"]},"partition_key":[],"custom_properties":{})";

constexpr std::string_view kLogTable =
    R"({"schema":{"columns":[]},"partition_key":[],"properties":{},"custom_properties":{}})";

Result<format::TableDescriptor> PrepareKvTable(const json& properties,
                                               const ClusterSettings& cluster = {}) {
  const std::string text = fmt::format(R"({{{},"properties":{}}})", kColumns, properties.dump());
  return PrepareTable({"db", "t"}, text, cluster, 1);
}

TEST(PrepareTable, KindsCanBeDisallowed) {
  const auto kv = PrepareKvTable(json::object(), {.allow_create_kv_tables = false});
  ASSERT_FALSE(kv);
  EXPECT_EQ(kv.error(), (Error{ErrorCode::kInvalidTable,
                               "Creation of Primary Key Tables is disallowed in the cluster."}));
  EXPECT_TRUE(PrepareKvTable(json::object(), {.allow_create_log_tables = false}));
  const auto log = PrepareTable({"db", "t"}, kLogTable, {.allow_create_log_tables = false}, 1);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().message, "Creation of Log Tables is disallowed in the cluster.");
}

TEST(PrepareTable, ClusterDefaultsApply) {
  const auto table =
      PrepareKvTable(json::object(), {.default_bucket_number = 7, .default_replication_factor = 1});
  ASSERT_TRUE(table);
  EXPECT_EQ(table->bucket_count, 7);
  EXPECT_EQ(table->properties.at("table.replication.factor"), "1");
  const auto too_many = PrepareKvTable(json::object(), {.default_replication_factor = 2});
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, ErrorCode::kInvalidReplicationFactor);
}

TEST(PrepareTable, DefaultsDependOnTheKindOfTable) {
  using Properties = format::Properties;
  const auto kv = PrepareKvTable(json::object());
  ASSERT_TRUE(kv);
  EXPECT_EQ(kv->properties, (Properties{{"table.replication.factor", "1"},
                                        {"table.kv.format-version", "2"},
                                        {"table.kv.standby-replica.enabled", "true"}}));
  EXPECT_EQ(kv->bucket_keys, std::vector<std::string>{"a"});
  const auto log = PrepareTable({"db", "t"}, kLogTable, {}, 1);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->properties, (Properties{{"table.replication.factor", "1"}}));
  EXPECT_TRUE(log->has_distribution);
  EXPECT_TRUE(log->bucket_keys.empty());
}

TEST(PrepareTable, GivenValuesAreKeptAsTheyAre) {
  const json given = {{"table.replication.factor", "+1"},
                      {"table.log.ttl", " 7 d"},
                      {"table.kv.format-version", "1"},
                      {"table.kv.format", "compacted"},
                      {"table.merge-engine", "First_Row"},
                      {"table.delete.behavior", "Disable"},
                      {"table.kv.standby-replica.enabled", "False"}};
  const auto table = PrepareKvTable(given);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(json(table->properties), given);
}

TEST(PrepareTable, EveryMergeEngineIgnoresDeletionsByDefault) {
  for (const char* engine : {"first_row", "versioned", "aggregation"}) {
    const auto table = PrepareKvTable(
        {{"table.merge-engine", engine}, {"table.merge-engine.versioned.ver-column", "a"}});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->properties.at("table.delete.behavior"), "IGNORE") << engine;
  }
}

TEST(PrepareTable, TheLakesFormatIsAddedEvenWhileItIsSwitchedOff) {
  const ClusterSettings off{.datalake_format = LakeFormat::kIceberg, .datalake_enabled = false};
  const auto table = PrepareKvTable(json::object(), off);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->properties.at("table.datalake.format"), "iceberg");
  const auto enabled = PrepareKvTable({{"table.datalake.enabled", "true"}}, off);
  ASSERT_FALSE(enabled);
  EXPECT_EQ(enabled.error().code, ErrorCode::kInvalidTable);
}

// Steps 1, 3 to 7 of spec 06, 5: each text breaks all that come after it, too.
TEST(PrepareTable, TheFirstFailingStepIsReported) {
  const std::string bad = fmt::format(R"({{{},"properties":{{{}}},"bucket_count":9999,)"
                                      R"("bucket_key":["a"]}})",
                                      kColumns, R"("table.kv.format-version":"3","x":"y")");
  ClusterSettings cluster{.allow_create_kv_tables = false};
  const auto reported = [&](const TablePath& path, std::string_view text) {
    const auto table = PrepareTable(path, text, cluster, 0);
    return table ? std::string("none") : table.error().message;
  };
  EXPECT_TRUE(reported({".", "."}, "{").starts_with("Database name . is invalid: "));
  EXPECT_TRUE(reported({"db", "."}, "{").starts_with("Table name . is invalid: "));
  EXPECT_TRUE(reported({"db", "t"}, "{").starts_with("Failed to parse table descriptor: "));
  EXPECT_EQ(reported({"db", "t"}, bad),
            "Creation of Primary Key Tables is disallowed in the cluster.");
  cluster.allow_create_kv_tables = true;
  EXPECT_EQ(reported({"db", "t"}, bad),
            "Unsupported kv format version 3. The maximum supported version is 2.");
  std::string valid_version = bad;
  valid_version.replace(valid_version.find("\"3\""), 3, "\"2\"");
  EXPECT_TRUE(
      reported({"db", "t"}, valid_version).starts_with("'x' is not a Fluss table property"));
  const std::string valid = fmt::format(R"({{{},"properties":{{}}}})", kColumns);
  EXPECT_EQ(reported({"db", "t"}, valid),
            "Replication factor: 1 larger than available tablet servers: 0.");
}

TEST(PrepareTable, PartitionedTablesNeedNoServerYet) {
  const auto table = PrepareTable({"db", "t"},
                                  R"({"schema":{"columns":[{"name":"a","data_type":)"
                                  R"({"type":"STRING"}}]},"partition_key":["a"],"properties":{},)"
                                  R"("custom_properties":{}})",
                                  {}, 0);
  EXPECT_TRUE(table) << table.error().message;
}

TEST(PrepareTable, KvFormatVersionHasALowerBoundToo) {
  const auto table = PrepareKvTable({{"table.kv.format-version", "0"}});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error(),
            (Error{ErrorCode::kInvalidConfig,
                   "Unsupported kv format version 0. The minimum supported version is 1."}));
}

TEST(PrepareTable, ValuesThatDefaultingReadsFailWithTheirOwnText) {
  for (const char* key :
       {"table.merge-engine", "table.delete.behavior", "table.kv.format-version"}) {
    const auto table = PrepareKvTable({{key, "x"}});
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error(), (Error{ErrorCode::kInvalidConfig,
                                    fmt::format("Could not parse value 'x' for key '{}'.", key)}));
  }
}

TEST(PrepareTable, LongErrorTextsAreCutBetweenCharacters) {
  std::string key = "x";
  for (int i = 0; i < 2000; ++i)
    key += "é";
  const auto table = PrepareKvTable({{key, "1"}});
  ASSERT_FALSE(table);
  EXPECT_LE(table.error().message.size(), kMaxErrorMessageBytes);
  EXPECT_TRUE(table.error().message.starts_with("'xé"));
  EXPECT_TRUE(table.error().message.ends_with("é..."));
}

}  // namespace
}  // namespace strom::metadata
