#include "metadata/table_rules.h"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "format/type_text.h"

namespace strom::metadata {
namespace {

using format::Column;
using format::Properties;
using format::TableDescriptor;

// One type of every root.
constexpr std::string_view kTypes[] = {"BOOLEAN",      "TINYINT",          "SMALLINT",
                                       "INT",          "BIGINT",           "FLOAT",
                                       "DOUBLE",       "CHAR(3)",          "STRING",
                                       "BYTES",        "BINARY(3)",        "DECIMAL(10, 2)",
                                       "DATE",         "TIME(3)",          "ARRAY<INT>",
                                       "TIMESTAMP(6)", "TIMESTAMP_LTZ(6)", "MAP<INT NOT NULL, INT>",
                                       "ROW<`x` INT>"};

// Columns "k" (INT), the primary key or a plain column, and "c" of the type.
TableDescriptor TableWith(std::string_view type, bool primary_key, Properties properties = {}) {
  TableDescriptor table;
  table.schema.columns.resize(2);
  table.schema.columns[0] = {.name = "k", .type = *format::ParseTypeText("INT NOT NULL"), .id = 0};
  table.schema.columns[1] = {.name = "c", .type = *format::ParseTypeText(type), .id = 1};
  table.schema.highest_field_id = 1;
  if (primary_key) table.schema.primary_key = {"k"};
  table.bucket_count = 1;
  table.has_distribution = true;
  table.properties = std::move(properties);
  return table;
}

// The types among kTypes that `status_of` has nothing against.
template <class F>
std::set<std::string_view> Accepted(F status_of) {
  std::set<std::string_view> accepted;
  for (const std::string_view type : kTypes) {
    if (status_of(type)) accepted.insert(type);
  }
  return accepted;
}

using Set = std::set<std::string_view>;

const Set kNumbers = {"TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10, 2)"};

Set And(Set a, const Set& b) {
  a.insert(b.begin(), b.end());
  return a;
}

const Set kOrdered =
    And(kNumbers, {"CHAR(3)", "STRING", "DATE", "TIME(3)", "TIMESTAMP(6)", "TIMESTAMP_LTZ(6)"});
const Set kAll(std::begin(kTypes), std::end(kTypes));

Status AggStatus(std::string_view function, std::string_view type,
                 std::vector<std::pair<std::string, std::string>> parameters = {}) {
  Column column{.name = "c", .type = *format::ParseTypeText(type)};
  column.agg_function = format::AggFunction{std::string(function), std::move(parameters)};
  return CheckAggFunction(column);
}

TEST(AggFunctions, SuitTheTypesOfTheReference) {
  const std::pair<std::string_view, Set> kExpected[] = {
      {"sum", kNumbers},
      {"product", kNumbers},
      {"max", kOrdered},
      {"min", kOrdered},
      {"last_value", kAll},
      {"last_value_ignore_nulls", kAll},
      {"first_value", kAll},
      {"first_value_ignore_nulls", kAll},
      {"listagg", {"STRING", "CHAR(3)"}},
      {"string_agg", {"STRING", "CHAR(3)"}},
      {"bool_and", {"BOOLEAN"}},
      {"bool_or", {"BOOLEAN"}},
      {"rbm32", {"BYTES"}},
      {"rbm64", {"BYTES"}},
  };
  for (const auto& [function, types] : kExpected) {
    EXPECT_EQ(Accepted([&](auto type) { return AggStatus(function, type); }), types) << function;
    EXPECT_TRUE(format::NormalizeAggFunction(function)) << function;
  }
}

TEST(AggFunctions, OnlyListsTakeADelimiter) {
  EXPECT_TRUE(AggStatus("listagg", "STRING", {{"delimiter", ";"}}));
  EXPECT_TRUE(AggStatus("string_agg", "CHAR(3)", {{"delimiter", "ab"}}));
  EXPECT_EQ(AggStatus("listagg", "STRING", {{"delimiter", ""}}).error().message,
            "Invalid aggregation function for column 'c': Parameter 'delimiter' for aggregation "
            "function 'listagg' must be a non-empty string");
  EXPECT_EQ(AggStatus("listagg", "STRING", {{"distinct", "true"}}).error().message,
            "Invalid aggregation function for column 'c': Parameter 'distinct' is not supported "
            "for aggregation function 'listagg'. Supported parameters: delimiter");
  EXPECT_EQ(AggStatus("sum", "INT", {{"delimiter", ","}}).error().message,
            "Invalid aggregation function for column 'c': Parameter 'delimiter' is not supported "
            "for aggregation function 'sum'. Supported parameters: none");
}

TEST(TableRules, VersionColumnsAreNumbersOrInstants) {
  const auto status = [](std::string_view type) {
    return ValidateTable(TableWith(type, true,
                                   {{"table.merge-engine", "versioned"},
                                    {"table.merge-engine.versioned.ver-column", "c"},
                                    {"table.delete.behavior", "disable"}}),
                         {});
  };
  EXPECT_EQ(Accepted(status), (Set{"INT", "BIGINT", "TIMESTAMP(6)", "TIMESTAMP_LTZ(6)"}));
}

TEST(TableRules, PartitionKeysAreScalarsWithoutDecimal) {
  const auto status = [](std::string_view type) {
    TableDescriptor table = TableWith(type, false);
    table.partition_keys = {"c"};
    return ValidateTable(table, {});
  };
  Set expected = kAll;
  for (const std::string_view type :
       {"DECIMAL(10, 2)", "ARRAY<INT>", "MAP<INT NOT NULL, INT>", "ROW<`x` INT>"}) {
    expected.erase(type);
  }
  EXPECT_EQ(Accepted(status), expected);
}

TEST(TableRules, KeysAreNotNested) {
  const auto bucket_key = [](std::string_view type) {
    TableDescriptor table = TableWith(type, false);
    table.bucket_keys = {"c"};
    return ValidateTable(table, {});
  };
  const auto primary_key = [](std::string_view type) {
    TableDescriptor table = TableWith(type, true);
    table.schema.primary_key = {"k", "c"};
    table.bucket_keys = {"k"};
    return ValidateTable(table, {});
  };
  Set expected = kAll;
  for (const std::string_view type : {"ARRAY<INT>", "MAP<INT NOT NULL, INT>", "ROW<`x` INT>"})
    expected.erase(type);
  EXPECT_EQ(Accepted(bucket_key), expected);
  EXPECT_EQ(Accepted(primary_key), expected);
}

TEST(TableRules, StatisticsAreOfScalarsWithoutBytes) {
  const auto status = [](std::string_view type) {
    return ValidateTable(TableWith(type, false, {{"table.statistics.columns", " k , c "}}), {});
  };
  EXPECT_EQ(Accepted(status), And(kOrdered, {"BOOLEAN"}));
  EXPECT_TRUE(
      ValidateTable(TableWith("ROW<`x` INT>", false, {{"table.statistics.columns", "*"}}), {}));
}

TEST(TableRules, SystemColumnsAreRefusedTogether) {
  TableDescriptor table = TableWith("INT", false);
  table.schema.columns[0].name = "__offset";
  table.schema.columns[1].name = "_log_offset";
  const Status status = ValidateTable(table, {});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidTable);
  EXPECT_TRUE(status.error().message.starts_with("__offset, _log_offset cannot be used as column"));
}

TEST(TableRules, TheLimitOnBucketsIsTheLastNumberAllowed) {
  TableDescriptor table = TableWith("INT", false);
  table.bucket_count = 8;
  EXPECT_TRUE(ValidateTable(table, {.max_bucket_num = 8}));
  const Status status = ValidateTable(table, {.max_bucket_num = 7});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kBucketMaxNum);
}

TEST(TableRules, RangesIncludeTheirEnds) {
  const auto accepts = [](const char* key, const char* value) {
    return ValidateTable(TableWith("INT", false, {{key, value}}), {}).has_value();
  };
  const char* level = "table.log.arrow.compression.zstd.level";
  EXPECT_FALSE(accepts(level, "0"));
  EXPECT_TRUE(accepts(level, "1"));
  EXPECT_TRUE(accepts(level, "22"));
  EXPECT_FALSE(accepts(level, "23"));
  EXPECT_FALSE(accepts("table.log.tiered.local-segments", "0"));
  EXPECT_TRUE(accepts("table.log.tiered.local-segments", "1"));
  EXPECT_FALSE(accepts("table.replication.factor", "0"));
  EXPECT_TRUE(accepts("table.replication.factor", "1"));
}

TEST(TableRules, LocalTtlIsBoundedByAFiniteTtl) {
  const auto accepts = [](const char* ttl, const char* local_ttl) {
    return ValidateTable(TableWith("INT", false,
                                   {{"table.log.ttl", ttl}, {"table.log.local-ttl", local_ttl}}),
                         {})
        .has_value();
  };
  EXPECT_TRUE(accepts("1 d", "24 h"));
  EXPECT_FALSE(accepts("1 d", "25 h"));
  EXPECT_TRUE(accepts("0 ms", "25 h"));  // kept for ever
  EXPECT_TRUE(accepts("1 d", "0 ms"));
}

// Breaks one rule after another from the last to the first: each time the new one is reported.
TEST(TableRules, TheFirstBrokenRuleIsReported) {
  TableDescriptor table = TableWith("ARRAY<INT>", true);
  ClusterSettings cluster;
  const auto reported = [&] {
    const Status status = ValidateTable(table, cluster);
    return status ? std::string("none") : status.error().message;
  };
  const auto set = [&](const char* key, const char* value) { table.properties[key] = value; };
  const auto expect = [&](std::string_view part) {
    EXPECT_NE(reported().find(part), std::string::npos) << part << " in " << reported();
  };
  ASSERT_EQ(reported(), "none");
  set("table.datalake.enabled", "true");  // rule 18
  set("table.datalake.format", "iceberg");
  cluster.datalake_format = LakeFormat::kPaimon;
  expect("iceberg");
  set("table.statistics.columns", "k");  // 17
  expect("Statistics columns are not supported for primary key tables");
  table.schema.columns[1].name = "__bucket";  // 16
  expect("reserved system columns");
  table.partition_keys = {"k", "__bucket"};
  set("table.auto-partition.enabled", "true");
  table.schema.columns[1].type = *format::ParseTypeText("INT");  // 15
  expect("must set one auto partition key");
  set("table.auto-partition.time-format", "yy");  // 14
  expect("'table.auto-partition.time-format'");
  table.schema.columns[1].type = *format::ParseTypeText("ARRAY<INT>");  // 13
  expect("supported partition key type are");
  table.partition_keys.clear();  // 12
  expect("auto partition is only supported for partitioned table");
  set("table.datalake.historical-partition.enabled", "true");  // 11
  expect("has unmet requirements");
  set("table.log.tiered.local-segments", "0");  // 10
  expect("'table.log.tiered.local-segments' must be greater than 0");
  set("table.merge-engine", "first_row");  // 9
  set("table.delete.behavior", "allow");
  expect("does not support delete operations");
  table.schema.columns[1].agg_function = format::AggFunction{"last_value", {}};  // 8
  expect("Aggregation function is only supported for");
  set("table.log.arrow.compression.zstd.level", "0");  // 7
  expect("Invalid ZSTD compression level");
  set("table.log.format", "indexed");  // 6
  expect("supports ARROW or COMPACTED log format");
  set("table.replication.factor", "0");  // 5
  expect("'table.replication.factor' must be greater than 0");
  table.schema.primary_key = {"k", "__bucket"};  // 4
  expect("Primary key column '__bucket' has unsupported data type");
  table.bucket_keys = {"__bucket"};  // 3
  expect("Bucket key column '__bucket' has unsupported data type");
  table.bucket_count = 4097;  // 2
  expect("Bucket count 4097 exceeds the maximum limit 4096");
  set("table.unknown", "1");  // 1
  expect("'table.unknown' is not a recognized Fluss table property");
}

}  // namespace
}  // namespace strom::metadata
