// For tests only: runs a coroutine on a real one-shard runtime, with a folder that goes afterwards.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/real.h"
#include "runtime/shard.h"

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

}  // namespace strom::runtime
