// The contract of shards, time and waiting (shard.h, sync.h, task.h), on every runtime.
#include <numeric>

#include "runtime/contract_test.h"
#include "runtime/sync.h"

namespace strom::runtime {
namespace {

using std::chrono::milliseconds;

class Scheduling : public RuntimeContract {};
STROM_ON_EVERY_RUNTIME(Scheduling);

Task<int> ReturnAfter(Duration delay, int value) {
  co_await Sleep{delay};
  co_return value;
}

Task<int> ReturnAtOnce(int value) {
  co_return value;
}

// What one shard got from each sender; touched by that shard only.
struct Received {
  std::vector<std::vector<int>> by_sender;
  int missing = 0;
  OneShot<bool> complete;

  void Add(int sender, int number) {
    by_sender[static_cast<size_t>(sender)].push_back(number);
    if (--missing == 0) complete.Set(true);
  }
};

TEST_P(Scheduling, WorkOfOneSenderRunsInTheOrderItWasPosted) {
  constexpr int kShards = 3;
  constexpr int kMessages = 500;
  std::vector<Received> received(kShards);
  for (Received& shard : received) {
    shard.by_sender.resize(kShards);
    shard.missing = kShards * kMessages;
  }
  const auto send_all = [&]() -> Task<bool> {
    Shard& self = ThisShard();
    for (int number = 0; number < kMessages; ++number) {
      for (int to = 0; to < kShards; ++to) {
        self.peer(ShardId(to)).Post([&received, to, from = self.id().value, number] {
          received[static_cast<size_t>(to)].Add(from, number);
        });
      }
      if (number % 100 == 99) co_await Yield{};
    }
    co_return true;
  };
  Run(
      [&]() -> Task<void> {
        std::vector<Task<bool>> tasks;
        for (int i = 0; i < kShards; ++i) {
          tasks.push_back(CallOn(ThisShard().peer(ShardId(i)), send_all));
        }
        co_await WhenAll(std::move(tasks));
        for (int i = 0; i < kShards; ++i) {
          co_await CallOn(ThisShard().peer(ShardId(i)), [&received, i]() -> Task<bool> {
            co_return co_await received[static_cast<size_t>(i)].complete;
          });
        }
      },
      kShards);
  std::vector<int> expected(kMessages);
  std::iota(expected.begin(), expected.end(), 0);
  for (const Received& shard : received) {
    for (const auto& numbers : shard.by_sender)
      EXPECT_EQ(numbers, expected);
  }
}

TEST_P(Scheduling, ACallRunsOnItsShardAndResumesOnTheCallers) {
  std::vector<int> ran_on;
  std::vector<int> resumed_on;
  Run(
      [&]() -> Task<void> {
        for (int i = 0; i < ThisShard().shard_count(); ++i) {
          const int id = co_await CallOn(ThisShard().peer(ShardId(i)), []() -> Task<int> {
            co_await Yield{};
            co_return ThisShard().id().value;
          });
          ran_on.push_back(id);
          resumed_on.push_back(ThisShard().id().value);
        }
      },
      3);
  EXPECT_EQ(ran_on, (std::vector{0, 1, 2}));
  EXPECT_EQ(resumed_on, (std::vector{0, 0, 0}));
}

TEST_P(Scheduling, ACallCarriesAMoveOnlyResult) {
  int value = 0;
  Run(
      [&]() -> Task<void> {
        auto result =
            co_await CallOn(ThisShard().peer(ShardId(1)), []() -> Task<std::unique_ptr<int>> {
              co_return std::make_unique<int>(ThisShard().id().value + 41);
            });
        value = *result;
      },
      2);
  EXPECT_EQ(value, 42);
}

TEST_P(Scheduling, ACallOnTheOwnShardDoesNotGoThroughTheQueue) {
  std::vector<std::string> order;
  Run([&]() -> Task<void> {
    ThisShard().Post([&] { order.push_back("queued"); });
    co_await CallOn(ThisShard(), [&]() -> Task<int> {
      order.push_back("called");
      co_return 0;
    });
    co_await Yield{};
  });
  EXPECT_EQ(order, (std::vector<std::string>{"called", "queued"}));
}

TEST_P(Scheduling, WorkPostedFromOutsideRunsInOrder) {
  std::vector<int> numbers;
  RunPosted(100, [&](int number) { numbers.push_back(number); });
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(numbers, expected);
}

TEST_P(Scheduling, YieldLetsWorkThatIsQueuedAlreadyRunFirst) {
  int queued_ran = 0;
  int seen = -1;
  Run([&]() -> Task<void> {
    for (int i = 0; i < 10; ++i)
      ThisShard().Post([&] { ++queued_ran; });
    co_await Yield{};
    seen = queued_ran;
  });
  EXPECT_EQ(seen, 10);
}

TEST_P(Scheduling, WhenAllReturnsResultsInTheOrderOfItsTasks) {
  std::vector<int> results;
  std::vector<int> none{1};
  Run([&]() -> Task<void> {
    std::vector<Task<int>> tasks;
    tasks.push_back(ReturnAfter(milliseconds(3), 1));
    tasks.push_back(ReturnAtOnce(2));
    tasks.push_back(ReturnAfter(milliseconds(1), 3));
    results = co_await WhenAll(std::move(tasks));
    none = co_await WhenAll(std::vector<Task<int>>());
  });
  EXPECT_EQ(results, (std::vector{1, 2, 3}));
  EXPECT_TRUE(none.empty());
}

TEST_P(Scheduling, ALongChainOfCallsUsesNoStack) {
  int64_t sum = 0;
  Run([&]() -> Task<void> {
    for (int i = 0; i < 300'000; ++i)
      sum += co_await ReturnAtOnce(1);
  });
  EXPECT_EQ(sum, 300'000);
}

TEST_P(Scheduling, TimersFireByDeadlineAndEqualOnesInTheOrderTheyWereStarted) {
  std::vector<int> fired;
  Run([&]() -> Task<void> {
    Shard& shard = ThisShard();
    const Instant base = shard.Now() + milliseconds(2);
    const auto start = [&](int name, Instant at) {
      shard.StartTimer(at, [&fired, name] { fired.push_back(name); });
    };
    start(4, base + milliseconds(2));
    start(1, base);
    start(2, base);
    start(3, base + milliseconds(1));
    OneShot<bool> last;
    shard.StartTimer(base + milliseconds(3), [&] { last.Set(true); });
    co_await last;
  });
  EXPECT_EQ(fired, (std::vector{1, 2, 3, 4}));
}

TEST_P(Scheduling, ATimerDoesNotFireBeforeItsTime) {
  bool early = false;
  bool passed = false;
  Run([&]() -> Task<void> {
    for (const Duration delay : {Duration(1), Duration(1'000), Duration(1'500'000)}) {
      const Instant before = ThisShard().Now();
      co_await Sleep{delay};
      early |= ThisShard().Now() - before < delay;
    }
    co_await Sleep{Duration(-1)};
    passed = true;
  });
  EXPECT_FALSE(early);
  EXPECT_TRUE(passed);
}

TEST_P(Scheduling, ACancelledTimerDoesNotFireAndCancellingAFiredOneHasNoEffect) {
  std::vector<std::string> fired;
  Run([&]() -> Task<void> {
    Shard& shard = ThisShard();
    const Instant at = shard.Now() + milliseconds(1);
    const TimerId first = shard.StartTimer(at, [&] { fired.push_back("first"); });
    const TimerId second = shard.StartTimer(at, [&] { fired.push_back("second"); });
    shard.CancelTimer(second);
    co_await Sleep{milliseconds(2)};
    // Takes over what the first one used: the old id must not reach it.
    shard.StartTimer(shard.Now() + milliseconds(1), [&] { fired.push_back("third"); });
    shard.StartTimer(shard.Now() + milliseconds(1), [&] { fired.push_back("fourth"); });
    shard.CancelTimer(first);
    shard.CancelTimer(second);
    shard.CancelTimer(0);
    co_await Sleep{milliseconds(2)};
  });
  EXPECT_EQ(fired, (std::vector<std::string>{"first", "third", "fourth"}));
}

TEST_P(Scheduling, ATimerThatIsDueCanStillBeCancelledByAnotherThatIsDue) {
  std::vector<std::string> fired;
  Run([&]() -> Task<void> {
    Shard& shard = ThisShard();
    const Instant at = shard.Now() + milliseconds(1);
    TimerId second = 0;
    shard.StartTimer(at, [&] {
      fired.push_back("first");
      shard.CancelTimer(second);
    });
    second = shard.StartTimer(at, [&] { fired.push_back("second"); });
    co_await Sleep{milliseconds(2)};
  });
  EXPECT_EQ(fired, (std::vector<std::string>{"first"}));
}

TEST_P(Scheduling, TheClockNeverStepsBackAndTheWallClockIsOfThisCentury) {
  bool stepped_back = false;
  Timestamp wall;
  Run([&]() -> Task<void> {
    Instant last = ThisShard().Now();
    for (int i = 0; i < 100; ++i) {
      co_await Yield{};
      const Instant now = ThisShard().Now();
      stepped_back |= now < last;
      last = now;
    }
    wall = ThisShard().WallClock();
  });
  EXPECT_FALSE(stepped_back);
  EXPECT_GT(wall.ms, 1'700'000'000'000);
}

TEST_P(Scheduling, RandomNumbersDifferFromDrawToDrawAndFromShardToShard) {
  std::set<uint64_t> numbers;
  Run(
      [&]() -> Task<void> {
        for (int i = 0; i < 2; ++i) {
          const auto drawn = co_await CallOn(ThisShard().peer(ShardId(i)),
                                             []() -> Task<std::pair<uint64_t, uint64_t>> {
                                               Shard& shard = ThisShard();
                                               const uint64_t first = shard.Random();
                                               co_return std::pair(first, shard.Random());
                                             });
          numbers.insert({drawn.first, drawn.second});
        }
      },
      2);
  EXPECT_EQ(numbers.size(), 4U);
}

TEST_P(Scheduling, NotifyWakesEveryoneWhoWaitsAndNobodyElse) {
  int woken = 0;
  int woken_by_first = -1;
  bool woken_inside_notify = false;
  Run([&]() -> Task<void> {
    Event event;
    TaskGroup waiters;
    const auto wait = [&]() -> Task<void> {
      co_await event.Wait();
      ++woken;
    };
    for (int i = 0; i < 3; ++i)
      waiters.Spawn(wait());
    EXPECT_TRUE(event.has_waiters());
    event.Notify();
    woken_inside_notify = woken != 0;
    EXPECT_FALSE(event.has_waiters());
    waiters.Spawn(wait());
    while (waiters.running() > 1)
      co_await Yield{};
    woken_by_first = woken;
    event.Notify();
    co_await waiters.Join();
  });
  EXPECT_FALSE(woken_inside_notify);
  EXPECT_EQ(woken_by_first, 3);
  EXPECT_EQ(woken, 4);
}

TEST_P(Scheduling, WaitUntilTellsANotificationFromTheEndOfTime) {
  std::optional<bool> notified;
  std::optional<bool> timed_out;
  Run([&]() -> Task<void> {
    Event event;
    TaskGroup group;
    const auto notify = [&]() -> Task<void> {
      co_await Sleep{milliseconds(1)};
      event.Notify();
    };
    group.Spawn(notify());
    notified = co_await event.WaitUntil(ThisShard().Now() + std::chrono::hours(1));
    timed_out = co_await event.WaitUntil(ThisShard().Now() + milliseconds(1));
    EXPECT_FALSE(event.has_waiters());
    co_await group.Join();
  });
  EXPECT_EQ(notified, true);
  EXPECT_EQ(timed_out, false);
}

TEST_P(Scheduling, AWaitThatIsNotifiedAndDueAtOnceResumesOnce) {
  int resumed = 0;
  Run([&]() -> Task<void> {
    Event event;
    TaskGroup group;
    const Instant at = ThisShard().Now() + milliseconds(1);
    ThisShard().StartTimer(at, [&] { event.Notify(); });
    const auto wait = [&]() -> Task<void> {
      co_await event.WaitUntil(at);
      ++resumed;
    };
    group.Spawn(wait());
    co_await group.Join();
    co_await Sleep{milliseconds(2)};
  });
  EXPECT_EQ(resumed, 1);
}

TEST_P(Scheduling, AOneShotDeliversWhetherItIsSetBeforeOrAfterTheWait) {
  int before = 0;
  int after = 0;
  Run([&]() -> Task<void> {
    OneShot<int> early;
    early.Set(1);
    EXPECT_TRUE(early.is_set());
    before = co_await early;
    OneShot<int> late;
    ThisShard().Post([&] { late.Set(2); });
    EXPECT_FALSE(late.is_set());
    after = co_await late;
  });
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 2);
}

TEST_P(Scheduling, JoinReturnsWhenTheLastTaskOfTheGroupIsDone) {
  int finished = 0;
  int seen = -1;
  Run([&]() -> Task<void> {
    TaskGroup group;
    co_await group.Join();  // nothing runs: at once
    const auto work = [&](int rounds) -> Task<void> {
      for (int i = 0; i < rounds; ++i)
        co_await Yield{};
      ++finished;
    };
    for (int i = 0; i < 5; ++i)
      group.Spawn(work(i));
    EXPECT_EQ(group.running(), 4);  // the one without a wait is done already
    co_await group.Join();
    seen = finished;
  });
  EXPECT_EQ(seen, 5);
}

TEST_P(Scheduling, BlockingWorkRunsOutsideOfShardsAndItsResultArrivesOnTheCallers) {
  bool outside = false;
  std::string result;
  int resumed_on = -1;
  Run(
      [&]() -> Task<void> {
        co_await CallOn(ThisShard().peer(ShardId(1)), [&]() -> Task<bool> {
          result = co_await OnBlockingPool([&] {
            outside = ThisShardOrNull() == nullptr;
            return std::string("slow");
          });
          resumed_on = ThisShard().id().value;
          co_return true;
        });
      },
      2);
  EXPECT_TRUE(outside);
  EXPECT_EQ(result, "slow");
  EXPECT_EQ(resumed_on, 1);
}

TEST_P(Scheduling, MoreBlockingWorkThanThreadsIsDoneAll) {
  int64_t sum = 0;
  Run([&]() -> Task<void> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 200; ++i)
      tasks.push_back(OnBlockingPool([i] { return i; }));
    for (const int value : co_await WhenAll(std::move(tasks)))
      sum += value;
  });
  EXPECT_EQ(sum, 199 * 200 / 2);
}

}  // namespace
}  // namespace strom::runtime
