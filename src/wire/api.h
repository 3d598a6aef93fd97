// The API catalogue: which requests exist, in which versions, and which kind of server answers them
// (spec 01, 4 and 8). The list itself is api_table.inc. What a process really serves is decided
// where handlers are registered, not here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "wire/frame.h"

namespace strom::wire {

namespace pb {
class ApiVersionsResponse;
}

// Named after the messages: Api::kMetadata is answered with pb::MetadataResponse.
enum class Api : int16_t {
#define STROM_API(key, wire_name, base, lowest, highest, roles, audience) k##base = key,
#include "wire/api_table.inc"
#undef STROM_API
};

// Kinds of server: what a process is, and who answers an API.
enum class Roles : uint8_t { kCoordinator = 1, kTablet = 2, kBoth = 3 };

constexpr bool Overlap(Roles a, Roles b) {
  return (static_cast<uint8_t>(a) & static_cast<uint8_t>(b)) != 0;
}

enum class Audience : uint8_t {
  kClients,
  kServers,  // other servers only: to be refused on listeners of clients
  kTiering,  // "private" in the protocol, but lake tiering calls it on listeners of clients
};

struct ApiInfo {
  Api api;
  std::string_view name;     // "GET_METADATA"
  std::string_view message;  // "Metadata": MetadataRequest, MetadataResponse
  int16_t min_version;
  int16_t max_version;
  Roles roles;
  Audience audience;
};

// All APIs, ascending by key.
std::span<const ApiInfo> AllApis();
// nullptr for an unknown key.
const ApiInfo* FindApi(int16_t key);
const ApiInfo& InfoOf(Api api);

// The API a request asks for, or kUnsupportedVersion when the key is unknown, belongs to another
// kind of server than `roles`, or the version is out of range. API_VERSIONS has every version.
Result<const ApiInfo*> ResolveApi(const RequestHeader& header, Roles roles);

// The answer to API_VERSIONS: all APIs of a server of these roles. A process with both roles leaves
// server_type out, which makes clients skip their check of it.
pb::ApiVersionsResponse MakeApiVersions(Roles roles);

}  // namespace strom::wire
