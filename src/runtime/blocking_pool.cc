#include "runtime/blocking_pool.h"

#include <pthread.h>

#include "base/check.h"

namespace strom::runtime::internal {

BlockingPool::BlockingPool(int max_threads) : max_threads_(max_threads) {
  STROM_CHECK(max_threads > 0);
}

void BlockingPool::Submit(Work work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  waiting_.push_back(std::move(work));
  if (std::cmp_less_equal(waiting_.size(), idle_)) {
    changed_.notify_one();
  } else if (std::cmp_less(threads_.size(), max_threads_)) {
    threads_.emplace_back([this] { Serve(); });
  }
}

void BlockingPool::Serve() {
  pthread_setname_np(pthread_self(), "strom-blocking");
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_) return;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    work = {};
    lock.lock();
  }
}

void BlockingPool::Stop() {
  std::vector<std::thread> threads;
  std::deque<Work> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    dropped.swap(waiting_);
  }
  changed_.notify_all();
  dropped.clear();  // now: what still runs may wait for what they hold
  for (std::thread& thread : threads)
    thread.join();
}

}  // namespace strom::runtime::internal
