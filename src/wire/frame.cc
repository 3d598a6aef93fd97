#include "wire/frame.h"

namespace strom::wire {

Result<uint32_t> ParseFrameLength(std::span<const uint8_t, kFrameLengthBytes> bytes,
                                  uint32_t max_request_bytes) {
  const auto length = LoadBig<int32_t>(bytes.data());
  if (length < static_cast<int32_t>(kRequestHeaderBytes)) {
    return Fail(ErrorCode::kCorruptMessage,
                "A frame of length {} cannot hold a request header of {} bytes.", length,
                kRequestHeaderBytes);
  }
  if (static_cast<uint64_t>(length) + kFrameLengthBytes > max_request_bytes) {
    return Fail(ErrorCode::kCorruptMessage,
                "A frame of length {} is larger than the limit of {} bytes "
                "(netty.server.max-request-size).",
                length, max_request_bytes);
  }
  return static_cast<uint32_t>(length);
}

Result<RequestHeader> ParseRequestHeader(ByteView payload) {
  ByteReader reader(payload);
  const auto key = reader.Big<int16_t>();
  const auto version = reader.Big<int16_t>();
  const auto request_id = reader.Big<int32_t>();
  if (!request_id) {
    return Fail(ErrorCode::kCorruptMessage, "A frame of {} bytes ends inside the request header.",
                payload.size());
  }
  return RequestHeader{*key, *version, *request_id};
}

Result<Response> ParseResponse(ByteView payload) {
  ByteReader reader(payload);
  const auto type = reader.Big<uint8_t>();
  if (!type || *type > static_cast<uint8_t>(ResponseType::kFailure)) {
    return Fail(ErrorCode::kCorruptMessage, "The peer answered with an unknown type of frame.");
  }
  Response response{.type = static_cast<ResponseType>(*type)};
  if (response.type != ResponseType::kFailure) {
    const auto request_id = reader.Big<int32_t>();
    if (!request_id) {
      return Fail(ErrorCode::kCorruptMessage, "An answer of {} bytes ends inside its header.",
                  payload.size());
    }
    response.request_id = *request_id;
  }
  response.body = payload.subspan(reader.position());
  return response;
}

OutgoingFrame::OutgoingFrame(Bytes whole)
    : owned_(std::move(whole)), pieces_({ByteView(owned_)}), size_bytes_(owned_.size()) {}

OutgoingFrame::OutgoingFrame(Bytes owned, std::vector<ByteView> pieces)
    : owned_(std::move(owned)), pieces_(std::move(pieces)) {
  for (const ByteView piece : pieces_)
    size_bytes_ += piece.size();
}

Bytes OutgoingFrame::Flatten() const {
  Bytes all;
  all.reserve(size_bytes_);
  for (const ByteView piece : pieces_)
    Append(all, piece);
  return all;
}

}  // namespace strom::wire
