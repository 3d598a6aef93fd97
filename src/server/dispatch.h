// From a request frame to its handler (spec 01, 8 and 12). Every request gets exactly one answer:
// unknown APIs, versions out of range, bodies that do not parse and APIs that are not served yet
// are answered with an error, and the connection stays usable.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/task.h"
#include "wire/api.h"
#include "wire/frame.h"

namespace strom::server {

class Session;
struct ServerShard;

// An answer on its way to a client.
using Response = wire::OutgoingFrame;

// One request under way. Lives in the session's coroutine until the answer is made; `body` lies in
// the frame buffer and may be patched in place by the produce path.
struct RequestContext {
  Session& session;
  ServerShard& home;
  wire::RequestHeader header;
  MutableByteView body;
};

using Handler = runtime::Task<Response> (*)(RequestContext&);

runtime::Task<Response> Dispatch(RequestContext& request);

// The handler of an API, or null if it is not served yet.
Handler HandlerOf(wire::Api api);

}  // namespace strom::server
