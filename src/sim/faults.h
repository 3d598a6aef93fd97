// Which faults a seed has, and when they come.
#pragma once

#include <string>

#include "runtime/sim.h"
#include "server/settings.h"

namespace strom::sim {

struct Profile {
  bool power_cuts = false;       // else only kills, where the page cache survives
  bool planned_crashes = false;  // in the middle of disk calls
  double write_error = 0;
  double sync_error = 0;
  double read_error = 0;
  double open_error = 0;
  bool small_disk = false;
  double network_cut = 0;
  bool slow_network = false;
  bool clock_steps = false;
  int64_t ttl_ms = 0;    // of the table's rows; 0: long
  bool bit_rot = false;  // between lives, in files that nobody writes

  bool disk_errors() const {
    return write_error > 0 || sync_error > 0 || read_error > 0 || open_error > 0 || small_disk;
  }
  std::string ToString() const;
};

Profile ChooseProfile(runtime::RandomSource& random);
// Small segments and intervals, so that a short life meets every edge.
server::ServerSettings ChooseSettings(runtime::RandomSource& random, const Profile& profile);

void SetFaults(const Profile& profile, bool on, runtime::SimWorld& world,
               runtime::SimMachine& machine);

}  // namespace strom::sim
