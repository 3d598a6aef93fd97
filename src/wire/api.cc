#include "wire/api.h"

#include <array>

#include "wire/messages.pb.h"

namespace strom::wire {
namespace {

constexpr auto kApis = std::to_array<ApiInfo>({
#define STROM_API(key, wire_name, base, lowest, highest, roles, audience) \
  ApiInfo{Api::k##base, #wire_name, #base, lowest, highest, Roles::roles, Audience::audience},
#include "wire/api_table.inc"
#undef STROM_API
});

constexpr int16_t kFirstKey = static_cast<int16_t>(kApis.front().api);

// Lookup by key is an index: the table is dense and ascending.
constexpr bool Dense() {
  for (size_t i = 0; i < kApis.size(); ++i) {
    if (static_cast<size_t>(kApis[i].api) != static_cast<size_t>(kFirstKey) + i) return false;
  }
  return true;
}
static_assert(Dense());

std::string_view NameOf(Roles roles) {
  return roles == Roles::kCoordinator ? "the coordinator" : "tablet servers";
}

}  // namespace

std::span<const ApiInfo> AllApis() {
  return kApis;
}

const ApiInfo* FindApi(int16_t key) {
  const int index = key - kFirstKey;
  if (index < 0 || index >= static_cast<int>(kApis.size())) return nullptr;
  return &kApis[static_cast<size_t>(index)];
}

const ApiInfo& InfoOf(Api api) {
  return kApis[static_cast<size_t>(static_cast<int16_t>(api) - kFirstKey)];
}

Result<const ApiInfo*> ResolveApi(const RequestHeader& header, Roles roles) {
  const ApiInfo* info = FindApi(header.api_key);
  if (info == nullptr) {
    return Fail(ErrorCode::kUnsupportedVersion,
                "The server does not know API key {}; ask for API_VERSIONS to see what it serves.",
                header.api_key);
  }
  if (!Overlap(info->roles, roles)) {
    return Fail(ErrorCode::kUnsupportedVersion, "{} is served by {} only; connect to one of them.",
                info->name, NameOf(info->roles));
  }
  const bool supported =
      header.api_version >= info->min_version && header.api_version <= info->max_version;
  if (!supported && info->api != Api::kApiVersions) {
    return Fail(ErrorCode::kUnsupportedVersion,
                "{} is served in versions {} to {}, but version {} was asked for.", info->name,
                info->min_version, info->max_version, header.api_version);
  }
  return info;
}

pb::ApiVersionsResponse MakeApiVersions(Roles roles) {
  pb::ApiVersionsResponse response;
  for (const ApiInfo& info : kApis) {
    if (!Overlap(info.roles, roles)) continue;
    pb::PbApiVersion& version = *response.add_api_versions();
    version.set_api_key(static_cast<int16_t>(info.api));
    version.set_min_version(info.min_version);
    version.set_max_version(info.max_version);
  }
  if (roles != Roles::kBoth) response.set_server_type(static_cast<int32_t>(roles));
  return response;
}

}  // namespace strom::wire
