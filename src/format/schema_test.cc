#include "format/schema.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"

namespace strom::format {
namespace {

TEST(SchemaVectors, DocumentsRoundTripByteForByte) {
  VectorReport report("kv/schema-json.json");
  const auto vectors = LoadVectors("kv/schema-json.json");
  for (const char* name : {"all_types", "aggregation", "simple", "after_add_column"}) {
    const std::string text = vectors.at(name);
    const auto schema = ParseSchemaText(text);
    ASSERT_TRUE(schema) << name << ": " << schema.error().message;
    EXPECT_EQ(ToJsonText(*schema), text) << name;
    const auto again = ParseSchemaText(ToJsonText(*schema));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *schema);
    report.CaseDone(name);
  }
}

TEST(Schema, KeepsWhatTheDocumentSays) {
  const auto schema =
      ParseSchemaText(LoadVectors("kv/schema-json.json").at("aggregation").get<std::string>());
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->IndexOf("tags"), 2U);
  EXPECT_EQ(schema->IndexOf("Tags"), std::nullopt);
  ASSERT_TRUE(schema->columns[2].agg_function);
  EXPECT_EQ(*schema->columns[2].agg_function, (AggFunction{"listagg", {{"delimiter", ";"}}}));
  EXPECT_FALSE(schema->columns[0].type.nullable);
  EXPECT_EQ(schema->highest_field_id, 2);
}

std::string ProblemOf(std::string_view json) {
  const auto schema = ParseSchemaText(json);
  return schema ? "" : schema.error().message;
}

TEST(Schema, ErrorsNameTheMember) {
  EXPECT_EQ(ProblemOf("{}"), "Schema: the member 'columns' is missing.");
  EXPECT_EQ(ProblemOf(R"({"columns":3})"), "Schema: the member 'columns' must be an array.");
  EXPECT_EQ(ProblemOf(R"({"columns":[{"data_type":{"type":"DATE"}}]})"),
            "Column: the member 'name' is missing.");
  EXPECT_EQ(ProblemOf(R"({"columns":[{"name":"a"}]})"),
            "Column 'a': the member 'data_type' is missing.");
  EXPECT_EQ(ProblemOf(R"({"columns":[{"name":"a","data_type":{"type":"DATE"},"id":-2}]})"),
            "Column 'a': the id -2 is negative.");
  EXPECT_EQ(ProblemOf(R"({"columns":[],"highest_field_id":1e3})"),
            "Schema: the member 'highest_field_id' must be a whole number of 32 bits.");
  EXPECT_EQ(ProblemOf("[1"), "Failed to parse schema: not well-formed JSON in UTF-8 at byte 3.");
}

TEST(Schema, EmptySchemaHasNoHighestId) {
  const auto schema = ParseSchemaText(R"({"columns":[]})");
  ASSERT_TRUE(schema);
  EXPECT_EQ(ToJsonText(*schema), R"({"version":1,"columns":[],"highest_field_id":-1})");
}

TEST(Schema, WithoutHighestIdItIsTheLargestNestedOne) {
  const auto schema = ParseSchemaText(
      R"({"columns":[{"name":"a","id":0,"data_type":{"type":"ARRAY","element_type":{"type":"ROW",
          "fields":[{"name":"x","field_type":{"type":"DATE"},"field_id":9}]}}}]})");
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->highest_field_id, 9);
}

TEST(Schema, NumberOfFieldsIsBounded) {
  std::string columns;
  for (size_t i = 0; i <= kMaxSchemaFields; ++i) {
    columns += fmt::format(R"({}{{"name":"c{}","data_type":{{"type":"DATE"}}}})", i ? "," : "", i);
  }
  EXPECT_EQ(ProblemOf(R"({"columns":[)" + columns + "]}"),
            "The schema has 16385 columns and nested fields, at most 16384 are allowed.");
}

}  // namespace
}  // namespace strom::format
