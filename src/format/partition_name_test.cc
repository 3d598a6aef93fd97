#include "format/partition_name.h"

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

TEST(PartitionNamesVectors, ValuesAndNamesAreThoseOfTheJavaClient) {
  VectorReport report("kv/partition-names.json");
  const auto document = vectors::Load("kv/partition-names.json");
  size_t cases = 0;
  for (const Json& test : document["values"]) {
    const DataType type = ParseDataType(test["type"]).value();
    const auto value = PartitionValue(type, vectors::FromKv(test["value"], type));
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(*value, test["partition_value"].get<std::string>());
    report.CaseDone(test.dump());
    ++cases;
  }
  for (const Json& test : document["names"]) {
    const auto values = test["values"].get<std::vector<std::string>>();
    EXPECT_EQ(PartitionName(values), test["partition_name"].get<std::string>());
    if (test.contains("display_name")) {
      EXPECT_EQ(QualifiedPartitionName(test["keys"].get<std::vector<std::string>>(), values),
                test["display_name"].get<std::string>());
    }
    report.CaseDone(test.dump());
    ++cases;
  }
  EXPECT_EQ(cases, 38U);
}

TEST(PartitionValue, NullsOtherKindsAndOtherTypesNameNoPartition) {
  for (const auto& [type, value] :
       {std::pair{"STRING", Value::Null()}, std::pair{"BYTES", Value::Null()},
        std::pair{"INT", Value::Text("1")}, std::pair{"TIME(3)", Value::Int(-1)},
        std::pair{"DECIMAL(5, 2)", Value::Decimal(1)}, std::pair{"ARRAY<INT>", Value::List({})}}) {
    const auto text = PartitionValue(ParseTypeText(type).value(), value);
    ASSERT_FALSE(text) << type;
    EXPECT_EQ(text.error().code, ErrorCode::kPartitionSpecInvalid);
  }
}

}  // namespace
}  // namespace strom::format
