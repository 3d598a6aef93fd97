// TCP. Owned and used by one shard; a connection accepted on one shard can be handed to another
// before it is attached. Errors are kNetwork.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/task.h"

namespace strom::runtime {

struct Endpoint {
  std::string host;  // an address without brackets, or a name to resolve
  uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// "127.0.0.1:9123", "[::1]:9123"
std::string ToString(const Endpoint& endpoint);

class Connection {
 public:
  // Closes. No Read or Write may be pending.
  virtual ~Connection() = default;

  // Waits for bytes and returns how many came; 0 when the peer closed its side.
  // At most one Read and one Write may be pending at a time.
  virtual Task<Result<size_t>> Read(MutableByteView into) = 0;
  // Sends all pieces in order (gathered, up to 1,024 ranges a call). `pieces` and the bytes stay
  // unchanged until it returns.
  virtual Task<Status> Write(std::span<const ByteView> pieces) = 0;
  // Ends both directions; a pending Read or Write returns an error soon after.
  virtual void Close() = 0;
  // Address of the peer, without the port, e.g. "127.0.0.1".
  virtual const std::string& peer_address() const = 0;
  // Our own address as the peer reached it, without the port.
  virtual const std::string& local_address() const = 0;
};

// A connection that belongs to no shard yet.
class PendingConnection {
 public:
  virtual ~PendingConnection() = default;
};

class Listener {
 public:
  // Closes. No Accept may be pending.
  virtual ~Listener() = default;
  // The bound address, with the real port when it was 0.
  virtual const Endpoint& endpoint() const = 0;
  // Transient trouble (too many open files) is retried inside; an error means closed.
  virtual Task<Result<std::unique_ptr<PendingConnection>>> Accept() = 0;
  virtual void Close() = 0;
};

class Network {
 public:
  virtual ~Network() = default;
  virtual Result<std::unique_ptr<Listener>> Listen(const Endpoint& endpoint) = 0;
  // Makes an accepted connection this shard's own. TCP_NODELAY and keep-alive are set.
  virtual std::unique_ptr<Connection> Attach(std::unique_ptr<PendingConnection> pending) = 0;
  virtual Task<Result<std::unique_ptr<Connection>>> Connect(const Endpoint& endpoint) = 0;
};

}  // namespace strom::runtime
