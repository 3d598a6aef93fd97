#include "kv/table_layout.h"

#include <gtest/gtest.h>

#include "kv/test_tables.h"

namespace strom::kv {
namespace {

using test::Column;
using test::SchemaOf;
using test::Schemas;

ErrorCode CodeOf(const Result<TableLayout>& layout) {
  return layout ? ErrorCode::kNone : layout.error().code;
}

TEST(TableLayout, FindsKeyColumnsInTheOrderOfThePrimaryKey) {
  auto schema =
      SchemaOf({Column("a", "INT NOT NULL"), Column("b", "INT NOT NULL"), Column("v", "STRING")});
  schema.primary_key = {"b", "a"};
  const auto layout = MakeTableLayout(Schemas({schema}), {});
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->key_columns, (std::vector<size_t>{1, 0}));
  EXPECT_TRUE(layout->IsKeyColumn(0));
  EXPECT_FALSE(layout->IsKeyColumn(2));
}

TEST(TableLayout, MatchesColumnsOfOldSchemasById) {
  const auto first = SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING")});
  const auto second =
      SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING"), Column("b", "INT")});
  const auto layout = MakeTableLayout(Schemas({first, second}), {});
  ASSERT_TRUE(layout);
  const SchemaVersion& old = *layout->Find(SchemaId(1));
  EXPECT_TRUE(old.is_prefix);
  EXPECT_EQ(old.position_of, (std::vector<std::optional<size_t>>{0, 1, std::nullopt}));
  EXPECT_TRUE(layout->latest().is_prefix);

  auto moved = second;
  std::swap(moved.columns[1], moved.columns[2]);
  const auto other = MakeTableLayout(Schemas({first, moved}), {});
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->Find(SchemaId(1))->is_prefix);
  EXPECT_EQ(other->Find(SchemaId(1))->position_of,
            (std::vector<std::optional<size_t>>{0, std::nullopt, 1}));
}

TEST(TableLayout, DeletesAreIgnoredByMergeEnginesUnlessSet) {
  const auto schemas = Schemas({SchemaOf({Column("id", "INT NOT NULL"), Column("v", "INT")})});
  EXPECT_EQ(MakeTableLayout(schemas, {})->delete_behavior, DeleteBehavior::kAllow);
  LayoutSettings settings{.merge_engine = MergeEngine::kFirstRow};
  EXPECT_EQ(MakeTableLayout(schemas, settings)->delete_behavior, DeleteBehavior::kIgnore);
  settings.delete_behavior = DeleteBehavior::kDisable;
  EXPECT_EQ(MakeTableLayout(schemas, settings)->delete_behavior, DeleteBehavior::kDisable);
}

TEST(TableLayout, NeedsAVersionColumnOfAnOrderedType) {
  const auto schemas = Schemas(
      {SchemaOf({Column("id", "INT NOT NULL"), Column("v", "BIGINT"), Column("s", "STRING")})});
  LayoutSettings settings{.merge_engine = MergeEngine::kVersioned};
  EXPECT_EQ(CodeOf(MakeTableLayout(schemas, settings)), ErrorCode::kInvalidConfig);
  settings.version_column = "s";
  EXPECT_EQ(CodeOf(MakeTableLayout(schemas, settings)), ErrorCode::kInvalidConfig);
  settings.version_column = "v";
  const auto layout = MakeTableLayout(schemas, settings);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->version_column, 1u);
}

TEST(TableLayout, RefusesSchemasThatDoNotMakeATable) {
  EXPECT_EQ(CodeOf(MakeTableLayout({}, {})), ErrorCode::kInvalidTable);
  auto schema = SchemaOf({Column("id", "INT NOT NULL")});
  schema.primary_key.clear();
  EXPECT_EQ(CodeOf(MakeTableLayout(Schemas({schema}), {})), ErrorCode::kInvalidTable);
  schema.primary_key = {"other"};
  EXPECT_EQ(CodeOf(MakeTableLayout(Schemas({schema}), {})), ErrorCode::kInvalidTable);
  schema.primary_key = {"id"};
  schema.auto_increment_columns = {"other"};
  EXPECT_EQ(CodeOf(MakeTableLayout(Schemas({schema}), {})), ErrorCode::kInvalidTable);
}

TEST(TableLayout, FindsTheAutoIncrementColumn) {
  auto schema = SchemaOf({Column("id", "INT NOT NULL"), Column("n", "BIGINT")});
  schema.auto_increment_columns = {"n"};
  EXPECT_EQ(MakeTableLayout(Schemas({schema}), {})->auto_increment_column, 1u);
}

}  // namespace
}  // namespace strom::kv
