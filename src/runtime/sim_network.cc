#include "runtime/sim_network.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/crc32c.h"
#include "runtime/errno_text.h"
#include "runtime/sim_shard.h"

namespace strom::runtime::internal {
namespace {

// Of one direction: what a writer may have out before it waits for the reader.
constexpr size_t kWindowBytes = size_t{64} << 10;
constexpr size_t kMaxPieceBytes = size_t{16} << 10;
// Where all machines find themselves.
constexpr std::string_view kLoopback = "127.0.0.1";

}  // namespace

void SimWaiter::await_suspend(std::coroutine_handle<> waiting) {
  STROM_CHECK(!waiting_);
  shard_ = &ThisShard();
  waiting_ = waiting;
}

void SimWaiter::Wake() {
  if (!waiting_) return;
  shard_->Post([waiting = std::exchange(waiting_, nullptr)] { waiting.resume(); });
}

namespace {

class SimPending final : public PendingConnection {
 public:
  SimPending(SimFabric& fabric, std::shared_ptr<SimLink> link)
      : fabric_(fabric), link_(std::move(link)) {}
  ~SimPending() override {
    if (link_) fabric_.SendEnd(link_, 1);
  }
  std::shared_ptr<SimLink> Take() { return std::move(link_); }

 private:
  SimFabric& fabric_;
  std::shared_ptr<SimLink> link_;
};

class SimConnection final : public Connection {
 public:
  SimConnection(SimFabric& fabric, std::shared_ptr<SimLink> link, int end)
      : fabric_(fabric), link_(std::move(link)), end_(end) {
    const bool same = link_->machines[0] == link_->machines[1];
    local_ = same ? kLoopback : link_->machines[end_]->address();
    peer_ = same ? kLoopback : link_->machines[1 - end_]->address();
  }
  ~SimConnection() override { Close(); }

  Task<Result<size_t>> Read(MutableByteView into) override;
  Task<Status> Write(std::span<const ByteView> pieces) override;
  void Close() override;
  const std::string& peer_address() const override { return peer_; }
  const std::string& local_address() const override { return local_; }

 private:
  std::unexpected<Error> Closed() const {
    return Fail(ErrorCode::kNetwork, "Connection with {} is closed.", peer_);
  }
  std::unexpected<Error> Broken(std::string_view call, int error) const {
    return Fail(ErrorCode::kNetwork, "Cannot {} connection with {}: {}.", call, peer_,
                ReasonOf(error));
  }
  SimStream& incoming() { return link_->streams[1 - end_]; }
  SimStream& outgoing() { return link_->streams[end_]; }

  SimFabric& fabric_;
  const std::shared_ptr<SimLink> link_;
  const int end_;
  std::string local_;
  std::string peer_;
  bool closed_ = false;
};

Task<Result<size_t>> SimConnection::Read(MutableByteView into) {
  STROM_CHECK(!into.empty());
  SimStream& stream = incoming();
  RandomSource& random = fabric_.world().random();
  for (;;) {
    if (closed_) co_return Closed();
    if (link_->broken) co_return Broken("read from", ECONNRESET);
    if (stream.readable() > 0) {
      size_t count = std::min(into.size(), stream.readable());
      if (random.Below(8) == 0) count = 1 + random.Below(count);
      std::copy_n(stream.arrived.begin() + static_cast<ptrdiff_t>(stream.read), count,
                  into.begin());
      stream.read += count;
      if (stream.readable() == 0) {
        stream.arrived.clear();
        stream.read = 0;
      }
      stream.writer.Wake();
      co_return count;
    }
    if (stream.end_arrived) co_return size_t{0};
    co_await stream.reader;
  }
}

Task<Status> SimConnection::Write(std::span<const ByteView> pieces) {
  SimStream& stream = outgoing();
  RandomSource& random = fabric_.world().random();
  for (ByteView left : pieces) {
    while (!left.empty()) {
      if (closed_) co_return Closed();
      if (link_->broken || stream.reader_gone) co_return Broken("write to", EPIPE);
      const size_t out = stream.in_flight + stream.readable();
      if (out >= kWindowBytes) {
        co_await stream.writer;
        continue;
      }
      size_t count = std::min({left.size(), kMaxPieceBytes, kWindowBytes - out});
      if (random.Below(4) == 0) count = 1 + random.Below(count);
      fabric_.Send(link_, end_, left.first(count));
      left = left.subspan(count);
    }
  }
  if (closed_) co_return Closed();
  if (link_->broken || stream.reader_gone) co_return Broken("write to", EPIPE);
  co_return Status();
}

void SimConnection::Close() {
  if (std::exchange(closed_, true)) return;
  incoming().reader_gone = true;
  incoming().reader.Wake();
  incoming().writer.Wake();
  outgoing().writer.Wake();
  fabric_.SendEnd(link_, end_);
}

}  // namespace

class SimListener final : public Listener {
 public:
  SimListener(SimFabric& fabric, SimMachine& machine) : fabric_(fabric), machine_(machine) {}
  ~SimListener() override { Close(); }

  const Endpoint& endpoint() const override { return endpoint_; }
  Task<Result<std::unique_ptr<PendingConnection>>> Accept() override {
    while (!closed_ && waiting_.empty())
      co_await accept_;
    if (closed_) {
      co_return Fail(ErrorCode::kNetwork, "Listener on {} is closed.", ToString(endpoint_));
    }
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    co_return next;
  }
  void Close() override {
    if (std::exchange(closed_, true)) return;
    fabric_.Unbind(*this);
    waiting_.clear();
    accept_.Wake();
  }
  void Offer(std::unique_ptr<SimPending> pending) {
    waiting_.push_back(std::move(pending));
    accept_.Wake();
  }
  SimMachine& machine() const { return machine_; }
  Result<void> Bind(const Endpoint& wanted) {
    endpoint_ = wanted;
    if (endpoint_.host == "localhost") endpoint_.host = kLoopback;
    const bool own = endpoint_.host == kLoopback || endpoint_.host == machine_.address() ||
                     endpoint_.host == "0.0.0.0" || endpoint_.host.empty();
    const auto fail = [&](int error) {
      return Fail(ErrorCode::kNetwork, "Cannot listen on {}: {}.", ToString(wanted),
                  ReasonOf(error));
    };
    if (!own) return fail(EADDRNOTAVAIL);
    if (machine_.down()) return fail(ENETDOWN);
    if (!fabric_.Bind(machine_, endpoint_, *this)) return fail(EADDRINUSE);
    closed_ = false;
    return {};
  }

 private:
  SimFabric& fabric_;
  SimMachine& machine_;
  Endpoint endpoint_;
  std::deque<std::unique_ptr<SimPending>> waiting_;
  SimWaiter accept_;
  bool closed_ = true;  // until bound
};

namespace {

class SimNetwork final : public Network {
 public:
  explicit SimNetwork(SimShard& shard) : shard_(shard) {}

  Result<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint) override {
    auto listener = std::make_unique<SimListener>(fabric(), shard_.machine());
    STROM_TRY_VOID(listener->Bind(endpoint));
    return listener;
  }
  std::unique_ptr<Connection> Attach(std::unique_ptr<PendingConnection> pending) override {
    return std::make_unique<SimConnection>(fabric(), static_cast<SimPending&>(*pending).Take(), 1);
  }
  Task<Result<std::unique_ptr<Connection>>> Connect(const Endpoint& endpoint) override {
    return ConnectTo(endpoint);
  }

 private:
  SimFabric& fabric() { return shard_.world().fabric(); }
  Task<Result<std::unique_ptr<Connection>>> ConnectTo(Endpoint endpoint);

  SimShard& shard_;
};

Task<Result<std::unique_ptr<Connection>>> SimNetwork::ConnectTo(Endpoint endpoint) {
  SimWorld& world = shard_.world();
  SimMachine& machine = shard_.machine();
  co_await Sleep{world.RandomDelay(world.network_faults.max_delay)};
  const bool own = endpoint.host == kLoopback || endpoint.host == "localhost";
  SimListener* listener =
      fabric().FindListener(own ? machine.address() : endpoint.host, endpoint.port);
  if (listener == nullptr || machine.down()) {
    co_return Fail(ErrorCode::kNetwork, "Cannot connect to {}: {}.", ToString(endpoint),
                   ReasonOf(machine.down() ? ENETDOWN : ECONNREFUSED));
  }
  auto link = fabric().NewLink(machine, listener->machine());
  listener->Offer(std::make_unique<SimPending>(fabric(), link));
  co_return std::make_unique<SimConnection>(fabric(), std::move(link), 0);
}

}  // namespace

void SimFabric::Break(SimLink& link) {
  link.broken = true;
  for (SimStream& stream : link.streams) {
    stream.reader.Wake();
    stream.writer.Wake();
  }
}

void SimFabric::Unplug(SimMachine& machine) {
  std::erase_if(links_, [](const auto& link) { return link.expired(); });
  for (const auto& weak : links_) {
    const auto link = weak.lock();
    if (link->machines[0] == &machine || link->machines[1] == &machine) Break(*link);
  }
  std::vector<SimListener*> closing;
  for (const auto& [address, listener] : listeners_) {
    if (&listener->machine() == &machine) closing.push_back(listener);
  }
  for (SimListener* listener : closing)
    listener->Close();
}

bool SimFabric::Bind(SimMachine& machine, Endpoint& endpoint, SimListener& listener) {
  while (endpoint.port == 0) {
    if (!listeners_.contains({machine.address(), next_port_})) endpoint.port = next_port_;
    next_port_ = next_port_ == 65'535 ? 40'000 : static_cast<uint16_t>(next_port_ + 1);
  }
  return listeners_.emplace(std::pair(machine.address(), endpoint.port), &listener).second;
}

void SimFabric::Unbind(SimListener& listener) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second == &listener; });
}

SimListener* SimFabric::FindListener(const std::string& machine_address, uint16_t port) {
  const auto found = listeners_.find({machine_address, port});
  return found == listeners_.end() ? nullptr : found->second;
}

std::shared_ptr<SimLink> SimFabric::NewLink(SimMachine& from, SimMachine& to) {
  auto link = std::make_shared<SimLink>();
  link->machines[0] = &from;
  link->machines[1] = &to;
  std::erase_if(links_, [](const auto& other) { return other.expired(); });
  links_.push_back(link);
  return link;
}

Instant SimFabric::ArrivalOf(SimStream& stream) {
  stream.last_arrival = std::max(
      stream.last_arrival, world_.now() + world_.RandomDelay(world_.network_faults.max_delay));
  return stream.last_arrival;
}

void SimFabric::Send(const std::shared_ptr<SimLink>& link, int end, ByteView piece) {
  const double cut = world_.network_faults.cut;
  if (cut > 0 && world_.random().Chance(cut)) return Break(*link);
  SimStream& stream = link->streams[end];
  stream.in_flight += piece.size();
  world_.At(ArrivalOf(stream), [this, link, end, bytes = Bytes(piece.begin(), piece.end())] {
    SimStream& to = link->streams[end];
    world_.Record(Crc32c(bytes));
    to.in_flight -= bytes.size();
    Append(to.arrived, bytes);
    to.reader.Wake();
  });
}

void SimFabric::SendEnd(const std::shared_ptr<SimLink>& link, int end) {
  SimStream& stream = link->streams[end];
  if (std::exchange(stream.ended, true)) return;
  world_.At(ArrivalOf(stream), [link, end] {
    link->streams[end].end_arrived = true;
    link->streams[end].reader.Wake();
  });
}

std::unique_ptr<Network> MakeSimNetwork(SimShard& shard) {
  return std::make_unique<SimNetwork>(shard);
}

}  // namespace strom::runtime::internal
