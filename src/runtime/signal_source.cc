#include "runtime/signal_source.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/check.h"

namespace strom::runtime::internal {
namespace {

constexpr uint8_t kStop = 0;  // no signal has this number

// A handler may only write; a thread reads at the other end. This works whatever signal masks the
// threads of linked libraries have.
std::atomic<int> write_to{-1};

void OnSignal(int signal) {
  const int saved_errno = errno;
  const auto number = static_cast<uint8_t>(signal);
  [[maybe_unused]] const ssize_t written = ::write(write_to.load(), &number, 1);
  errno = saved_errno;
}

}  // namespace

SignalSource::SignalSource(std::vector<int> signals, Shard& shard,
                           std::function<void(int)> callback) {
  int ends[2];
  STROM_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  read_end_ = UniqueFd(ends[0]);
  write_end_ = UniqueFd(ends[1]);
  STROM_CHECK(write_to.exchange(write_end_.get()) == -1);
  for (const int signal : signals) {
    struct sigaction action{};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_RESTART;
    struct sigaction before{};
    STROM_CHECK(::sigaction(signal, &action, &before) == 0);
    previous_.emplace_back(signal, before);
  }
  thread_ = std::thread([this, &shard, callback = std::move(callback)] { Serve(shard, callback); });
}

SignalSource::~SignalSource() {
  for (const auto& [signal, action] : previous_)
    ::sigaction(signal, &action, nullptr);
  [[maybe_unused]] const ssize_t written = ::write(write_end_.get(), &kStop, 1);
  thread_.join();
  write_to = -1;
}

void SignalSource::Serve(Shard& shard, const std::function<void(int)>& callback) {
  pthread_setname_np(pthread_self(), "strom-signals");
  for (;;) {
    uint8_t signal = kStop;
    const ssize_t got = ::read(read_end_.get(), &signal, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || signal == kStop) return;
    shard.Post([callback, signal] { callback(signal); });
  }
}

}  // namespace strom::runtime::internal
