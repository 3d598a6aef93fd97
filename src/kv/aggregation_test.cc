#include "kv/aggregation.h"

#include <gtest/gtest.h>

#include "kv/test_tables.h"

namespace strom::kv {
namespace {

using test::Column;
using test::LayoutOf;
using test::Row;
using test::RowOf;
using test::SchemaOf;
using test::Value;
using test::ValuesOf;

format::Schema CountSchema() {
  return SchemaOf({Column("id", "INT NOT NULL"), Column("n", "BIGINT", "sum"),
                   Column("top", "INT", "max"), Column("note", "STRING")});
}

TableLayout Table(std::vector<format::Schema> schemas, DeleteBehavior deletes) {
  return LayoutOf(schemas, {.merge_engine = MergeEngine::kAggregation, .delete_behavior = deletes});
}

std::unique_ptr<RowMerger> MergerOf(const TableLayout& layout, std::vector<int32_t> targets = {}) {
  auto merger = MakeRowMerger(layout, targets, false);
  if (!merger) throw std::runtime_error(merger.error().message);
  return std::move(*merger);
}

TEST(Aggregation, MergesEachColumnByItsFunction) {
  const TableLayout layout = Table({CountSchema()}, DeleteBehavior::kIgnore);
  const auto merger = MergerOf(layout);
  const auto old = RowOf(layout, {Value::Int(1), Value::Int(10), Value::Int(5), Value::Text("a")});
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Int(3), Value::Int(4), Value::Null()});
  for (int i = 0; i < 2; ++i) {  // buffers are reused
    EXPECT_EQ(ValuesOf(layout, *merger->Upsert(old.view(), incoming.view())),
              (Row{Value::Int(1), Value::Int(13), Value::Int(5), Value::Text("a")}));
  }
}

TEST(Aggregation, TheFirstRowIsStoredUncheckedWithItsOwnSchema) {
  const TableLayout layout = Table({CountSchema()}, DeleteBehavior::kIgnore);
  const Bytes garbage{0xff};
  for (const auto& targets : {std::vector<int32_t>{}, {0, 1}}) {
    const auto outcome = MergerOf(layout, targets)->Upsert(std::nullopt, {SchemaId(1), garbage});
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->kind, MergeKind::kIncoming);
  }
}

TEST(Aggregation, AMergeThatChangesNothingIsAChange) {
  const TableLayout layout = Table({CountSchema()}, DeleteBehavior::kIgnore);
  const auto old = RowOf(layout, {Value::Int(1), Value::Int(10), Value::Int(5), Value::Text("a")});
  const auto nulls = RowOf(layout, {Value::Int(1), Value::Null(), Value::Null(), Value::Null()});
  EXPECT_EQ(MergerOf(layout)->Upsert(old.view(), nulls.view())->row, old.bytes);
  EXPECT_EQ(MergerOf(layout, {0})->Upsert(old.view(), nulls.view())->row, old.bytes);
}

TEST(Aggregation, OfTargetColumnsLeavesTheOthers) {
  const TableLayout layout = Table({CountSchema()}, DeleteBehavior::kAllow);
  const auto old = RowOf(layout, {Value::Int(1), Value::Int(10), Value::Int(5), Value::Text("a")});
  const auto incoming =
      RowOf(layout, {Value::Int(1), Value::Int(3), Value::Int(99), Value::Text("b")});
  EXPECT_EQ(ValuesOf(layout, *MergerOf(layout, {0, 1})->Upsert(old.view(), incoming.view())),
            (Row{Value::Int(1), Value::Int(13), Value::Int(5), Value::Text("a")}));
  // A list of all columns is partial too: it needs nullable columns, and deletes set to null.
  const auto whole = MergerOf(layout, {0, 1, 2, 3});
  EXPECT_EQ(whole->Delete(old.view())->kind, MergeKind::kRemoved);
  const auto part = MergerOf(layout, {0, 1})->Delete(old.view());
  EXPECT_EQ(ValuesOf(layout, *part),
            (Row{Value::Int(1), Value::Null(), Value::Int(5), Value::Text("a")}));
  EXPECT_EQ(MergerOf(layout)->Delete(old.view())->kind, MergeKind::kRemoved);
}

TEST(Aggregation, OfTargetColumnsNeedsNullableColumns) {
  const TableLayout layout =
      Table({SchemaOf({Column("id", "INT NOT NULL"), Column("n", "INT NOT NULL", "sum")})},
            DeleteBehavior::kAllow);
  const std::vector<int32_t> all{0, 1};
  const auto refused = MakeRowMerger(layout, all, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidTargetColumn);
  EXPECT_TRUE(MakeRowMerger(layout, {}, false));
  EXPECT_TRUE(MakeRowMerger(layout, all, true));
}

TEST(Aggregation, FindsColumnsOfOldSchemasById) {
  auto later = CountSchema();
  later.columns.push_back(Column("sum2", "INT", "sum"));
  later.columns.back().id = 4;
  const TableLayout layout = Table({CountSchema(), later}, DeleteBehavior::kIgnore);
  const auto old = RowOf(layout, {Value::Int(1), Value::Int(10), Value::Int(5), Value::Null()}, 1);
  const auto incoming =
      RowOf(layout, {Value::Int(1), Value::Int(1), Value::Int(1), Value::Text("x"), Value::Int(7)});
  const auto merger = MergerOf(layout);
  const Row expected{Value::Int(1), Value::Int(11), Value::Int(5), Value::Text("x"), Value::Int(7)};
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(old.view(), incoming.view())), expected);
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(incoming.view(), old.view())), expected);
}

TEST(Aggregation, ANullThatDoesNotFitItsColumnNamesIt) {
  const TableLayout layout = Table(
      {SchemaOf({Column("id", "INT NOT NULL"), Column("d", "DECIMAL(20, 0) NOT NULL", "sum")})},
      DeleteBehavior::kIgnore);
  const format::Int128 most = format::ParseDecimalText("99999999999999999999", 0).value();
  const auto row = RowOf(layout, {Value::Int(1), Value::Decimal(most)});
  const auto refused = MergerOf(layout)->Upsert(row.view(), row.view());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnknownServerError);
  EXPECT_EQ(refused.error().message,
            "Column 'd' is NOT NULL, but the merged row has no value for it.");
}

TEST(Aggregation, FailsForRowsThatDoNotDecode) {
  const TableLayout layout = Table({CountSchema()}, DeleteBehavior::kAllow);
  const auto merger = MergerOf(layout);
  const Bytes garbage{0x00, 0xff};
  const auto good = RowOf(layout, {Value::Int(1), Value::Int(1), Value::Int(1), Value::Null()});
  const StoredRow broken{SchemaId(1), garbage};
  EXPECT_EQ(merger->Upsert(broken, good.view()).error().code, ErrorCode::kCorruptRecord);
  EXPECT_EQ(merger->Upsert(good.view(), broken).error().code, ErrorCode::kCorruptRecord);
}

}  // namespace
}  // namespace strom::kv
