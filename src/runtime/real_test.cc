// What only the real runtime does: threads, signals, stopping.
#include "runtime/real.h"

#include <signal.h>
#include <sys/resource.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include <gtest/gtest.h>

#include "runtime/blocking_pool.h"
#include "runtime/sync.h"

namespace strom::runtime {
namespace {

TEST(RealRuntime, RunReturnsTheResultOfMainAndCanBeCalledAgain) {
  auto runtime = RealRuntime::Create({.shards = 2});
  EXPECT_EQ(runtime->shard_count(), 2);
  const auto main = []() -> Task<int> {
    co_await Sleep{std::chrono::milliseconds(1)};
    co_return 42;
  };
  EXPECT_EQ(runtime->Run(main), 42);
  EXPECT_EQ(runtime->Run(main), 42);
}

TEST(RealRuntime, ZeroShardsMeansOneForEachCore) {
  auto runtime = RealRuntime::Create({.shards = 0});
  EXPECT_GE(runtime->shard_count(), 1);
}

TEST(RealRuntime, EveryShardHasAThreadOfItsOwn) {
  auto runtime = RealRuntime::Create({.shards = 3});
  std::set<std::thread::id> threads;
  runtime->Run([&]() -> Task<int> {
    for (int i = 0; i < 3; ++i) {
      threads.insert(co_await CallOn(ThisShard().peer(ShardId(i)), []() -> Task<std::thread::id> {
        co_return std::this_thread::get_id();
      }));
    }
    co_return 0;
  });
  EXPECT_EQ(threads.size(), 3U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST(RealRuntime, StopDropsWhatIsQueuedOnTheShardItBelongsTo) {
  auto runtime = RealRuntime::Create({.shards = 1});
  struct TellsWhere {
    std::optional<int>& shard;
    ~TellsWhere() { shard = ThisShardOrNull() != nullptr ? ThisShard().id().value : -1; }
  };
  std::optional<int> timer_dropped_on;
  runtime->Run([&]() -> Task<int> {
    auto owned = std::make_unique<TellsWhere>(timer_dropped_on);
    ThisShard().StartTimer(ThisShard().Now() + std::chrono::hours(1),
                           [owned = std::move(owned)] {});
    co_return 0;
  });
  EXPECT_EQ(timer_dropped_on, std::nullopt);
  runtime->Stop();
  EXPECT_EQ(timer_dropped_on, 0);
  runtime->Stop();
}

TEST(RealRuntime, ASignalRunsItsCallbackOnShardZeroAndTheOldHandlerComesBack) {
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGUSR1, nullptr, &before), 0);
  {
    auto runtime = RealRuntime::Create({.shards = 2});
    std::vector<std::pair<int, int>> delivered;  // signal, shard; touched on shard 0 only
    Event changed;
    runtime->OnSignals({SIGUSR1, SIGUSR2}, [&](int signal) {
      delivered.emplace_back(signal, ThisShard().id().value);
      changed.Notify();
    });
    runtime->Start();
    ASSERT_EQ(::raise(SIGUSR1), 0);
    ASSERT_EQ(::raise(SIGUSR2), 0);
    runtime->Run([&]() -> Task<int> {
      while (delivered.size() < 2)
        co_await changed.Wait();
      co_return 0;
    });
    runtime->Stop();
    EXPECT_EQ(delivered, (std::vector<std::pair<int, int>>{{SIGUSR1, 0}, {SIGUSR2, 0}}));
  }
  struct sigaction after{};
  ASSERT_EQ(::sigaction(SIGUSR1, nullptr, &after), 0);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

TEST(RealRuntime, RaisesTheLimitOfOpenFiles) {
  auto runtime = RealRuntime::Create({.shards = 1});
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

TEST(RealRuntime, ManyThreadsMayPostAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  auto runtime = RealRuntime::Create({.shards = 1});
  runtime->Start();
  std::vector<int> next(kThreads);  // touched on shard 0 only
  int out_of_order = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kPosts; ++i) {
        runtime->shard(0).Post(
            [&, thread, i] { out_of_order += next[static_cast<size_t>(thread)]++ == i ? 0 : 1; });
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  runtime->Run([]() -> Task<int> { co_return 0; });
  runtime->Stop();
  EXPECT_EQ(out_of_order, 0);
  EXPECT_EQ(next, std::vector<int>(kThreads, kPosts));
}

TEST(RealRuntime, ShardsThatWakeEachOtherAllTheTimeLoseNoWakeUp) {
  // Without polling before sleep every hop meets a shard that falls asleep or just has.
  auto runtime =
      RealRuntime::Create({.shards = 2, .poll_before_block = std::chrono::microseconds(0)});
  int hops = 0;
  runtime->Run([&]() -> Task<int> {
    for (int i = 0; i < 5000; ++i) {
      hops += co_await CallOn(ThisShard().peer(ShardId(1)), []() -> Task<int> { co_return 1; });
    }
    co_return 0;
  });
  EXPECT_EQ(hops, 5000);
}

TEST(BlockingPool, RunsAsManyAtOnceAsItHasThreadsAndQueuesTheRest) {
  constexpr int kThreads = 3;
  internal::BlockingPool pool(kThreads);
  std::mutex mutex;
  std::condition_variable changed;
  int started = 0;
  int finished = 0;
  bool open = false;
  for (int i = 0; i < 10; ++i) {
    pool.Submit([&] {
      std::unique_lock lock(mutex);
      ++started;
      changed.notify_all();
      changed.wait(lock, [&] { return open; });
      ++finished;
      changed.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  // All threads meet here: they do run side by side, and no more than allowed.
  changed.wait(lock, [&] { return started == kThreads; });
  EXPECT_EQ(finished, 0);
  open = true;
  changed.notify_all();
  changed.wait(lock, [&] { return finished == 10; });
  EXPECT_EQ(started, 10);
}

TEST(BlockingPool, StopFinishesWhatRunsAndDropsWhatWaits) {
  internal::BlockingPool pool(1);
  std::mutex mutex;
  std::condition_variable changed;
  bool running = false;
  bool finished = false;
  bool second_ran = false;
  auto owned = std::make_shared<int>(0);
  pool.Submit([&] {
    {
      const std::lock_guard lock(mutex);
      running = true;
      changed.notify_all();
    }
    // Until Stop has dropped the other one.
    while (owned.use_count() > 1)
      std::this_thread::yield();
    finished = true;
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running; });
  }
  pool.Submit([&second_ran, owned] { second_ran = true; });
  pool.Stop();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(second_ran);
  pool.Submit([&second_ran] { second_ran = true; });
  EXPECT_FALSE(second_ran);
}

}  // namespace
}  // namespace strom::runtime
