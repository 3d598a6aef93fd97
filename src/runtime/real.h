// The runtime of a process: one thread a shard, the system's files and sockets. Made once, by the
// thread that starts the process; Start, Run, OnSignals and Stop belong to that thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/file.h"
#include "runtime/network.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace strom::runtime {

namespace internal {
class RealShard;
class SignalSource;
struct RealShared;
}  // namespace internal

struct RealOptions {
  int shards = 0;             // 0 = one per core
  int blocking_threads = 16;  // at most; they start when needed
  // How long an idle shard looks for work before it sleeps: waking it costs 50 µs. 0 = not at all.
  std::chrono::microseconds poll_before_block{10};
};

class RealRuntime {
 public:
  // Also raises the process's limit of open files as far as it may.
  static std::unique_ptr<RealRuntime> Create(RealOptions options);
  ~RealRuntime();  // stops

  int shard_count() const { return static_cast<int>(shards_.size()); }
  Shard& shard(int index);

  // Starts the threads. What was posted before runs now.
  void Start();
  // Ends the threads: the blocking call that runs is finished, everything still queued is dropped.
  // Whoever wants an orderly end awaits it before (in Run's main). Cannot be started again.
  void Stop();

  // Runs `main` on shard 0, on started shards or starting them, and blocks until it is done;
  // returns its result. The shards go on.
  int Run(std::function<Task<int>()> main);

  // From now on these signals call `callback` on shard 0 instead of what they did before. Once.
  void OnSignals(std::vector<int> signals, std::function<void(int)> callback);

 private:
  explicit RealRuntime(const RealOptions& options);

  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<internal::RealShared> shared_;
  std::vector<std::unique_ptr<internal::RealShard>> shards_;
  std::vector<std::thread> threads_;
  std::unique_ptr<internal::SignalSource> signals_;
  bool stopped_ = false;
};

}  // namespace strom::runtime
