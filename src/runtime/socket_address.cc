#include "runtime/socket_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "runtime/errno_text.h"

namespace strom::runtime::internal {
namespace {

Result<std::vector<SocketAddress>> GetAddresses(const Endpoint& endpoint, int flags) {
  const addrinfo hints{
      .ai_flags = flags | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(),
                                  std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) {
    return Fail(ErrorCode::kNetwork, "Cannot resolve '{}': {}.", endpoint.host,
                error == EAI_SYSTEM ? ReasonOf(errno) : ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    address.length = at->ai_addrlen;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
  }
  std::ranges::sort(addresses, {}, [](const SocketAddress& address) {
    return address.family() == AF_INET ? 0 : 1;
  });
  return addresses;
}

}  // namespace

Endpoint SocketAddress::endpoint() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof(text));
    return {text, ntohs(ipv4.sin_port)};
  }
  const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(storage);
  constexpr size_t kMappedPrefix = 12;
  if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
    ::inet_ntop(AF_INET, ipv6.sin6_addr.s6_addr + kMappedPrefix, text, sizeof(text));
  } else {
    ::inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof(text));
  }
  return {text, ntohs(ipv6.sin6_port)};
}

Result<std::vector<SocketAddress>> Resolve(const Endpoint& endpoint, ResolveFor purpose) {
  return GetAddresses(endpoint, purpose == ResolveFor::kListen ? AI_PASSIVE : 0);
}

Result<std::vector<SocketAddress>> ResolveNumeric(const Endpoint& endpoint) {
  return GetAddresses(endpoint, AI_NUMERICHOST);
}

}  // namespace strom::runtime::internal
