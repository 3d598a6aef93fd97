#include "runtime/timer_queue.h"

#include <gtest/gtest.h>

#include "runtime/random.h"

namespace strom::runtime::internal {
namespace {

Instant At(int64_t ns) {
  return Instant(Duration(ns));
}

// Runs all timers due by `now`.
void Fire(TimerQueue& timers, int64_t now) {
  while (Work work = timers.TakeDue(At(now)))
    work();
}

TEST(TimerQueue, NothingIsDueBeforeItsTime) {
  TimerQueue timers;
  EXPECT_EQ(timers.next(), std::nullopt);
  EXPECT_FALSE(timers.TakeDue(At(100)));
  int fired = 0;
  timers.Add(At(10), [&] { ++fired; });
  EXPECT_EQ(timers.next(), At(10));
  Fire(timers, 9);
  EXPECT_EQ(fired, 0);
  Fire(timers, 10);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(timers.size(), 0U);
}

TEST(TimerQueue, AnIdIsNeverReusedForAnotherTimer) {
  TimerQueue timers;
  std::set<TimerId> ids;
  for (int i = 0; i < 100; ++i) {
    const TimerId id = timers.Add(At(i), [] {});
    EXPECT_NE(id, 0U);
    ids.insert(id);
    EXPECT_TRUE(timers.Cancel(id));
    EXPECT_FALSE(timers.Cancel(id));
  }
  EXPECT_EQ(ids.size(), 100U);
  EXPECT_FALSE(timers.Cancel(0));
  EXPECT_FALSE(timers.Cancel(~TimerId{0}));
}

TEST(TimerQueue, ACancelledTimersWorkIsDestroyedAtOnce) {
  TimerQueue timers;
  auto owned = std::make_shared<int>(1);
  const TimerId id = timers.Add(At(1), [owned] {});
  EXPECT_EQ(owned.use_count(), 2);
  EXPECT_TRUE(timers.Cancel(id));
  EXPECT_EQ(owned.use_count(), 1);
}

TEST(TimerQueue, ATimerMayStartAndCancelOthersWhenItFires) {
  TimerQueue timers;
  std::vector<int> fired;
  TimerId doomed = 0;
  timers.Add(At(1), [&] {
    fired.push_back(1);
    timers.Cancel(doomed);
    timers.Add(At(1), [&] { fired.push_back(3); });
  });
  doomed = timers.Add(At(2), [&] { fired.push_back(2); });
  Fire(timers, 5);
  EXPECT_EQ(fired, (std::vector{1, 3}));
}

// Against a plain sorted list, over random adds, cancels and firings.
TEST(TimerQueue, AgreesWithASortedListWhateverIsDoneToIt) {
  RandomSource random(7);
  TimerQueue timers;
  std::map<std::pair<int64_t, int>, TimerId> model;  // by time and order of start
  std::vector<int> fired;
  std::vector<int> expected;
  int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t choice = random.Below(10);
    if (choice < 5) {
      const int64_t at = now + static_cast<int64_t>(random.Below(200));
      model[{at, step}] = timers.Add(At(at), [&fired, step] { fired.push_back(step); });
    } else if (choice < 8 && !model.empty()) {
      auto victim = std::next(model.begin(), static_cast<ptrdiff_t>(random.Below(model.size())));
      EXPECT_TRUE(timers.Cancel(victim->second));
      model.erase(victim);
    } else {
      now += static_cast<int64_t>(random.Below(40));
      Fire(timers, now);
      while (!model.empty() && model.begin()->first.first <= now) {
        expected.push_back(model.begin()->first.second);
        model.erase(model.begin());
      }
    }
    ASSERT_EQ(timers.size(), model.size());
    if (!model.empty()) {
      ASSERT_EQ(timers.next(), At(model.begin()->first.first));
    }
  }
  EXPECT_GT(fired.size(), 1000U);
  EXPECT_EQ(fired, expected);
}

}  // namespace
}  // namespace strom::runtime::internal
