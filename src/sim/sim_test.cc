// The simulation of whole servers: its checker, and a few seeds of it.
#include <gtest/gtest.h>

#include "base/log.h"
#include "sim/model.h"
#include "sim/row_model.h"
#include "sim/scenario.h"

namespace strom::sim {
namespace {

constexpr uint64_t kSeeds = 60;

ReadRow Row(int64_t offset, int writer, uint64_t number) {
  return {Offset(offset), RowValue::Make(writer, number)};
}

class Model : public testing::Test {
 protected:
  Model() {
    for (uint64_t number = 1; number <= 5; ++number) {
      model_.Sent(RowValue::Make(1, number));
      model_.Sent(RowValue::Make(2, number));
    }
  }
  BucketModel model_;
};

TEST_F(Model, AcceptsALogThatKeepsItsPromises) {
  EXPECT_EQ(model_.Acknowledged(Offset(0), RowValue::Make(1, 1)), "");
  EXPECT_EQ(model_.Seen({Row(0, 1, 1), Row(1, 2, 1)}), "");
  EXPECT_EQ(model_.Acknowledged(Offset(1), RowValue::Make(2, 1)), "");
  // An unacknowledged one may be there.
  EXPECT_EQ(model_.Complete(Offset(0), {Row(0, 1, 1), Row(1, 2, 1), Row(2, 1, 2)}, Timestamp(0)),
            "");
}

TEST_F(Model, FindsEachBrokenPromise) {
  EXPECT_EQ(model_.Acknowledged(Offset(0), RowValue::Make(1, 1)), "");
  EXPECT_EQ(model_.Acknowledged(Offset(0), RowValue::Make(2, 1)),
            "offset 0 was acknowledged for row 1 of writer 1 and for row 1 of writer 2");
  EXPECT_EQ(model_.Complete(Offset(0), {}, Timestamp(0)),
            "row 1 of writer 1 at offset 0 was acknowledged and is lost: the log has 0 to 0");
  EXPECT_EQ(model_.Seen({Row(0, 2, 2)}),
            "offset 0 was acknowledged as row 1 of writer 1 and now holds row 2 of writer 2");
  EXPECT_EQ(model_.Seen({Row(1, 7, 7)}), "offset 1 holds 0x7000000000007, which nobody sent");
  EXPECT_EQ(model_.Complete(Offset(0), {Row(0, 1, 1), Row(1, 1, 1)}, Timestamp(0)),
            "row 1 of writer 1 is at offset 0 and at 1");
  EXPECT_EQ(model_.Complete(Offset(0), {Row(0, 1, 1), Row(1, 2, 3), Row(2, 2, 2)}, Timestamp(0)),
            "row 2 of writer 2 at offset 2 comes after row 3");
  EXPECT_EQ(model_.Complete(Offset(0), {Row(0, 1, 1), Row(2, 1, 2)}, Timestamp(0)),
            "offset 1 is missing");
  EXPECT_EQ(model_.Seen({Row(1, 1, 2), Row(3, 1, 3)}), "offset 3 follows 1");
  EXPECT_EQ(model_.Complete(Offset(0), {Row(0, 1, 1)}, Timestamp(0)),
            "row 2 of writer 1 at offset 1 was read and is lost: the log has 0 to 1");
  EXPECT_EQ(model_.Acknowledged(Offset(1), RowValue::Make(1, 4)),
            "offset 1 was acknowledged for row 4 of writer 1 but read as row 2 of writer 1");
}

TEST_F(Model, RowsMayGoWhenTheyAreOldAndNotSooner) {
  model_.SetTtl(100);
  EXPECT_EQ(model_.Seen({{Offset(0), RowValue::Make(1, 1), Timestamp(1000)},
                         {Offset(1), RowValue::Make(1, 2), Timestamp(1050)},
                         {Offset(2), RowValue::Make(1, 3), Timestamp(1300)}}),
            "");
  EXPECT_EQ(model_.Complete(Offset(2), {Row(2, 1, 3)}, Timestamp(1301)), "");
  EXPECT_EQ(model_.Complete(Offset(1), {Row(1, 1, 2), Row(2, 1, 3)}, Timestamp(1301)), "");
  EXPECT_EQ(model_.Complete(Offset(2), {Row(2, 1, 3)}, Timestamp(1150)),
            "offset 1 is 100 ms old and gone already");
  EXPECT_EQ(model_.Complete(Offset(3), {}, Timestamp(2000)), "");
}

using format::ChangeType;

RowChange Change(int64_t offset, ChangeType type, int32_t key, uint64_t number, int64_t id = 0) {
  return {Offset(offset), type, key, {RowValue::Make(1, number), id}};
}

// Writer 1 wrote key 10 twice, in one batch each, and key 11.
class Rows : public testing::Test {
 protected:
  Rows() {
    for (const auto& [key, number] : std::map<uint64_t, int32_t>{{1, 10}, {2, 10}, {3, 11}})
      model_.Sent({{number, RowValue::Make(1, key)}});
  }
  std::string Complete(const std::vector<RowChange>& changelog, const KeyRows& table,
                       std::optional<int64_t> row_count = std::nullopt) const {
    IdOwners ids;
    return model_.Complete(Offset(0), changelog, table, row_count, ids);
  }

  RowModel model_{RowRules{}};
  const RowChange insert_ = Change(0, ChangeType::kInsert, 10, 1);
  const std::vector<RowChange> log_ = {insert_, Change(1, ChangeType::kUpdateBefore, 10, 1),
                                       Change(2, ChangeType::kUpdateAfter, 10, 2),
                                       Change(3, ChangeType::kInsert, 11, 3)};
  const KeyRows table_ = {{10, {RowValue::Make(1, 2)}}, {11, {RowValue::Make(1, 3)}}};
};

TEST_F(Rows, AcceptATableThatFollowsFromItsChangelog) {
  model_.Acknowledged({{10, RowValue::Make(1, 2)}}, Offset(3));
  EXPECT_EQ(model_.Seen(log_), "");
  EXPECT_EQ(model_.LookedUp(1, 10, RowValue::Make(1, 1)), "");
  EXPECT_EQ(model_.LookedUp(1, 10, RowValue::Make(1, 2)), "");
  EXPECT_EQ(model_.LookedUpByOwner(10, RowValue::Make(1, 2)), "");
  EXPECT_EQ(Complete(log_, table_, 2), "");
}

TEST_F(Rows, FindEachBrokenPromise) {
  EXPECT_EQ(Complete(log_, table_, 3), "the row count is 3 and there are 2 rows");
  EXPECT_EQ(Complete(log_, {table_.begin(), std::next(table_.begin())}),
            "key 11 is row 3 of writer 1 in the changelog and no row in the table");
  EXPECT_EQ(Complete({insert_}, table_),
            "key 10 is row 1 of writer 1 in the changelog and row 2 of writer 1 in the table");
  EXPECT_EQ(Complete({insert_, Change(1, ChangeType::kInsert, 10, 2)}, table_),
            "offset 1 (key 10, row 2 of writer 1): the row is there already");
  EXPECT_EQ(Complete({Change(0, ChangeType::kDelete, 10, 1)}, {}),
            "offset 0 (key 10, row 1 of writer 1): there is no such row");
  EXPECT_EQ(Complete({log_[0], log_[1]}, table_), "the changelog ends in an update");
  EXPECT_EQ(Complete({Change(0, ChangeType::kInsert, 11, 9)}, table_),
            "key 11 has 0x1000000000009, which nobody sent for it");
  EXPECT_EQ(model_.LookedUp(1, 10, RowValue::Make(1, 2)), "");
  EXPECT_EQ(model_.LookedUp(1, 10, RowValue::Make(1, 1)), "");
  EXPECT_EQ(Complete(log_, table_), "a lookup of key 10 gave row 1 of writer 1 after a newer one");
  model_.Acknowledged({{11, RowValue::Make(1, 3)}}, Offset(1));
  EXPECT_EQ(model_.LookedUpByOwner(11, std::nullopt),
            "key 11 was acknowledged with row 3 of writer 1 and a lookup gives no row");
  EXPECT_EQ(Complete({insert_}, {{10, insert_.row}}),
            "key 11 was acknowledged with row 3 of writer 1 and is no row");
  EXPECT_EQ(Complete(log_, table_),
            "row 3 of writer 1 was acknowledged below offset 1 and is at 3");
}

TEST_F(Rows, ABatchIsWholeAndNumbersAreGivenOnce) {
  RowModel model({.full_image = true, .auto_increment = true});
  model.Sent({{1, RowValue::Make(1, 1)}, {2, RowValue::Make(1, 2)}});
  const RowChange first = Change(0, ChangeType::kInsert, 1, 1, 7);
  const RowChange second = Change(1, ChangeType::kInsert, 2, 2, 7);
  IdOwners ids;
  EXPECT_EQ(model.Complete(Offset(0), {first}, {{1, first.row}}, 1, ids),
            "of the batch that begins with row 1 of writer 1 1 of 2 rows are there");
  ids.clear();
  EXPECT_EQ(model.Complete(Offset(0), {first, second}, {}, std::nullopt, ids),
            "offset 1 (key 2, row 2 of writer 1): row 1 of writer 1 has the number 7");
}

TEST_F(Rows, ADeleteOfTargetColumnsLeavesTheNumber) {
  RowModel model({.full_image = true, .auto_increment = true});
  model.Sent({{1, RowValue::Make(1, 1)}});
  const RowChange insert{Offset(0), ChangeType::kInsert, 1, {RowValue::Make(1, 1), 7}};
  const RowChange before{Offset(1), ChangeType::kUpdateBefore, 1, insert.row};
  const RowChange after{Offset(2), ChangeType::kUpdateAfter, 1, {RowValue{0}, 7}};
  const auto complete = [&](const RowChange& last, const KeyRow& row) {
    IdOwners ids;
    return model.Complete(Offset(0), {insert, before, last}, {{1, row}}, 1, ids);
  };
  EXPECT_EQ(complete(after, after.row), "key 1 has no value and nobody took it away");
  model.Sent({{1, std::nullopt}});
  EXPECT_EQ(complete(after, after.row), "");
  const RowChange other{Offset(2), ChangeType::kUpdateAfter, 1, {RowValue{0}, 8}};
  EXPECT_EQ(complete(other, other.row),
            "offset 2 (key 1, row 0 of writer 0): an update changed the number");
  EXPECT_EQ(complete(after, insert.row),
            "key 1 is row 0 of writer 0 in the changelog and row 1 of writer 1 in the table");
}

TEST(Scenario, SeedsKeepEveryPromiseAndReplay) {
  ConfigureLog(LogLevel::kOff, LogFormat::kText);
  uint64_t acknowledged = 0;
  uint64_t upserted = 0;
  uint64_t read = 0;
  uint64_t crashes = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = RunScenario(seed);
    EXPECT_EQ(outcome.violation, "") << "seed " << seed << ": " << outcome.profile;
    if (seed <= 5) EXPECT_EQ(RunScenario(seed).trace, outcome.trace) << "seed " << seed;
    acknowledged += outcome.acknowledged;
    upserted += outcome.upserted;
    read += outcome.read;
    crashes += outcome.crashes;
  }
  // The seeds do something.
  EXPECT_GT(acknowledged, kSeeds * 10);
  EXPECT_GT(upserted, kSeeds * 10);
  EXPECT_GT(read, kSeeds * 10);
  EXPECT_GT(crashes, kSeeds / 2);
}

}  // namespace
}  // namespace strom::sim
