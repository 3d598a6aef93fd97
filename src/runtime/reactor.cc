#include "runtime/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <ctime>

#include "base/check.h"

namespace strom::runtime::internal {
namespace {

constexpr int kEventsPerPoll = 128;

int WaitForEvents(int epoll, epoll_event* events, std::optional<Duration> timeout) {
  if (!timeout) return ::epoll_wait(epoll, events, kEventsPerPoll, -1);
  if (timeout->count() <= 0) return ::epoll_wait(epoll, events, kEventsPerPoll, 0);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
  const timespec precise{.tv_sec = seconds.count(), .tv_nsec = (*timeout - seconds).count()};
  const int count = ::epoll_pwait2(epoll, events, kEventsPerPoll, &precise, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  // Kernels before 5.11 know milliseconds only; a timer must not fire early. A day is cut off to
  // fit the argument; the shard simply asks again.
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(
      std::min<Duration>(*timeout, std::chrono::hours(24)));
  return ::epoll_wait(epoll, events, kEventsPerPoll, static_cast<int>(rounded.count()));
}

}  // namespace

Reactor::Reactor()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), interrupt_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  STROM_CHECK(epoll_.valid() && interrupt_.valid());
  // Edge-triggered, so that nobody has to read it: each write is a new event.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  STROM_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, interrupt_.get(), &event) == 0);
}

bool Reactor::Poll(std::optional<Duration> timeout) {
  std::array<epoll_event, kEventsPerPoll> events;
  const int count = WaitForEvents(epoll_.get(), events.data(), timeout);
  STROM_CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.ptr == nullptr) continue;
    static_cast<Watch*>(events[i].data.ptr)->OnEvents(events[i].events);
  }
  return count > 0;
}

void Reactor::Interrupt() {
  const uint64_t one = 1;
  // Fails only when the counter is at its limit, and then an event is pending anyway.
  [[maybe_unused]] const ssize_t written = ::write(interrupt_.get(), &one, sizeof(one));
}

bool Reactor::Add(Watch& watch) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &watch}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, watch.fd(), &event) == 0;
}

Watch::~Watch() {
  STROM_CHECK(!waiting_[kRead] && !waiting_[kWrite]);
}

void Watch::Interrupt(Direction direction) {
  if (!waiting_[direction]) return;
  ThisShard().Post([handle = std::exchange(waiting_[direction], {})] { handle.resume(); });
}

void Watch::SetWaiter(Direction direction, std::coroutine_handle<> waiting) {
  STROM_CHECK(!waiting_[direction]);
  waiting_[direction] = waiting;
}

void Watch::OnEvents(uint32_t events) {
  // After an error or hang-up every call answers at once.
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (broken || (events & EPOLLRDHUP) != 0) read_ended_ = true;
  if (broken || (events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    ready_[kRead] = true;
    Interrupt(kRead);
  }
  if (broken || (events & EPOLLOUT) != 0) {
    ready_[kWrite] = true;
    Interrupt(kWrite);
  }
}

}  // namespace strom::runtime::internal
