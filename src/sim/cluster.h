// One simulated server that is started, taken down and started again, as seen from its clients'
// machine. Not a cluster of servers yet.
#pragma once

#include <memory>
#include <string>

#include "runtime/sim.h"
#include "server/server.h"

namespace strom::sim {

class SimServer {
 public:
  enum class State { kDown, kStarting, kUp, kStopping };

  SimServer(runtime::SimWorld& world, int shards, server::ServerSettings settings)
      : machine_(world.AddMachine(shards)), settings_(std::move(settings)) {}

  runtime::SimMachine& machine() { return machine_; }
  server::ServerSettings& settings() { return settings_; }
  // How many processes there were. What one had under way ends with it.
  uint64_t lives() const { return lives_; }
  bool up() const { return state_ == State::kUp && !machine_.down(); }
  runtime::Endpoint endpoint() const { return {machine_.address(), kPort}; }

  // To be awaited on another machine. An error if the server did not start.
  runtime::Task<Status> Start();
  // Ends the process in an orderly way; after a crash it takes the ghost down and reboots. What
  // Stop said; the machine is up and the process gone either way.
  runtime::Task<Status> TakeDown();

  static constexpr uint16_t kPort = 9123;

 private:
  static runtime::Task<void> StartHere(SimServer* self);
  static runtime::Task<void> StopHere(SimServer* self);
  runtime::Task<void> Leave(State state);

  runtime::SimMachine& machine_;
  server::ServerSettings settings_;
  std::unique_ptr<server::Server> server_;
  State state_ = State::kDown;
  Status result_;
  uint64_t lives_ = 0;
};

}  // namespace strom::sim
