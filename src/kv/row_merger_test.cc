#include "kv/row_merger.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/vector_values.h"
#include "kv/test_tables.h"

namespace strom::kv {
namespace {

using format::vectors::Json;
using test::Column;
using test::LayoutOf;
using test::Row;
using test::RowOf;
using test::SchemaOf;
using test::Value;
using test::ValuesOf;

std::unique_ptr<RowMerger> MergerOf(const TableLayout& layout, std::vector<int32_t> targets = {},
                                    bool overwrite = false) {
  auto merger = MakeRowMerger(layout, targets, overwrite);
  if (!merger) throw std::runtime_error(merger.error().message);
  return std::move(*merger);
}

// "" when the write is taken.
std::string ProblemOf(const TableLayout& layout, std::vector<int32_t> targets,
                      bool overwrite = false) {
  const auto merger = MakeRowMerger(layout, targets, overwrite);
  if (merger) return "";
  EXPECT_EQ(merger.error().code, ErrorCode::kInvalidTargetColumn);
  return merger.error().message;
}

MergeKind KindOf(const Result<MergeOutcome>& outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return outcome->kind;
}

TableLayout PlainTable() {
  return LayoutOf(
      {SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING"), Column("b", "BIGINT")})}, {});
}

TEST(PartialUpdate, MatchesTheGoldenValues) {
  const Json document = format::vectors::Load("kv/partial-update.json");
  VectorReport report("kv/partial-update.json");
  for (const Json& test : document["cases"]) {
    SCOPED_TRACE(test["name"]);
    std::vector<format::Schema> schemas{*format::ParseSchema(document["schema_1"])};
    if (test.contains("schema_2")) schemas.push_back(*format::ParseSchema(test["schema_2"]));
    const TableLayout layout = LayoutOf(schemas, {});
    const auto merger = MergerOf(layout, test["target_columns"].get<std::vector<int32_t>>());

    Bytes old_value;
    std::optional<StoredRow> old;
    if (!test["old_value"].is_null()) {
      old_value = format::vectors::Hex(test["old_value"]);
      old = StoredRow{SchemaId(LoadLittle<int16_t>(old_value.data())),
                      ByteView(old_value).subspan(2)};
    }
    Result<MergeOutcome> outcome;
    if (test["new_row_in_batch"].is_null()) {
      outcome = merger->Delete(*old);
    } else {
      const Bytes row = format::vectors::Hex(test["new_row_in_batch"]);
      outcome = merger->Upsert(old, {layout.latest().id, row});
    }
    EXPECT_TRUE(outcome);
    if (!outcome) continue;
    if (test["stored_value"].is_null()) {
      EXPECT_EQ(outcome->kind, MergeKind::kRemoved);
    } else {
      EXPECT_EQ(outcome->kind, MergeKind::kMerged);
      Bytes value;
      AppendLittle(value, static_cast<int16_t>(layout.latest().id.value));
      Append(value, outcome->row);
      EXPECT_EQ(ToHex(value), test["stored_value"].get<std::string>());
    }
    report.CaseDone(test["name"]);
  }
}

TEST(DefaultEngine, TakesWholeRowsWithoutLookingAtThem) {
  const TableLayout layout = PlainTable();
  const Bytes garbage{0xff};
  for (const auto& targets : {std::vector<int32_t>{}, {0, 1, 2}, {2, 1, 0, 0}}) {
    const auto merger = MergerOf(layout, targets);
    EXPECT_TRUE(merger->replaces_whole_rows());
    EXPECT_EQ(KindOf(merger->Upsert(std::nullopt, {SchemaId(1), garbage})), MergeKind::kIncoming);
    EXPECT_EQ(KindOf(merger->Delete({SchemaId(1), garbage})), MergeKind::kRemoved);
  }
}

TEST(PartialUpdate, SetsTargetsToNullAndKeepsTheRest) {
  const TableLayout layout = PlainTable();
  const auto merger = MergerOf(layout, {1, 0});
  EXPECT_FALSE(merger->replaces_whole_rows());
  const auto old = RowOf(layout, {Value::Int(1), Value::Text("old"), Value::Int(7)});
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Null(), Value::Int(99)});
  const auto merged = merger->Upsert(old.view(), incoming.view());
  EXPECT_EQ(ValuesOf(layout, *merged), (Row{Value::Int(1), Value::Null(), Value::Int(7)}));
  const auto inserted = merger->Upsert(std::nullopt, incoming.view());
  EXPECT_EQ(ValuesOf(layout, *inserted), (Row{Value::Int(1), Value::Null(), Value::Null()}));
}

TEST(PartialUpdate, OfTheKeyAloneInsertsButDoesNotChange) {
  const TableLayout layout = PlainTable();
  const auto merger = MergerOf(layout, {0});
  const auto row = RowOf(layout, {Value::Int(1), Value::Text("x"), Value::Null()});
  EXPECT_EQ(KindOf(merger->Upsert(row.view(), row.view())), MergeKind::kUnchanged);
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(std::nullopt, row.view())),
            (Row{Value::Int(1), Value::Null(), Value::Null()}));
  // A delete rewrites the row as it was: it is a change all the same.
  EXPECT_EQ(ValuesOf(layout, *merger->Delete(row.view())),
            (Row{Value::Int(1), Value::Text("x"), Value::Null()}));
  const auto bare = RowOf(layout, {Value::Int(1), Value::Null(), Value::Null()});
  EXPECT_EQ(KindOf(merger->Delete(bare.view())), MergeKind::kRemoved);
}

TEST(PartialUpdate, OfAllOldColumnsKeepsAnAddedOne) {
  const auto first = SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING")});
  const auto second =
      SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING"), Column("b", "INT")});
  const TableLayout layout = LayoutOf({first, second}, {});
  const auto merger = MergerOf(layout, {0, 1});
  const auto old = RowOf(layout, {Value::Int(1), Value::Text("x"), Value::Int(5)});
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Text("y")}, 1);
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(old.view(), incoming.view())),
            (Row{Value::Int(1), Value::Text("y"), Value::Int(5)}));
  // Stored before the column was added.
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(incoming.view(), incoming.view())),
            (Row{Value::Int(1), Value::Text("y"), Value::Null()}));
}

TEST(PartialUpdate, ReadsARowWhoseColumnsMoved) {
  const auto first =
      SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING"), Column("b", "INT")});
  auto second = first;
  std::swap(second.columns[1], second.columns[2]);
  const TableLayout layout = LayoutOf({first, second}, {});
  const auto merger = MergerOf(layout, {0, 1});
  const auto old = RowOf(layout, {Value::Int(1), Value::Text("x"), Value::Int(5)}, 1);
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Int(6), Value::Null()});
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(old.view(), incoming.view())),
            (Row{Value::Int(1), Value::Int(6), Value::Text("x")}));
}

TEST(PartialUpdate, WorksOnIndexedRows) {
  const TableLayout layout = LayoutOf(
      {SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING"), Column("b", "INT")})},
      {.row_format = format::RowFormat::kIndexed});
  const auto old = RowOf(layout, {Value::Int(1), Value::Text("old"), Value::Int(7)});
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Null(), Value::Int(8)});
  EXPECT_EQ(ValuesOf(layout, *MergerOf(layout, {0, 2})->Upsert(old.view(), incoming.view())),
            (Row{Value::Int(1), Value::Text("old"), Value::Int(8)}));
}

TEST(PartialUpdate, FailsForRowsThatDoNotDecode) {
  const TableLayout layout = PlainTable();
  const auto merger = MergerOf(layout, {0, 1});
  const Bytes garbage{0x00, 0x01, 0xff, 0xff};
  const auto good = RowOf(layout, {Value::Int(1), Value::Null(), Value::Null()});
  EXPECT_EQ(merger->Upsert(std::nullopt, {SchemaId(1), garbage}).error().code,
            ErrorCode::kCorruptRecord);
  EXPECT_EQ(merger->Upsert(StoredRow{SchemaId(1), garbage}, good.view()).error().code,
            ErrorCode::kCorruptRecord);
  EXPECT_EQ(merger->Delete({SchemaId(1), garbage}).error().code, ErrorCode::kCorruptRecord);
  EXPECT_EQ(merger->Upsert(std::nullopt, {SchemaId(9), good.bytes}).error().code,
            ErrorCode::kSchemaNotExist);
}

TEST(TargetColumns, MustContainTheKeyAndStayInsideTheSchema) {
  const TableLayout layout = PlainTable();
  EXPECT_EQ(ProblemOf(layout, {1, 2}),
            "The target write columns [a, b] must contain the primary key columns [id].");
  EXPECT_EQ(ProblemOf(layout, {0, 3}),
            "Target column 3 is outside of the table's 3 columns (counted from 0).");
  EXPECT_NE(ProblemOf(layout, {0, -1}), "");
  EXPECT_NE(ProblemOf(layout, {0, 1, 2, 3}), "");
  EXPECT_EQ(ProblemOf(layout, {0, 1, 1, 0}), "");
}

TEST(TargetColumns, AreRefusedWhenAnyOtherColumnIsNotNull) {
  const TableLayout layout =
      LayoutOf({SchemaOf({Column("id", "INT NOT NULL"), Column("a", "STRING NOT NULL"),
                          Column("b", "INT")})},
               {});
  EXPECT_EQ(ProblemOf(layout, {0, 1}),
            "Partial Update requires all columns except primary key to be nullable, but column a "
            "is NOT NULL.");
  EXPECT_EQ(ProblemOf(layout, {0, 1, 2}), "");
}

TEST(TargetColumns, AreRefusedByEnginesThatTakeWholeRows) {
  const auto schema = SchemaOf({Column("id", "INT NOT NULL"), Column("v", "BIGINT")});
  const TableLayout first = LayoutOf({schema}, {.merge_engine = MergeEngine::kFirstRow});
  const TableLayout versioned =
      LayoutOf({schema}, {.merge_engine = MergeEngine::kVersioned, .version_column = "v"});
  EXPECT_EQ(ProblemOf(first, {0, 1}),
            "Partial update is not supported for the first_row merge engine.");
  EXPECT_EQ(ProblemOf(versioned, {0, 1}),
            "Partial update is not supported for the versioned merge engine.");
  EXPECT_EQ(ProblemOf(first, {0}, true), "");
  EXPECT_EQ(ProblemOf(versioned, {0, 1}, true), "");
}

TEST(AutoIncrement, ColumnMustNotBeWritten) {
  auto schema = SchemaOf(
      {Column("id", "INT NOT NULL"), Column("n", "BIGINT NOT NULL"), Column("v", "STRING")});
  schema.auto_increment_columns = {"n"};
  const TableLayout layout = LayoutOf({schema}, {});
  const std::string rule =
      "Column 'n' is auto-incremented: a write must name its target columns, and this one must not "
      "be among them.";
  for (const bool overwrite : {false, true}) {
    EXPECT_EQ(ProblemOf(layout, {}, overwrite), rule);
    EXPECT_EQ(ProblemOf(layout, {0, 1, 2}, overwrite), rule);
    EXPECT_EQ(ProblemOf(layout, {0, 2}, overwrite), "");
  }
  // 0 until the caller fills it; kept by updates.
  const auto merger = MergerOf(layout, {0, 2});
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Int(77), Value::Text("x")});
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(std::nullopt, incoming.view())),
            (Row{Value::Int(1), Value::Int(0), Value::Text("x")}));
  const auto old = RowOf(layout, {Value::Int(1), Value::Int(5), Value::Text("o")});
  EXPECT_EQ(ValuesOf(layout, *merger->Upsert(old.view(), incoming.view())),
            (Row{Value::Int(1), Value::Int(5), Value::Text("x")}));
}

TEST(DeleteBehavior, IsTheTablesUnlessRowsAreOverwritten) {
  const auto schema = SchemaOf({Column("id", "INT NOT NULL"), Column("v", "BIGINT")});
  for (const MergeEngine engine : {MergeEngine::kDefault, MergeEngine::kFirstRow,
                                   MergeEngine::kVersioned, MergeEngine::kAggregation}) {
    const TableLayout layout = LayoutOf({schema}, {.merge_engine = engine,
                                                   .version_column = "v",
                                                   .delete_behavior = DeleteBehavior::kDisable});
    EXPECT_EQ(MergerOf(layout)->delete_behavior(), DeleteBehavior::kDisable);
    EXPECT_EQ(MergerOf(layout, {}, true)->delete_behavior(), DeleteBehavior::kAllow);
    EXPECT_TRUE(MergerOf(layout, {}, true)->replaces_whole_rows());
    EXPECT_EQ(MergerOf(layout, {0}, true)->delete_behavior(), DeleteBehavior::kAllow);
  }
}

TEST(FirstRow, KeepsTheRowThatIsThere) {
  const TableLayout layout = LayoutOf({SchemaOf({Column("id", "INT NOT NULL")})},
                                      {.merge_engine = MergeEngine::kFirstRow});
  const auto merger = MergerOf(layout);
  const auto row = RowOf(layout, {Value::Int(1)});
  EXPECT_FALSE(merger->replaces_whole_rows());
  EXPECT_EQ(KindOf(merger->Upsert(std::nullopt, row.view())), MergeKind::kIncoming);
  EXPECT_EQ(KindOf(merger->Upsert(row.view(), row.view())), MergeKind::kUnchanged);
}

// Whether the new version replaces the old one.
bool Replaces(const std::string& type, const Value& old_version, const Value& new_version) {
  const TableLayout layout =
      LayoutOf({SchemaOf({Column("id", "INT NOT NULL"), Column("v", type), Column("s", "STRING")})},
               {.merge_engine = MergeEngine::kVersioned, .version_column = "v"});
  const auto old = RowOf(layout, {Value::Int(1), old_version, Value::Text("old")});
  const auto incoming = RowOf(layout, {Value::Int(1), new_version, Value::Text("new")});
  return KindOf(MergerOf(layout)->Upsert(old.view(), incoming.view())) == MergeKind::kIncoming;
}

TEST(Versioned, TheGreaterVersionWinsAndTheNewOneOfTwoEqualOnes) {
  EXPECT_TRUE(Replaces("INT", Value::Int(1), Value::Int(2)));
  EXPECT_TRUE(Replaces("INT", Value::Int(2), Value::Int(2)));
  EXPECT_FALSE(Replaces("INT", Value::Int(2), Value::Int(1)));
  EXPECT_FALSE(Replaces("BIGINT", Value::Int(1), Value::Int(-1)));
  const auto at = [](int64_t ms, int32_t nanos) { return Value::TimestampOf(ms, nanos); };
  EXPECT_TRUE(Replaces("TIMESTAMP(9)", at(5, 1), at(5, 2)));
  EXPECT_FALSE(Replaces("TIMESTAMP(9)", at(5, 2), at(5, 1)));
  EXPECT_FALSE(Replaces("TIMESTAMP(3) WITH LOCAL TIME ZONE", at(5, 0), at(-5, 0)));
}

TEST(Versioned, NullIsTheSmallestValueOfTheType) {
  using Int32 = std::numeric_limits<int32_t>;
  using Int64 = std::numeric_limits<int64_t>;
  for (const std::string type : {"INT", "BIGINT"}) {
    EXPECT_TRUE(Replaces(type, Value::Null(), Value::Null()));
    EXPECT_TRUE(Replaces(type, Value::Null(), Value::Int(-5)));
    EXPECT_FALSE(Replaces(type, Value::Int(-5), Value::Null()));
  }
  EXPECT_TRUE(Replaces("INT", Value::Int(Int32::min()), Value::Null()));
  EXPECT_TRUE(Replaces("INT", Value::Null(), Value::Int(Int32::min())));
  EXPECT_TRUE(Replaces("BIGINT", Value::Int(Int64::min()), Value::Null()));
  EXPECT_FALSE(Replaces("BIGINT", Value::Int(Int32::min()), Value::Null()));
  EXPECT_TRUE(Replaces("TIMESTAMP(6)", Value::TimestampOf(Int64::min(), 0), Value::Null()));
  EXPECT_FALSE(Replaces("TIMESTAMP(6)", Value::TimestampOf(Int64::min(), 1), Value::Null()));
}

TEST(Versioned, AVersionColumnAddedLaterIsNullInOldRows) {
  const auto first = SchemaOf({Column("id", "INT NOT NULL")});
  const auto second = SchemaOf({Column("id", "INT NOT NULL"), Column("v", "INT")});
  const TableLayout layout =
      LayoutOf({first, second}, {.merge_engine = MergeEngine::kVersioned, .version_column = "v"});
  const auto old = RowOf(layout, {Value::Int(1)}, 1);
  const auto incoming = RowOf(layout, {Value::Int(1), Value::Int(-3)});
  const auto merger = MergerOf(layout);
  EXPECT_EQ(KindOf(merger->Upsert(old.view(), incoming.view())), MergeKind::kIncoming);
  EXPECT_EQ(KindOf(merger->Upsert(incoming.view(), old.view())), MergeKind::kUnchanged);
}

TEST(Versioned, DoesNotReadBehindTheVersion) {
  const TableLayout layout = LayoutOf(
      {SchemaOf({Column("id", "INT NOT NULL"), Column("v", "INT"), Column("s", "STRING")})},
      {.merge_engine = MergeEngine::kVersioned, .version_column = "v"});
  const Bytes cut_off{0x00, 0x01, 0x05, 0x7f};
  const auto merger = MergerOf(layout);
  const StoredRow row{SchemaId(1), cut_off};
  EXPECT_EQ(KindOf(merger->Upsert(row, row)), MergeKind::kIncoming);
  const Bytes shorter{0x00, 0x01};
  EXPECT_EQ(merger->Upsert(row, {SchemaId(1), shorter}).error().code, ErrorCode::kCorruptRecord);
}

}  // namespace
}  // namespace strom::kv
