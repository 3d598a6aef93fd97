#include "runtime/real_shard.h"

#include <random>

#include "base/check.h"
#include "runtime/file.h"
#include "runtime/real_network.h"
#include "runtime/shard_scope.h"

namespace strom::runtime::internal {
namespace {

// Work run between two looks at the descriptors and timers.
constexpr int kWorkPerTurn = 256;
constexpr int kMaxSpareNodes = 1024;

// The shard that runs on this thread; a shard of another runtime on this thread is a stranger.
constinit thread_local RealShard* running_shard = nullptr;

uint64_t SystemSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

RealShard::RealShard(ShardId id, RealShared& shared)
    : id_(id),
      shared_(shared),
      network_(MakeRealNetwork(*this)),
      random_(SystemSeed()),
      idle_policy_(shared.poll_before_block) {}

RealShard::~RealShard() {
  while (spare_nodes_ != nullptr)
    delete std::exchange(spare_nodes_, spare_nodes_->next);
}

Shard& RealShard::peer(ShardId id) {
  STROM_CHECK(id.value >= 0 && id.value < shard_count());
  return *shared_.shards[static_cast<size_t>(id.value)];
}

Instant RealShard::Now() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

Timestamp RealShard::WallClock() {
  return Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count());
}

void RealShard::Post(Work work) {
  RealShard* sender = running_shard;
  if (sender == this) {
    queue_.Push(MakeNode(std::move(work)));
    return;
  }
  if (sender == nullptr || &sender->shared_ != &shared_) {
    WorkNode* node = new WorkNode{nullptr, std::move(work)};
    Receive(Outbox{node, node});
    return;
  }
  const size_t receiver = static_cast<size_t>(id_.value);
  Outbox& outbox = sender->outboxes_[receiver];
  if (outbox.newest == nullptr) sender->full_outboxes_.push_back(id_.value);
  outbox.Push(sender->MakeNode(std::move(work)));
}

void RealShard::Receive(const Outbox& batch) {
  // The pair of WaitForWork: the inbox is changed before sleeping_ is read, there sleeping_ is set
  // before the inbox is read, so one of the two sees the other.
  if (inbox_.Push(batch) && sleeping_.exchange(false)) reactor_.Interrupt();
}

void RealShard::HandOver() {
  for (const int receiver : full_outboxes_) {
    Outbox& outbox = outboxes_[static_cast<size_t>(receiver)];
    shared_.shards[static_cast<size_t>(receiver)]->Receive(std::exchange(outbox, {}));
  }
  full_outboxes_.clear();
}

TimerId RealShard::StartTimer(Instant at, Work work) {
  return timers_.Add(at, std::move(work));
}

void RealShard::CancelTimer(TimerId id) {
  timers_.Cancel(id);
}

void RealShard::RunBlocking(Work blocking, Work done) {
  shared_.pool.Submit([this, blocking = std::move(blocking), done = std::move(done)]() mutable {
    blocking();
    // Both are destroyed on the shard, where what they refer to is at home.
    Post([blocking = std::move(blocking), done = std::move(done)]() mutable { done(); });
  });
}

WorkNode* RealShard::MakeNode(Work work) {
  if (spare_nodes_ == nullptr) return new WorkNode{nullptr, std::move(work)};
  --spare_count_;
  WorkNode* node = std::exchange(spare_nodes_, spare_nodes_->next);
  node->work = std::move(work);
  return node;
}

void RealShard::RecycleNode(WorkNode* node) {
  node->work = {};
  if (spare_count_ >= kMaxSpareNodes) {
    delete node;
    return;
  }
  ++spare_count_;
  node->next = std::exchange(spare_nodes_, node);
}

void RealShard::Loop() {
  const ShardScope scope(this);
  running_shard = this;
  outboxes_.resize(shared_.shards.size());
  while (!stopping_.load(std::memory_order_acquire)) {
    Turn();
    WaitForWork();
  }
  // Work is destroyed on its shard, dropped work too.
  while (WorkNode* node = queue_.Pop())
    RecycleNode(node);
  while (timers_.TakeDue(Instant::max())) {
  }
  HandOver();
  running_shard = nullptr;
}

void RealShard::RequestStop() {
  stopping_.store(true, std::memory_order_release);
  reactor_.Interrupt();
}

void RealShard::Turn() {
  queue_.PushChain(inbox_.TakeAll());
  RunDueTimers();
  for (int i = 0; i < kWorkPerTurn; ++i) {
    WorkNode* node = queue_.Pop();
    if (node == nullptr) return;
    node->work();
    RecycleNode(node);
    HandOver();
  }
}

void RealShard::RunDueTimers() {
  if (!timers_.next()) return;
  const Instant now = Now();
  // Bounded, so that timers which start the next one for "now" do not keep out all else.
  for (size_t left = timers_.size(); left > 0; --left) {
    Work work = timers_.TakeDue(now);
    if (!work) return;
    work();
    work = {};
    HandOver();
  }
}

bool RealShard::SomethingToDo() {
  return !queue_.empty() || !inbox_.empty() || stopping_.load(std::memory_order_acquire);
}

void RealShard::WaitForWork() {
  if (reactor_.Poll(Duration::zero()) || SomethingToDo()) return;
  const Instant idle = Now();
  const Instant poll_end = idle + idle_policy_.WindowAfter(idle - busy_since_);
  Instant now = idle;
  while (now < poll_end) {
    const bool found = reactor_.Poll(Duration::zero()) || SomethingToDo();
    now = Now();
    busy_since_ = now;
    if (timers_.next() && *timers_.next() <= now) return;
    if (!found) continue;
    idle_policy_.Came(now - idle, false);
    return;
  }
  sleeping_.store(true);
  if (!SomethingToDo()) {
    std::optional<Duration> timeout;
    if (timers_.next()) timeout = *timers_.next() - now;
    reactor_.Poll(timeout);
  }
  sleeping_.store(false);
  busy_since_ = Now();
  idle_policy_.Came(busy_since_ - idle, true);
}

}  // namespace strom::runtime::internal
