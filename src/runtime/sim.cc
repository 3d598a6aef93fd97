#include "runtime/sim.h"

#include "base/check.h"
#include "runtime/shard_scope.h"
#include "runtime/sim_disk.h"
#include "runtime/sim_network.h"
#include "runtime/sim_shard.h"
#include "runtime/timer_queue.h"

namespace strom::runtime {
namespace {

// What a piece of work takes: mostly little, now and then the thread is held up.
constexpr Duration kMaxWorkTime = std::chrono::microseconds(4);
constexpr Duration kMaxStall = std::chrono::milliseconds(1);
constexpr uint64_t kStallOneIn = 64;

}  // namespace

SimMachine::SimMachine(SimWorld& world, std::string address, int shards)
    : world_(world), address_(std::move(address)) {
  disk_ = std::make_unique<internal::SimDisk>(world, *this);
  for (int i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<internal::SimShard>(world, *this, ShardId(i), shards));
  }
}

SimMachine::~SimMachine() = default;

Shard& SimMachine::shard(int index) {
  STROM_CHECK(index >= 0 && index < shard_count());
  return *shards_[static_cast<size_t>(index)];
}

FileSystem& SimMachine::files() {
  return *disk_;
}

void SimMachine::Crash(SimCrash kind) {
  if (down_) return;
  down_ = true;
  ++crashes_;
  world_.Record(crashes_);
  disk_->Crash(kind);
  world_.fabric().Unplug(*this);
}

void SimMachine::CrashAfter(uint64_t disk_calls, SimCrash kind) {
  disk_->CrashAfter(disk_calls, kind);
}

void SimMachine::CancelCrash() {
  disk_->CancelCrash();
}

void SimMachine::Reboot() {
  STROM_CHECK(down_);
  down_ = false;
  disk_->Reboot();
}

uint64_t SimMachine::disk_calls() const {
  return disk_->calls();
}

bool SimMachine::FlipBit(const std::string& path, uint64_t byte, int bit) {
  return disk_->FlipBit(path, byte, bit);
}

SimWorld::SimWorld(uint64_t seed)
    : random_(seed),
      events_(std::make_unique<internal::TimerQueue>()),
      fabric_(std::make_unique<internal::SimFabric>(*this)) {}

SimWorld::~SimWorld() {
  while (events_->TakeDue(Instant::max())) {
  }
  for (auto& machine : machines_) {
    for (auto& shard : machine->shards_)
      shard->Drop();
  }
}

SimMachine& SimWorld::AddMachine(int shards) {
  const std::string address = "10.0.0." + std::to_string(machines_.size() + 1);
  machines_.push_back(std::unique_ptr<SimMachine>(new SimMachine(*this, address, shards)));
  return *machines_.back();
}

void SimWorld::At(Instant at, Work work) {
  events_->Add(at, std::move(work));
}

bool SimWorld::Run(SimMachine& machine, std::function<Task<void>()> main, uint64_t max_steps) {
  // Lives as long as the coroutine: one that got stuck may go on in a later run.
  struct Running {
    std::function<Task<void>()> body;
    bool done = false;
  };
  const auto running = std::make_shared<Running>(Running{std::move(main)});
  const auto run = [](std::shared_ptr<Running> it) -> Task<void> {
    co_await it->body();
    it->done = true;
  };
  machine.shard(0).Post([=] { Spawn(run(running)); });
  for (const uint64_t end = steps_ + max_steps; !running->done && steps_ < end;) {
    if (!RunOne() && !AdvanceToNextTimer()) return false;
  }
  return running->done;
}

void SimWorld::Settle() {
  while (RunOne()) {
  }
}

bool SimWorld::RunOne() {
  runnable_.clear();
  if (events_->next() && *events_->next() <= now_) runnable_.emplace_back(nullptr, 0);
  for (auto& machine : machines_) {
    for (auto& shard : machine->shards_) {
      for (size_t source = 0; source < shard->source_count(); ++source) {
        if (shard->HasWork(source)) runnable_.emplace_back(shard.get(), source);
      }
    }
  }
  if (runnable_.empty()) return false;
  const size_t choice = random_.Below(runnable_.size());
  const auto [shard, source] = runnable_[choice];
  ++steps_;
  Record(static_cast<uint64_t>(now_.time_since_epoch().count()) ^ choice << 56 ^ source << 48);
  if (shard != nullptr) {
    shard->RunFrom(source);
  } else {
    const internal::ShardScope outside(nullptr);
    Work work = events_->TakeDue(now_);
    work();
  }
  now_ += RandomDelay(random_.Below(kStallOneIn) == 0 ? kMaxStall : kMaxWorkTime);
  return true;
}

bool SimWorld::AdvanceToNextTimer() {
  std::optional<Instant> next = events_->next();
  for (auto& machine : machines_) {
    for (auto& shard : machine->shards_) {
      const auto timer = shard->next_timer();
      if (timer && (!next || *timer < *next)) next = timer;
    }
  }
  if (!next) return false;
  now_ = std::max(now_, *next);
  return true;
}

}  // namespace strom::runtime
