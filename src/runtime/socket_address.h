// Socket addresses and their resolution.
#pragma once

#include <sys/socket.h>

#include <vector>

#include "base/result.h"
#include "runtime/network.h"

namespace strom::runtime::internal {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // In numbers; an IPv4 address mapped into IPv6 reads as IPv4.
  Endpoint endpoint() const;
};

enum class ResolveFor { kListen, kConnect };

// At least one address, IPv4 first (a server told to bind "localhost" is then reached by
// 127.0.0.1 too). May ask name servers: kConnect belongs on the blocking pool. To listen, an empty
// host is every address of this machine.
Result<std::vector<SocketAddress>> Resolve(const Endpoint& endpoint, ResolveFor purpose);
// Never asks anybody; an error if the host is a name.
Result<std::vector<SocketAddress>> ResolveNumeric(const Endpoint& endpoint);

}  // namespace strom::runtime::internal
