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

std::string ColumnText(std::string_view name, std::string_view more = "") {
  return fmt::format(R"({{"name":"{}","data_type":{{"type":"INTEGER"}}{}}})", name, more);
}

TEST(Schema, IdsAreAllGivenOrAllByPosition) {
  const auto read = [](const std::string& a, const std::string& b) {
    return ParseSchemaText(
        fmt::format(R"({{"columns":[{},{}]}})", ColumnText("a", a), ColumnText("b", b)));
  };
  const auto by_position = read("", "");
  ASSERT_TRUE(by_position);
  EXPECT_EQ(by_position->columns[1].id, 1);
  EXPECT_EQ(by_position->highest_field_id, 1);
  const auto given = read(R"(,"id":"7")", R"(,"id":3)");
  ASSERT_TRUE(given);
  EXPECT_EQ(given->columns[0].id, 7);
  EXPECT_EQ(given->highest_field_id, 7);
  EXPECT_EQ(read(R"(,"id":7)", "").error().message,
            "All columns must have columnId or none of them must have columnId.");
  EXPECT_EQ(read(R"(,"id":7)", R"(,"id":7)").error().message,
            "All field IDs (including nested fields) must be unique. Found 1 unique IDs but "
            "expected 2.");
}

TEST(Schema, OneNestedFieldMayLackAnIdTwoMayNot) {
  const auto problem = [](std::string_view fields) {
    return ProblemOf(fmt::format(
        R"({{"columns":[{{"name":"a","data_type":{{"type":"ROW","fields":[{}]}}}}]}})", fields));
  };
  constexpr std::string_view kX = R"({"name":"x","field_type":{"type":"DATE"}})";
  constexpr std::string_view kY = R"({"name":"y","field_type":{"type":"DATE"}})";
  EXPECT_EQ(problem(kX), "");
  EXPECT_EQ(problem(fmt::format("{},{}", kX, kY)),
            "All field IDs (including nested fields) must be unique. Found 2 unique IDs but "
            "expected 3.");
}

TEST(Schema, KeyColumnsBecomeNotNullAndAutoIncrementColumnsStayNullable) {
  const auto schema = ParseSchemaText(
      fmt::format(R"({{"columns":[{},{}],"primary_key":["a"],"auto_increment_column":["b"]}})",
                  ColumnText("a"), ColumnText("b")));
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_FALSE(schema->columns[0].type.nullable);
  EXPECT_TRUE(schema->columns[1].type.nullable);
  EXPECT_EQ(schema->auto_increment_columns, std::vector<std::string>{"b"});
}

TEST(Schema, AggFunctionsAreMatchedLooselyAndUnknownOnesDropped) {
  const auto function = [](std::string_view type) {
    const auto schema = ParseSchemaText(
        fmt::format(R"({{"columns":[{}]}})",
                    ColumnText("a", fmt::format(R"(,"agg_function":{{"type":"{}"}})", type))));
    return schema->columns[0].agg_function;
  };
  EXPECT_EQ(function("Last-Value_IGNORE-nulls"), (AggFunction{"last_value_ignore_nulls", {}}));
  EXPECT_EQ(function("median"), std::nullopt);
}

// A document within the limits costs time in proportion to its size.
TEST(Schema, ManyParametersAreWrittenAsTheyWereRead) {
  std::string parameters;
  for (int i = 0; i < 100000; ++i)
    parameters += fmt::format(R"({}"p{}":"")", i ? "," : "", i);
  const auto schema = ParseSchemaText(fmt::format(
      R"({{"columns":[{}]}})",
      ColumnText("a", fmt::format(R"(,"agg_function":{{"type":"sum","parameters":{{{}}}}})",
                                  parameters))));
  ASSERT_TRUE(schema) << schema.error().message;
  const auto again = ParseSchemaText(ToJsonText(*schema));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *schema);
  EXPECT_EQ(again->columns[0].agg_function->parameters.size(), 100000U);
}

TEST(Schema, ColumnsMayHaveAnyNameOnce) {
  const auto problem = [](std::string_view a, std::string_view b) {
    return ProblemOf(fmt::format(R"({{"columns":[{},{}]}})", ColumnText(a), ColumnText(b)));
  };
  EXPECT_EQ(problem("", "$ ./"), "");
  EXPECT_EQ(problem("a", "A"), "");
  EXPECT_EQ(problem("a", "a"), "Table column [a, a] must not contain duplicate fields. Found: [a]");
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
