// Sockets of the simulated runtime (sim.h): streams that arrive in pieces, late, or break.
#pragma once

#include <coroutine>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/network.h"
#include "runtime/sim.h"

namespace strom::runtime::internal {

class SimShard;
class SimListener;

// At most one coroutine that waits for something on a shard.
class SimWaiter {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  void await_resume() const noexcept {}
  void Wake();

 private:
  Shard* shard_ = nullptr;
  std::coroutine_handle<> waiting_;
};

// One direction of a connection.
struct SimStream {
  Bytes arrived;  // can be read; what was read is before `read`
  size_t read = 0;
  size_t in_flight = 0;    // bytes written and not arrived
  Instant last_arrival{};  // pieces do not overtake each other
  bool ended = false;      // no more will come: the writer closed
  bool end_arrived = false;
  bool reader_gone = false;
  SimWaiter reader;
  SimWaiter writer;

  size_t readable() const { return arrived.size() - read; }
};

// Both directions and who holds the ends: 0 connected, 1 accepted.
struct SimLink {
  SimStream streams[2];  // [i]: what end i writes
  SimMachine* machines[2] = {};
  bool broken = false;
};

class SimFabric {
 public:
  explicit SimFabric(SimWorld& world) : world_(world) {}

  SimWorld& world() { return world_; }
  // Everything that ends at the machine breaks; its listeners close.
  void Unplug(SimMachine& machine);
  void Break(SimLink& link);

  // Port 0 is replaced by a free one. False if the port is taken.
  bool Bind(SimMachine& machine, Endpoint& endpoint, SimListener& listener);
  void Unbind(SimListener& listener);
  // Null if nobody listens there.
  SimListener* FindListener(const std::string& machine_address, uint16_t port);
  std::shared_ptr<SimLink> NewLink(SimMachine& from, SimMachine& to);

  // Sends a piece on its way.
  void Send(const std::shared_ptr<SimLink>& link, int end, ByteView piece);
  // The end that no more comes, after what is on its way.
  void SendEnd(const std::shared_ptr<SimLink>& link, int end);

 private:
  Instant ArrivalOf(SimStream& stream);

  SimWorld& world_;
  std::map<std::pair<std::string, uint16_t>, SimListener*> listeners_;
  std::vector<std::weak_ptr<SimLink>> links_;
  uint16_t next_port_ = 40'000;
};

std::unique_ptr<Network> MakeSimNetwork(SimShard& shard);

}  // namespace strom::runtime::internal
