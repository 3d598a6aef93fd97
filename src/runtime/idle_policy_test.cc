#include "runtime/idle_policy.h"

#include <gtest/gtest.h>

namespace strom::runtime::internal {
namespace {

using std::chrono::microseconds;

constexpr Duration kBase = microseconds(10);
constexpr Duration kLittleWork = microseconds(5);

TEST(IdlePolicy, LooksLongerAfterItFoundWorkAndShorterAfterItSlept) {
  IdlePolicy policy(kBase);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), kBase);
  policy.Came(microseconds(7), false);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), 3 * kBase);
  policy.Came(microseconds(40), true);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), kBase);
}

TEST(IdlePolicy, AfterMuchWorkItSleepsAtOnce) {
  IdlePolicy policy(kBase);
  policy.Came(microseconds(7), false);
  EXPECT_EQ(policy.WindowAfter(microseconds(100)), Duration::zero());
  EXPECT_EQ(policy.WindowAfter(kLittleWork), 3 * kBase);
}

TEST(IdlePolicy, ManyShortSleepsInARowAreWorthOneLongLook) {
  IdlePolicy policy(kBase);
  for (int i = 0; i < 15; ++i)
    policy.Came(microseconds(60), true);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), kBase);
  policy.Came(microseconds(60), true);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), 10 * kBase);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), kBase);
}

TEST(IdlePolicy, LongSleepsAndFoundWorkAreNoneOfThem) {
  IdlePolicy policy(kBase);
  for (int i = 0; i < 100; ++i) {
    policy.Came(microseconds(60), true);
    if (i % 10 == 0) policy.Came(microseconds(5000), true);
    if (i % 10 == 5) policy.Came(microseconds(5), false);
    EXPECT_LE(policy.WindowAfter(kLittleWork), 3 * kBase);
  }
}

TEST(IdlePolicy, WithoutABaseItNeverLooks) {
  IdlePolicy policy(Duration::zero());
  policy.Came(microseconds(1), false);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), Duration::zero());
  for (int i = 0; i < 100; ++i)
    policy.Came(Duration::zero(), true);
  EXPECT_EQ(policy.WindowAfter(kLittleWork), Duration::zero());
}

}  // namespace
}  // namespace strom::runtime::internal
