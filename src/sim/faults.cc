#include "sim/faults.h"

#include <fmt/format.h>

#include "sim/cluster.h"

namespace strom::sim {
namespace {

using std::chrono::milliseconds;

double SomeChance(runtime::RandomSource& random, double most) {
  return random.Chance(0.3) ? most * static_cast<double>(1 + random.Below(100)) / 100 : 0;
}

}  // namespace

std::string Profile::ToString() const {
  std::string text = power_cuts ? "power cuts" : "kills";
  const auto add = [&](bool has, std::string_view name) {
    if (has) text += fmt::format(", {}", name);
  };
  add(planned_crashes, "crashes inside calls");
  add(write_error > 0, "write errors");
  add(sync_error > 0, "sync errors");
  add(read_error > 0, "read errors");
  add(open_error > 0, "errors of names");
  add(small_disk, "full disk");
  add(network_cut > 0, "cut connections");
  add(slow_network, "slow network");
  add(clock_steps, "clock steps");
  add(bit_rot, "bit rot");
  if (ttl_ms > 0) text += fmt::format(", rows live {} ms", ttl_ms);
  return text;
}

Profile ChooseProfile(runtime::RandomSource& random) {
  Profile profile;
  profile.power_cuts = random.Chance(0.8);
  profile.planned_crashes = random.Chance(0.6);
  if (random.Chance(0.5)) {
    profile.write_error = SomeChance(random, 0.02);
    profile.sync_error = SomeChance(random, 0.05);
    profile.read_error = SomeChance(random, 0.01);
    profile.open_error = SomeChance(random, 0.01);
    profile.small_disk = random.Chance(0.2);
  }
  profile.network_cut = SomeChance(random, 0.05);
  profile.slow_network = random.Chance(0.2);
  profile.clock_steps = random.Chance(0.2);
  profile.bit_rot = random.Chance(0.1);
  if (random.Chance(0.3)) profile.ttl_ms = static_cast<int64_t>(random.Between(5, 300));
  return profile;
}

server::ServerSettings ChooseSettings(runtime::RandomSource& random, const Profile& profile) {
  server::ServerSettings settings;
  settings.data_dir = "/data";
  settings.listeners = {{"FLUSS", {"0.0.0.0", SimServer::kPort}, std::nullopt}};
  settings.log.segment_bytes = random.Between(300, 6000);
  settings.log.index_interval_bytes = random.Between(1, 500);
  settings.log.index_bytes = 8 * random.Between(4, 200);
  settings.checkpoint_interval = milliseconds(random.Between(5, 500));
  settings.retention_interval = milliseconds(random.Between(1, 50));
  settings.roll_expired_active_segment = random.Chance(0.5);
  settings.disk_write_limit = random.Chance(0.3) ? 0.85 : 1;
  settings.disk_check_interval = milliseconds(random.Between(1, 50));
  settings.segment_max_age = milliseconds(random.Between(1, 100'000));
  if (random.Chance(0.7)) settings.close_idle_interval = milliseconds(random.Between(1, 30));
  settings.connection_memory_bytes = random.Between(1, 64) << 10;
  settings.remote_data_dir = "/remote";
  if (random.Chance(0.5)) settings.close_idle_store_interval = milliseconds(random.Between(1, 100));
  settings.store_retry = {.commits = static_cast<int>(random.Between(1, 3)),
                          .first_wait = milliseconds(1),
                          .longest_wait = milliseconds(random.Between(1, 20)),
                          .reopen_interval = milliseconds(random.Between(1, 20))};
  if (random.Chance(0.6)) settings.kv_snapshot_interval = milliseconds(random.Between(3, 200));
  settings.kv_snapshots_retained = static_cast<int32_t>(random.Between(1, 3));
  settings.scans.ttl = milliseconds(random.Between(1, 100'000));
  // What is not synced before it is acknowledged survives a kill only.
  if (!profile.power_cuts && !profile.disk_errors() && random.Chance(0.5)) {
    settings.commit.mode =
        random.Chance(0.5) ? log::CommitMode::kInterval : log::CommitMode::kNever;
    settings.commit.interval = milliseconds(random.Between(1, 100));
  }
  return settings;
}

void SetFaults(const Profile& profile, bool on, runtime::SimWorld& world,
               runtime::SimMachine& machine) {
  runtime::SimDiskFaults& disk = machine.disk_faults;
  disk = {};
  world.network_faults = {};
  machine.CancelCrash();
  if (!on) return;
  disk.write_error = profile.write_error;
  disk.sync_error = profile.sync_error;
  disk.read_error = profile.read_error;
  disk.open_error = profile.open_error;
  if (profile.small_disk) disk.capacity_bytes = world.random().Between(10'000, 60'000);
  world.network_faults.cut = profile.network_cut;
  if (profile.slow_network) world.network_faults.max_delay = milliseconds(20);
}

}  // namespace strom::sim
