// Handlers whose bodies go through the generated message classes: parse, call, encode.
#pragma once

#include "server/dispatch.h"
#include "wire/message.h"

namespace strom::server {

// The answer for a result: a success frame with its message, or an error frame.
template <class Message>
Response Encode(const RequestContext& request, const Result<Message>& result) {
  const int32_t id = request.header.request_id;
  return result ? wire::EncodeSuccess(id, *result) : wire::EncodeError(id, result.error());
}

// The same for calls that answer with an empty message of type `Message`.
template <class Message>
Response EncodeStatus(const RequestContext& request, const Status& status) {
  const int32_t id = request.header.request_id;
  return status ? wire::EncodeSuccess(id, Message()) : wire::EncodeError(id, status.error());
}

// Parses the body and answers with what `function(const RequestMessage&)` -> Result<Message> says.
template <class RequestMessage, class Function>
Response Answer(const RequestContext& request, Function function) {
  auto parsed = wire::ParseMessage<RequestMessage>(request.body);
  if (!parsed) return wire::EncodeError(request.header.request_id, parsed.error());
  return Encode(request, function(*parsed));
}

}  // namespace strom::server
