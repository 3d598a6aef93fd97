// The simulation of whole servers: its checker, and a few seeds of it.
#include <gtest/gtest.h>

#include "base/log.h"
#include "sim/model.h"
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

TEST(Scenario, SeedsKeepEveryPromiseAndReplay) {
  ConfigureLog(LogLevel::kOff, LogFormat::kText);
  uint64_t acknowledged = 0;
  uint64_t read = 0;
  uint64_t crashes = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = RunScenario(seed);
    EXPECT_EQ(outcome.violation, "") << "seed " << seed << ": " << outcome.profile;
    if (seed <= 5) EXPECT_EQ(RunScenario(seed).trace, outcome.trace) << "seed " << seed;
    acknowledged += outcome.acknowledged;
    read += outcome.read;
    crashes += outcome.crashes;
  }
  // The seeds do something.
  EXPECT_GT(acknowledged, kSeeds * 10);
  EXPECT_GT(read, kSeeds * 10);
  EXPECT_GT(crashes, kSeeds / 2);
}

}  // namespace
}  // namespace strom::sim
