#include "metadata/table_options.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"

namespace strom::metadata {
namespace {

std::string_view NameOf(OptionType type) {
  switch (type) {
    case OptionType::kBool:
      return "bool";
    case OptionType::kInt:
      return "int";
    case OptionType::kLong:
      return "long";
    case OptionType::kText:
      return "string";
    case OptionType::kDuration:
      return "duration";
    case OptionType::kEnum:
      return "enum";
  }
  return "";
}

// The options of servers are checked in base/config_test.cc; Strom has no client yet.
TEST(ConfigOptionsVectors, TableOptionsAreThoseOfTheReference) {
  VectorReport report("metadata/config-options.json");
  std::set<std::string> expected;
  int client_options = 0;
  for (const auto& item : LoadVectors("metadata/config-options.json")["options"]) {
    const std::string key = item["key"];
    if (item["scope"] != "table") {
      client_options += item["scope"] == "client" ? 1 : 0;
      continue;
    }
    expected.insert(key);
    const TableOption* option = FindTableOption(key);
    ASSERT_NE(option, nullptr) << key;
    EXPECT_EQ(NameOf(option->type), item["type"].get<std::string>()) << key;
    EXPECT_EQ(option->alterable, item["alterable"].get<bool>()) << key;
    EXPECT_EQ(option->since == "0.9.1", item["in_0.9.1"].get<bool>()) << key;
    std::vector<std::string> values(option->values.begin(), option->values.end());
    EXPECT_EQ(values, item.value("values", std::vector<std::string>())) << key;
    // The reference's default zone is the server's, which is no text of ours.
    const bool has_default = !item["default"].is_null() && key != "table.auto-partition.time-zone";
    ASSERT_EQ(option->default_text.has_value(), has_default) << key;
    if (has_default) EXPECT_EQ(*option->default_text, item["default"].get<std::string>()) << key;
    EXPECT_FALSE(option->doc.empty());
    report.CaseDone(key);
  }
  EXPECT_EQ(TableOptions().size(), expected.size());
  report.Later(fmt::format("the {} options of clients", client_options));
}

TEST(TableSettings, DefaultsAreThoseOfTheTable) {
  const auto settings = ParseTableSettings({});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->log_format, format::LogFormat::kArrow);
  EXPECT_EQ(settings->arrow_compression, ArrowCompression::kZstd);
  EXPECT_EQ(settings->arrow_zstd_level, 3);
  EXPECT_EQ(settings->log_ttl, std::chrono::days(7));
  EXPECT_EQ(settings->local_ttl(), std::chrono::days(7));
  EXPECT_EQ(settings->tiered_log_local_segments, 2);
  EXPECT_EQ(settings->auto_partition_unit, AutoPartitionUnit::kDay);
  EXPECT_EQ(settings->auto_partition_num_retention, 7);
  EXPECT_EQ(settings->lake_freshness, std::chrono::minutes(3));
  EXPECT_EQ(settings->auto_increment_cache_size, 100000);
  EXPECT_EQ(settings->delete_behavior, DeleteBehavior::kAllow);
  EXPECT_EQ(settings->replication_factor, std::nullopt);
  EXPECT_EQ(settings->merge_engine, std::nullopt);
}

TEST(TableSettings, ReadsTheUsersSpelling) {
  const auto settings = ParseTableSettings({{"table.log.format", "indexed"},
                                            {"table.log.ttl", "0 ms"},
                                            {"table.log.local-ttl", "36 Hours"},
                                            {"table.merge-engine", "first_row"},
                                            {"table.datalake.format", "ICEBERG"},
                                            {"table.kv.standby-replica.enabled", "FALSE"},
                                            {"table.from.the.future", "?"}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->log_format, format::LogFormat::kIndexed);
  EXPECT_EQ(settings->log_ttl, std::chrono::milliseconds(0));
  EXPECT_EQ(settings->local_ttl(), std::chrono::hours(36));
  EXPECT_EQ(settings->merge_engine, MergeEngine::kFirstRow);
  EXPECT_EQ(settings->lake_format, LakeFormat::kIceberg);
  EXPECT_EQ(settings->kv_standby_replica_enabled, false);
}

TEST(TableSettings, BadValuesNameKeyAndValue) {
  const auto settings = ParseTableSettings({{"table.log.ttl", "100"}});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error(),
            (Error{ErrorCode::kInvalidConfig,
                   "Invalid value for config 'table.log.ttl'. Reason: Could not parse value '100' "
                   "for key 'table.log.ttl'."}));
}

}  // namespace
}  // namespace strom::metadata
