// For tests only: runs a coroutine on a runtime, with a folder that goes afterwards.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/real.h"
#include "runtime/shard.h"
#include "runtime/sim.h"

namespace strom::runtime {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "strom-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The body may use ASSERT_ macros in lambdas of its own only; it returns when it is done.
inline void RunOnShard(std::function<Task<void>()> body, int shards = 1) {
  auto runtime = RealRuntime::Create({.shards = shards, .blocking_threads = 4});
  const int result = runtime->Run([&body]() -> Task<int> {
    co_await body();
    co_return 7;
  });
  EXPECT_EQ(result, 7);
  runtime->Stop();
}

// The same in a simulated world, on the only machine of it, with the folder `folder`.
inline void RunSimulated(std::function<Task<void>()> body, int shards, const std::string& folder,
                         uint64_t seed = 1) {
  SimWorld world(seed);
  SimMachine& machine = world.AddMachine(shards);
  ASSERT_TRUE(machine.files().CreateDirectories(folder));
  EXPECT_TRUE(world.Run(machine, std::move(body))) << "it waits for something that cannot come";
}

enum class RuntimeKind { kReal, kSimulated };

// An empty folder of the chosen runtime's file system, and running on that runtime.
class AnyRuntime {
 public:
  explicit AnyRuntime(RuntimeKind kind) : kind_(kind) {}

  std::string folder() const {
    return kind_ == RuntimeKind::kReal ? real_folder_.path() : "/simulated/folder";
  }
  // Once, as the simulated disk goes with its world.
  void Run(std::function<Task<void>()> body, int shards) const {
    if (kind_ == RuntimeKind::kReal) return RunOnShard(std::move(body), shards);
    RunSimulated(std::move(body), shards, folder());
  }

 private:
  const RuntimeKind kind_;
  TemporaryFolder real_folder_;
};

}  // namespace strom::runtime
