#include "metadata/names.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"

namespace strom::metadata {
namespace {

TEST(NamesVectors, EveryRuleHasTheCodeAndTextOfTheReference) {
  VectorReport report("metadata/names.json");
  const std::pair<const char*, Status (*)(std::string_view)> kRules[] = {
      {"database", CheckDatabaseName},
      {"table", CheckTableName},
      {"partition_value_create", CheckNewPartitionValue},
      {"partition_value_drop", CheckExistingPartitionValue},
      {"producer_id", CheckProducerId},
  };
  for (const auto& item : LoadVectors("metadata/names.json")["cases"]) {
    const std::string name = item["name"];
    for (const auto& [rule, check] : kRules) {
      const Status status = check(name);
      const auto& expected = item.at(rule);
      ASSERT_EQ(status.has_value(), expected.is_null()) << rule << " of " << name;
      if (status) continue;
      EXPECT_EQ(static_cast<int>(status.error().code), expected["code"].get<int>());
      EXPECT_EQ(status.error().message, expected["message"].get<std::string>());
    }
    report.CaseDone(name);
  }
}

TEST(PartitionNamesVectors, ValuesAreCheckedAsTheReferenceDoes) {
  VectorReport report("kv/partition-names.json");
  const auto vectors = LoadVectors("kv/partition-names.json");
  for (const auto& item : vectors["validation"]) {
    const std::string value = item["value"];
    EXPECT_EQ(ProblemOfName(value).has_value(), item["name_error"].get<bool>()) << value;
    EXPECT_EQ(ProblemOfPrefix(value).has_value(), item["prefix_error"].get<bool>()) << value;
    report.CaseDone(value);
  }
  for (const auto& item : vectors["values"]) {
    const std::string value = item["partition_value"];
    EXPECT_EQ(CheckNewPartitionValue(value).has_value(), item["valid_name"].get<bool>()) << value;
  }
}

TEST(Names, TheLongestNameHas200Bytes) {
  const std::string longest(kMaxNameLength, 'n');
  EXPECT_TRUE(CheckDatabaseName(longest));
  EXPECT_FALSE(CheckDatabaseName(longest + "n"));
}

TEST(Names, ProblemsAreReportedInOrder) {
  // Both too long and of wrong bytes; both of wrong bytes and with the reserved prefix.
  EXPECT_NE(CheckTableName(std::string(201, '.')).error().message.find("is longer than"),
            std::string::npos);
  EXPECT_NE(CheckTableName("__a.b").error().message.find("one or more characters"),
            std::string::npos);
}

TEST(Names, DatabaseIsCheckedBeforeTheTable) {
  EXPECT_EQ(CheckTablePath({"bad db", "bad.name"}).error().code, ErrorCode::kInvalidDatabase);
  EXPECT_EQ(CheckTablePath({"db", "bad.name"}).error().code, ErrorCode::kInvalidTable);
  EXPECT_TRUE(CheckTablePath({"db", "t"}));
}

TEST(Names, LeaseIdsAreNoPaths) {
  EXPECT_TRUE(CheckLeaseId("__lease-1"));
  EXPECT_EQ(CheckLeaseId("../x").error().message,
            "Invalid lease ID '../x': '../x' contains one or more characters other than ASCII "
            "alphanumerics, '_' and '-'");
}

TEST(Names, SystemColumnsAreExact) {
  EXPECT_TRUE(IsSystemColumn("_change_type"));
  EXPECT_FALSE(IsSystemColumn("_CHANGE_TYPE"));
  EXPECT_FALSE(IsSystemColumn("before"));
}

}  // namespace
}  // namespace strom::metadata
