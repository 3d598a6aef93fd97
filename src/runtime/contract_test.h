// For tests only: the seam's contract is asked of every runtime alike. A test made with TEST_P on
// RuntimeContract runs once on each of them.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "runtime/shard.h"
#include "runtime/sim.h"
#include "runtime/task.h"
#include "runtime/test_runtime.h"

namespace strom::runtime {

class RuntimeContract : public testing::TestWithParam<RuntimeKind> {
 protected:
  // Runs `body` to its end on shard 0 of a new runtime.
  void Run(std::function<Task<void>()> body, int shards = 1) {
    runtime_.Run(std::move(body), shards);
  }

  // Posts `count` pieces of work to shard 0 from outside of the runtime and returns when all ran.
  void RunPosted(int count, const std::function<void(int)>& work) {
    if (GetParam() == RuntimeKind::kSimulated) {
      SimWorld world(1);
      SimMachine& machine = world.AddMachine(2);
      for (int i = 0; i < count; ++i)
        machine.shard(0).Post([&work, i] { work(i); });
      return world.Settle();
    }
    auto runtime = RealRuntime::Create({.shards = 2});
    for (int i = 0; i < count / 2; ++i)
      runtime->shard(0).Post([&work, i] { work(i); });
    runtime->Start();
    for (int i = count / 2; i < count; ++i)
      runtime->shard(0).Post([&work, i] { work(i); });
    // Posted last by the same sender, so it runs last.
    runtime->Run([]() -> Task<int> { co_return 0; });
  }

  // An empty folder of the runtime's file system.
  std::string folder() const { return runtime_.folder(); }
  std::string PathOf(std::string_view name) const { return folder() + "/" + std::string(name); }

 private:
  AnyRuntime runtime_{GetParam()};
};

inline std::string NameOfKind(const testing::TestParamInfo<RuntimeKind>& info) {
  return info.param == RuntimeKind::kReal ? "Real" : "Simulated";
}

// Once in each file of contract tests, for its own alias of RuntimeContract.
#define STROM_ON_EVERY_RUNTIME(suite) \
  INSTANTIATE_TEST_SUITE_P(           \
      Runtime, suite, testing::Values(RuntimeKind::kReal, RuntimeKind::kSimulated), NameOfKind)

// Ends a test's coroutine when going on makes no sense.
#define STROM_CO_ASSERT(condition) \
  if (!(condition)) {              \
    ADD_FAILURE() << #condition;   \
    co_return;                     \
  }

}  // namespace strom::runtime
