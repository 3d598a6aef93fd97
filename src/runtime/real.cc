#include "runtime/real.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/check.h"
#include "runtime/real_file.h"
#include "runtime/real_shard.h"
#include "runtime/signal_source.h"

namespace strom::runtime {
namespace {

void RaiseOpenFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  // Refused only where the hard limit is beyond the system's own: then the old one stays.
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// How the thread that called Run learns that main is done.
struct MainResult {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<int> value;

  void Set(int result) {
    // Notified under the lock: the waiter owns this object and may be gone right after.
    const std::lock_guard lock(mutex);
    value = result;
    changed.notify_one();
  }
  int Wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return value.has_value(); });
    return *value;
  }
};

Task<void> RunMain(const std::function<Task<int>()>& main, MainResult& result) {
  const int value = co_await main();
  result.Set(value);
}

}  // namespace

std::unique_ptr<RealRuntime> RealRuntime::Create(RealOptions options) {
  if (options.shards == 0) {
    options.shards = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  RaiseOpenFileLimit();
  return std::unique_ptr<RealRuntime>(new RealRuntime(options));
}

RealRuntime::RealRuntime(const RealOptions& options)
    : files_(internal::MakeRealFileSystem()),
      shared_(std::make_unique<internal::RealShared>(options.blocking_threads)) {
  STROM_CHECK(options.shards > 0);
  shared_->files = files_.get();
  shared_->poll_before_block = options.poll_before_block;
  for (int i = 0; i < options.shards; ++i) {
    shards_.push_back(std::make_unique<internal::RealShard>(ShardId(i), *shared_));
    shared_->shards.push_back(shards_.back().get());
  }
}

RealRuntime::~RealRuntime() {
  Stop();
}

Shard& RealRuntime::shard(int index) {
  return *shards_.at(static_cast<size_t>(index));
}

void RealRuntime::Start() {
  STROM_CHECK(threads_.empty() && !stopped_);
  for (auto& shard : shards_) {
    threads_.emplace_back([shard = shard.get()] {
      pthread_setname_np(pthread_self(), fmt::format("strom-{}", shard->id()).c_str());
      shard->Loop();
    });
  }
}

void RealRuntime::Stop() {
  if (std::exchange(stopped_, true)) return;
  signals_.reset();
  // Before the shards: what it still runs posts its result to them.
  shared_->pool.Stop();
  for (auto& shard : shards_)
    shard->RequestStop();
  for (std::thread& thread : threads_)
    thread.join();
}

int RealRuntime::Run(std::function<Task<int>()> main) {
  if (threads_.empty()) Start();
  MainResult result;
  shard(0).Post([&] { Spawn(RunMain(main, result)); });
  return result.Wait();
}

void RealRuntime::OnSignals(std::vector<int> signals, std::function<void(int)> callback) {
  STROM_CHECK(signals_ == nullptr);
  signals_ =
      std::make_unique<internal::SignalSource>(std::move(signals), shard(0), std::move(callback));
}

}  // namespace strom::runtime
