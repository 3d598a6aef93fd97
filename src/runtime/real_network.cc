#include "runtime/real_network.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/log.h"
#include "runtime/errno_text.h"
#include "runtime/real_shard.h"
#include "runtime/socket_address.h"

namespace strom::runtime::internal {
namespace {

constexpr int kListenBacklog = 4096;
constexpr size_t kMaxRangesPerCall = 1024;  // UIO_MAXIOV
// A connection whose bytes always wait already still lets others run this often.
constexpr int kReadsBeforeYield = 16;
constexpr Duration kAcceptRetryDelay = std::chrono::milliseconds(100);
constexpr Duration kAcceptWarningInterval = std::chrono::seconds(1);
constexpr Duration kConnectTimeout = std::chrono::seconds(10);

void SetOption(int fd, int level, int name, int value) {
  // Refused only for options the system does not know; the socket works without.
  ::setsockopt(fd, level, name, &value, sizeof(value));
}

UniqueFd NewSocket(const SocketAddress& address) {
  return UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

class RealPendingConnection final : public PendingConnection {
 public:
  RealPendingConnection(UniqueFd fd, std::string peer) : fd(std::move(fd)), peer(std::move(peer)) {}
  UniqueFd fd;
  std::string peer;
};

// Where a gathered write stands.
struct SendCursor {
  std::span<const ByteView> pieces;
  size_t skip = 0;  // bytes of the first piece that are sent already

  bool done() const { return pieces.empty(); }
  void Advance(size_t sent) {
    while (!pieces.empty() && sent >= pieces[0].size() - skip) {
      sent -= pieces[0].size() - skip;
      skip = 0;
      pieces = pieces.subspan(1);
    }
    skip += sent;
  }
};

class RealConnection final : public Connection {
 public:
  RealConnection(UniqueFd fd, std::string peer, Reactor& reactor)
      : watch_(std::move(fd)), peer_(std::move(peer)) {
    SetOption(watch_.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
    SetOption(watch_.fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
    if (!reactor.Add(watch_)) Close();
  }

  Task<Result<size_t>> Read(MutableByteView into) override;
  Task<Status> Write(std::span<const ByteView> pieces) override;
  void Close() override;
  const std::string& peer_address() const override { return peer_; }
  const std::string& local_address() const override {
    if (local_.empty()) {
      SocketAddress address;
      if (::getsockname(watch_.fd(), address.raw(), &address.length) == 0) {
        local_ = address.endpoint().host;
      }
    }
    return local_;
  }
  // For a socket that is still connecting: how that ended, an errno or 0.
  Task<int> AwaitConnected();

 private:
  // Sends what the socket takes now; an errno or 0.
  int SendSome(SendCursor& cursor);
  std::unexpected<Error> Closed() const {
    return Fail(ErrorCode::kNetwork, "Connection with {} is closed.", peer_);
  }
  std::unexpected<Error> Broken(std::string_view call, int error) const {
    return Fail(ErrorCode::kNetwork, "Cannot {} connection with {}: {}.", call, peer_,
                ReasonOf(error));
  }

  Watch watch_;
  std::string peer_;
  mutable std::string local_;  // asked for when it is first wanted
  bool closed_ = false;
  int reads_without_wait_ = 0;
};

Task<Result<size_t>> RealConnection::Read(MutableByteView into) {
  STROM_CHECK(!into.empty());
  if (++reads_without_wait_ > kReadsBeforeYield) {
    reads_without_wait_ = 0;
    co_await Yield{};
  }
  for (;;) {
    if (closed_) co_return Closed();
    if (watch_.ready(Watch::kRead)) {
      const ssize_t got = ::recv(watch_.fd(), into.data(), into.size(), 0);
      if (got >= 0) {
        if (static_cast<size_t>(got) < into.size()) watch_.Drained();
        co_return static_cast<size_t>(got);
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return Broken("read from", errno);
      watch_.WouldBlock(Watch::kRead);
    }
    reads_without_wait_ = 0;
    co_await watch_.Wait(Watch::kRead);
  }
}

int RealConnection::SendSome(SendCursor& cursor) {
  std::array<iovec, kMaxRangesPerCall> ranges;
  while (!cursor.done()) {
    size_t count = 0;
    for (; count < std::min(cursor.pieces.size(), ranges.size()); ++count) {
      const ByteView piece =
          count == 0 ? cursor.pieces[0].subspan(cursor.skip) : cursor.pieces[count];
      ranges[count] = {const_cast<uint8_t*>(piece.data()), piece.size()};
    }
    const msghdr message{.msg_iov = ranges.data(), .msg_iovlen = count};
    const ssize_t sent = ::sendmsg(watch_.fd(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno;
    cursor.Advance(static_cast<size_t>(sent));
  }
  return 0;
}

Task<Status> RealConnection::Write(std::span<const ByteView> pieces) {
  SendCursor cursor{pieces};
  for (;;) {
    if (closed_) co_return Closed();
    if (watch_.ready(Watch::kWrite)) {
      const int error = SendSome(cursor);
      if (error == 0) co_return Status();
      if (error != EAGAIN) co_return Broken("write to", error);
      watch_.WouldBlock(Watch::kWrite);
    }
    co_await watch_.Wait(Watch::kWrite);
  }
}

void RealConnection::Close() {
  if (std::exchange(closed_, true)) return;
  ::shutdown(watch_.fd(), SHUT_RDWR);
  watch_.Interrupt(Watch::kRead);
  watch_.Interrupt(Watch::kWrite);
}

Task<int> RealConnection::AwaitConnected() {
  if (closed_) co_return ENOMEM;  // epoll refused the descriptor
  Shard& shard = ThisShard();
  bool timed_out = false;
  const TimerId timer = shard.StartTimer(shard.Now() + kConnectTimeout, [&] {
    timed_out = true;
    watch_.Interrupt(Watch::kWrite);
  });
  watch_.WouldBlock(Watch::kWrite);
  co_await watch_.Wait(Watch::kWrite);
  shard.CancelTimer(timer);
  if (timed_out) co_return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(watch_.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  co_return error;
}

class RealListener final : public Listener {
 public:
  RealListener(UniqueFd fd, Endpoint endpoint) : watch_(std::move(fd)), endpoint_(endpoint) {}

  const Endpoint& endpoint() const override { return endpoint_; }
  Task<Result<std::unique_ptr<PendingConnection>>> Accept() override;
  void Close() override;
  Watch& watch() { return watch_; }

 private:
  void WarnOfFailure(int error);

  Watch watch_;
  Endpoint endpoint_;
  bool closed_ = false;
  std::optional<Instant> last_warning_;
};

Task<Result<std::unique_ptr<PendingConnection>>> RealListener::Accept() {
  for (;;) {
    if (closed_) {
      co_return Fail(ErrorCode::kNetwork, "Listener on {} is closed.", ToString(endpoint_));
    }
    if (!watch_.ready(Watch::kRead)) {
      co_await watch_.Wait(Watch::kRead);
      continue;
    }
    SocketAddress peer;
    UniqueFd fd(::accept4(watch_.fd(), peer.raw(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      co_return std::make_unique<RealPendingConnection>(std::move(fd), peer.endpoint().host);
    }
    switch (errno) {
      case EAGAIN:
        watch_.WouldBlock(Watch::kRead);
        break;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        WarnOfFailure(errno);
        co_await Sleep{kAcceptRetryDelay};
        break;
      default:
        // The peer gave up before it was accepted, or its network failed: the next one may be fine.
        break;
    }
  }
}

void RealListener::WarnOfFailure(int error) {
  const Instant now = ThisShard().Now();
  if (last_warning_ && now - *last_warning_ < kAcceptWarningInterval) return;
  last_warning_ = now;
  Log(LogLevel::kWarn, "network.accept_failed",
      {{"address", ToString(endpoint_)}, {"reason", ReasonOf(error)}, {"retry_ms", 100}});
}

void RealListener::Close() {
  if (std::exchange(closed_, true)) return;
  ::shutdown(watch_.fd(), SHUT_RDWR);
  watch_.Interrupt(Watch::kRead);
}

class RealNetwork final : public Network {
 public:
  explicit RealNetwork(RealShard& shard) : shard_(shard) {}

  Result<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint) override;
  std::unique_ptr<Connection> Attach(std::unique_ptr<PendingConnection> pending) override;
  Task<Result<std::unique_ptr<Connection>>> Connect(const Endpoint& endpoint) override {
    return ConnectTo(endpoint);
  }

 private:
  Task<Result<std::unique_ptr<Connection>>> ConnectTo(Endpoint endpoint);
  Task<Result<std::unique_ptr<Connection>>> ConnectToAddress(Endpoint endpoint,
                                                             SocketAddress address);

  RealShard& shard_;
};

std::unexpected<Error> CannotListen(const Endpoint& endpoint, int error) {
  return Fail(ErrorCode::kNetwork, "Cannot listen on {}: {}.", ToString(endpoint), ReasonOf(error));
}

Result<std::unique_ptr<Listener>> RealNetwork::Listen(const Endpoint& endpoint) {
  STROM_TRY(const auto addresses, Resolve(endpoint, ResolveFor::kListen));
  const SocketAddress& address = addresses.front();
  UniqueFd fd = NewSocket(address);
  if (!fd.valid()) return CannotListen(endpoint, errno);
  SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(fd.get(), address.raw(), address.length) != 0) return CannotListen(endpoint, errno);
  if (::listen(fd.get(), kListenBacklog) != 0) return CannotListen(endpoint, errno);
  SocketAddress bound;
  if (::getsockname(fd.get(), bound.raw(), &bound.length) != 0) {
    return CannotListen(endpoint, errno);
  }
  auto listener = std::make_unique<RealListener>(std::move(fd), bound.endpoint());
  if (!shard_.reactor().Add(listener->watch())) return CannotListen(endpoint, errno);
  return listener;
}

std::unique_ptr<Connection> RealNetwork::Attach(std::unique_ptr<PendingConnection> pending) {
  auto& real = static_cast<RealPendingConnection&>(*pending);
  return std::make_unique<RealConnection>(std::move(real.fd), std::move(real.peer),
                                          shard_.reactor());
}

Task<Result<std::unique_ptr<Connection>>> RealNetwork::ConnectTo(Endpoint endpoint) {
  auto addresses = ResolveNumeric(endpoint);
  if (!addresses) {
    STROM_CO_TRY(addresses,
                 co_await OnBlockingPool([&] { return Resolve(endpoint, ResolveFor::kConnect); }));
  }
  Result<std::unique_ptr<Connection>> connection;
  for (const SocketAddress& address : *addresses) {
    connection = co_await ConnectToAddress(endpoint, address);
    if (connection) break;
  }
  co_return connection;
}

Task<Result<std::unique_ptr<Connection>>> RealNetwork::ConnectToAddress(Endpoint endpoint,
                                                                        SocketAddress address) {
  const auto fail = [&](int error) {
    return Fail(ErrorCode::kNetwork, "Cannot connect to {}: {}.", ToString(endpoint),
                ReasonOf(error));
  };
  UniqueFd fd = NewSocket(address);
  if (!fd.valid()) co_return fail(errno);
  const int error = ::connect(fd.get(), address.raw(), address.length) == 0 ? 0 : errno;
  if (error != 0 && error != EINPROGRESS) co_return fail(error);
  auto connection =
      std::make_unique<RealConnection>(std::move(fd), address.endpoint().host, shard_.reactor());
  if (error == EINPROGRESS) {
    if (const int late = co_await connection->AwaitConnected(); late != 0) co_return fail(late);
  }
  co_return connection;
}

}  // namespace

std::unique_ptr<Network> MakeRealNetwork(RealShard& shard) {
  return std::make_unique<RealNetwork>(shard);
}

}  // namespace strom::runtime::internal
