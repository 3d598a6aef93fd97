// Frames and messages of requests: header, the hot parsers, and the generated class of the API.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "wire/api.h"
#include "wire/fetch.h"
#include "wire/message.h"
#include "wire/messages.pb.h"
#include "wire/produce.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  Bytes bytes(data, data + size);
  const auto header = wire::ParseRequestHeader(bytes);
  if (!header) return 0;
  const MutableByteView body = MutableByteView(bytes).subspan(wire::kRequestHeaderBytes);
  (void)wire::ParseProduceLog(body);
  (void)wire::ParseFetchLog(body);
  (void)wire::ParseResponse(bytes);
  const auto api = wire::ResolveApi(*header, wire::Roles::kBoth);
  if (!api) return 0;
  const auto* descriptor = wire::pb::ErrorResponse::descriptor()->file()->FindMessageTypeByName(
      fmt::format("{}Request", (*api)->message));
  std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  (void)wire::ParseInto(body, *message);
  return 0;
}
