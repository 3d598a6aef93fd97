// The simulated runtime: whole machines in one thread, under a clock that jumps to the next event.
// Everything that may happen in more than one order or take more than one time is drawn from one
// seed, so a run with the same seed and the same program repeats exactly: trace() says so.
//
//   SimWorld world(seed);
//   SimMachine& server = world.AddMachine(2);
//   SimMachine& client = world.AddMachine(1);
//   world.Run(client, [&]() -> Task<void> { …; server.Crash(SimCrash::kPower); … });
//
// A crash keeps of the disk what was synced and, as the seed wills, any part of the rest; cuts the
// connections; and lets nothing reach the disk or the network any more. What ran on the machine is
// then a ghost: it goes on only to be taken down (its calls fail, its Stop returns), so that a
// crash leaks nothing. Reboot lets the next program start from what the disk kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/file.h"
#include "runtime/network.h"
#include "runtime/random.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace strom::runtime {

namespace internal {
class SimDisk;
class SimFabric;
class SimShard;
class TimerQueue;
}  // namespace internal

// What may go wrong on its own, as chances per call. All off unless set.
struct SimDiskFaults {
  double write_error = 0;  // EIO after an unknown prefix
  double sync_error = 0;   // EIO; as on Linux the bytes stay readable and may never reach the disk
  double read_error = 0;   // EIO
  double open_error = 0;   // EIO of Open, Rename, Remove, List and SyncDirectory
  uint64_t capacity_bytes = uint64_t{1} << 40;  // ENOSPC beyond
};

struct SimNetworkFaults {
  Duration max_delay = std::chrono::microseconds(200);  // of one piece of a stream
  double cut = 0;  // chance per piece that its connection breaks instead
};

enum class SimCrash {
  kProcess,  // as kill -9: the page cache survives
  kPower,    // unsynced bytes may be lost, in any order, the last of them torn
};

class SimWorld;

class SimMachine {
 public:
  ~SimMachine();

  // "10.0.0.1", "10.0.0.2", …; "127.0.0.1" and "localhost" are the machine itself.
  const std::string& address() const { return address_; }
  int shard_count() const { return static_cast<int>(shards_.size()); }
  Shard& shard(int index);
  FileSystem& files();

  void Crash(SimCrash kind);
  // At that many more calls that change the disk, before it takes effect.
  void CrashAfter(uint64_t disk_calls, SimCrash kind);
  void CancelCrash();
  bool down() const { return down_; }
  // The ghost must be gone: its server stopped and destroyed.
  void Reboot();
  // How often the machine has crashed.
  uint64_t crashes() const { return crashes_; }
  // Disk calls that changed something, over all lives.
  uint64_t disk_calls() const;
  void StepWallClock(Duration by) { wall_offset_ += by; }
  // Flips one bit of a file, on the disk and for who has it open. False if there is no such byte.
  bool FlipBit(const std::string& path, uint64_t byte, int bit);

  SimDiskFaults disk_faults;

 private:
  friend class SimWorld;
  friend class internal::SimShard;
  SimMachine(SimWorld& world, std::string address, int shards);

  SimWorld& world_;
  std::string address_;
  std::unique_ptr<internal::SimDisk> disk_;
  std::vector<std::unique_ptr<internal::SimShard>> shards_;
  Duration wall_offset_{};
  uint64_t crashes_ = 0;
  bool down_ = false;
};

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;

  SimMachine& AddMachine(int shards);

  // Runs `main` on shard 0 of `machine` and everything else with it until main is done. False if
  // nothing can happen any more, or not within `max_steps` pieces of work.
  bool Run(SimMachine& machine, std::function<Task<void>()> main, uint64_t max_steps = 50'000'000);
  // Goes on until no work is queued that is due now; timers in the future stay.
  void Settle();

  RandomSource& random() { return random_; }
  Instant now() const { return now_; }
  uint64_t steps() const { return steps_; }
  // A hash over every step: what ran where and when, what was written, what was delivered.
  uint64_t trace() const { return trace_; }
  void Record(uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001b3ULL; }

  SimNetworkFaults network_faults;

  // For the parts of the simulation: `work` runs at `at`, outside of any shard.
  void At(Instant at, Work work);
  Duration RandomDelay(Duration max) {
    return Duration(
        static_cast<Duration::rep>(random_.Below(static_cast<uint64_t>(max.count()) + 1)));
  }
  internal::SimFabric& fabric() { return *fabric_; }

 private:
  // False if nothing is due.
  bool RunOne();
  bool AdvanceToNextTimer();

  RandomSource random_;
  Instant now_{std::chrono::hours(1)};
  uint64_t steps_ = 0;
  uint64_t trace_ = 0xcbf29ce484222325ULL;
  std::unique_ptr<internal::TimerQueue> events_;
  std::unique_ptr<internal::SimFabric> fabric_;
  std::vector<std::unique_ptr<SimMachine>> machines_;
  std::vector<std::pair<internal::SimShard*, size_t>> runnable_;  // reused by RunOne
};

}  // namespace strom::runtime
