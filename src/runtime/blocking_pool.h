// Threads for calls that wait for the device or for name servers. They start when there is work
// and none is free, up to a bound, and stay. Used from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/shard.h"

namespace strom::runtime::internal {

class BlockingPool {
 public:
  explicit BlockingPool(int max_threads);
  BlockingPool(const BlockingPool&) = delete;
  ~BlockingPool() { Stop(); }

  void Submit(Work work);
  // Lets what runs finish and joins; what still waits is dropped. Later submissions are dropped.
  void Stop();

 private:
  void Serve();

  const int max_threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> waiting_;
  std::vector<std::thread> threads_;
  int idle_ = 0;
  bool stopping_ = false;
};

}  // namespace strom::runtime::internal
