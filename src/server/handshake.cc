// API_VERSIONS and AUTHENTICATE (spec 01, 4 and 6).
#include "server/cold.h"
#include "server/handlers.h"
#include "server/session.h"
#include "wire/messages.pb.h"

namespace strom::server {
namespace {

namespace pb = wire::pb;

// A client's name for itself is kept for logs and for what differs between client families.
constexpr size_t kMaxSoftwareNameBytes = 128;

pb::ApiVersionsResponse ServedVersions() {
  const pb::ApiVersionsResponse all = wire::MakeApiVersions(wire::Roles::kBoth);
  pb::ApiVersionsResponse served;
  for (const pb::PbApiVersion& version : all.api_versions()) {
    if (HandlerOf(static_cast<wire::Api>(version.api_key())) != nullptr) {
      *served.add_api_versions() = version;
    }
  }
  return served;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

runtime::Task<Response> HandleApiVersions(RequestContext& request) {
  co_return Answer<pb::ApiVersionsRequest>(
      request, [&](const pb::ApiVersionsRequest& body) -> Result<pb::ApiVersionsResponse> {
        request.session.set_client_software(
            body.client_software_name().substr(0, kMaxSoftwareNameBytes));
        return ServedVersions();
      });
}

// All listeners are PLAINTEXT so far: a client configured for SASL learns so.
runtime::Task<Response> HandleAuthenticate(RequestContext& request) {
  co_return Answer<pb::AuthenticateRequest>(
      request, [](const pb::AuthenticateRequest& body) -> Result<pb::AuthenticateResponse> {
        if (EqualsIgnoringCase(body.protocol(), "PLAINTEXT")) return pb::AuthenticateResponse();
        return Fail(ErrorCode::kAuthenticate,
                    "Authentication protocol not match: the client asks for {}, this listener is "
                    "PLAINTEXT; remove client.security.protocol from the client's configuration.",
                    body.protocol());
      });
}

}  // namespace strom::server
