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
