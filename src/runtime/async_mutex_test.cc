#include "runtime/async_mutex.h"

#include <gtest/gtest.h>

#include "runtime/sync.h"
#include "runtime/test_runtime.h"

namespace strom::runtime {
namespace {

using runtime::RunOnShard;
using runtime::Task;

struct Trace {
  AsyncMutex mutex;
  std::vector<int> entered;
  int inside = 0;
  int most_inside = 0;
};

Task<int> Enter(Trace& trace, int number) {
  auto held = co_await trace.mutex.Lock();
  trace.entered.push_back(number);
  trace.most_inside = std::max(trace.most_inside, ++trace.inside);
  co_await runtime::Yield{};
  --trace.inside;
  co_return number;
}

TEST(AsyncMutex, LetsInOneAtATimeInTheOrderTheyAsked) {
  RunOnShard([]() -> Task<void> {
    Trace trace;
    std::vector<Task<int>> tasks;
    for (int number = 0; number < 20; ++number)
      tasks.push_back(Enter(trace, number));
    const std::vector<int> expected = co_await runtime::WhenAll(std::move(tasks));
    EXPECT_EQ(trace.entered, expected);
    EXPECT_EQ(trace.most_inside, 1);
    EXPECT_FALSE(trace.mutex.locked());
  });
}

TEST(AsyncMutex, NobodyOvertakesTheOneItIsHandedTo) {
  RunOnShard([]() -> Task<void> {
    Trace trace;
    std::vector<Task<int>> tasks;
    {
      auto held = co_await trace.mutex.Lock();
      EXPECT_TRUE(trace.mutex.locked());
      runtime::Spawn([](Trace& t) -> Task<void> { co_await Enter(t, 1); }(trace));
    }
    // The waiter is woken but has not run yet.
    EXPECT_TRUE(trace.mutex.locked());
    co_await Enter(trace, 2);
    EXPECT_EQ(trace.entered, (std::vector<int>{1, 2}));
  });
}

}  // namespace
}  // namespace strom::runtime
