// Frames: the big-endian headers around message bodies (spec 01, 1), and the shape in which an
// answer leaves the server. Pure functions; usable on any shard.
//
//   request:  int32 length | int16 api key | int16 version | int32 request id | body
//   success:  int32 length | int8 0 | int32 request id | body
//   error:    int32 length | int8 1 | int32 request id | ErrorResponse
//   failure:  int32 length | int8 2 | ErrorResponse, and the connection ends. The server never
//   sends
//             it (real clients break on it); it just closes.
// `length` counts what follows it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strom::wire {

inline constexpr size_t kFrameLengthBytes = 4;
inline constexpr size_t kRequestHeaderBytes = 8;
inline constexpr size_t kResponseHeaderBytes = 5;  // success and error
inline constexpr size_t kFailureHeaderBytes = 1;
// netty.server.max-request-size; counts the length bytes too.
inline constexpr uint32_t kDefaultMaxRequestBytes = 100 << 20;
// Clients accept answers up to a length of 2^31 - 1.
inline constexpr uint64_t kMaxResponseLength = INT32_MAX;

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  int32_t request_id = 0;  // chosen by the client, echoed as it is

  friend bool operator==(const RequestHeader&, const RequestHeader&) = default;
};

// The number of bytes that follow the length bytes of a request. kCorruptMessage when they cannot
// hold a header or the frame is larger than `max_request_bytes`: close the connection then, without
// reading on.
Result<uint32_t> ParseFrameLength(std::span<const uint8_t, kFrameLengthBytes> bytes,
                                  uint32_t max_request_bytes = kDefaultMaxRequestBytes);

// The header of a request; `payload` is the frame without its length bytes. The body is
// payload.subspan(kRequestHeaderBytes).
Result<RequestHeader> ParseRequestHeader(ByteView payload);

enum class ResponseType : uint8_t { kSuccess = 0, kError = 1, kFailure = 2 };

// What a client sees of an answer.
struct Response {
  ResponseType type = ResponseType::kSuccess;
  int32_t request_id = 0;  // 0 for a failure, which carries none
  ByteView body;
};
Result<Response> ParseResponse(ByteView payload);

// An answer (or request) ready to be sent: views, in order, on bytes it owns and on bytes elsewhere
// (mapped segments), which the kept owners hold in place. Moving it keeps the views valid.
class OutgoingFrame {
 public:
  // A frame that is one run of bytes.
  explicit OutgoingFrame(Bytes whole);
  // `pieces` point into `owned` or into memory that outlives the frame or is kept alive by it.
  OutgoingFrame(Bytes owned, std::vector<ByteView> pieces);
  OutgoingFrame(OutgoingFrame&&) = default;
  OutgoingFrame& operator=(OutgoingFrame&&) = default;
  OutgoingFrame(const OutgoingFrame&) = delete;
  OutgoingFrame& operator=(const OutgoingFrame&) = delete;

  std::span<const ByteView> pieces() const { return pieces_; }
  // All of it, length bytes included.
  uint64_t size_bytes() const { return size_bytes_; }
  // Holds what some pieces point to (a segment's mapping) until the frame is sent and destroyed.
  void KeepAlive(std::shared_ptr<const void> owner) { owners_.push_back(std::move(owner)); }
  // A copy in one run, for tests and small frames.
  Bytes Flatten() const;

 private:
  Bytes owned_;
  std::vector<ByteView> pieces_;
  std::vector<std::shared_ptr<const void>> owners_;
  uint64_t size_bytes_ = 0;
};

}  // namespace strom::wire
