// Bodies of all but the hot requests go through the generated classes (messages.pb.h); this is the
// way in and out. The hot ones are produce.h, fetch.h, list_offsets.h, kv.h. Usable on any shard.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/api.h"
#include "wire/frame.h"

namespace google::protobuf {
class Message;
class MessageLite;
}  // namespace google::protobuf

namespace strom::wire {

// What a body from outside may cost. A field takes two bytes on the wire, but up to about a
// hundred in memory, so their number is bounded too.
struct MessageLimits {
  size_t max_bytes = 16 << 20;
  size_t max_fields = 1'000'000;  // of all nested messages together
  int max_depth = 100;            // nested messages; a predicate uses two per level
};

// Parses `body` into the empty `message`. kCorruptMessage when it is no such message, lacks a
// required field, or has a string that is no UTF-8; kUnknownServerError beyond a limit. Either
// error names the message.
Status ParseInto(ByteView body, google::protobuf::Message& message,
                 const MessageLimits& limits = {});

// auto request = ParseMessage<pb::CreateTableRequest>(body);
template <class PbMessage>
Result<PbMessage> ParseMessage(ByteView body, const MessageLimits& limits = {}) {
  PbMessage message;
  STROM_TRY_VOID(ParseInto(body, message, limits));
  return message;
}

// A success frame. An answer over kMaxResponseLength becomes an error frame (kRecordTooLarge).
OutgoingFrame EncodeSuccess(int32_t request_id, const google::protobuf::MessageLite& body);
// An error frame; the text is bounded (error_text.h) and left out when it is empty.
OutgoingFrame EncodeError(int32_t request_id, const Error& error);
// What is sent instead of an answer over kMaxResponseLength.
OutgoingFrame EncodeTooLarge(int32_t request_id);

// The client's side: a request frame, and what an answer means. An error or failure frame becomes
// its error.
Bytes EncodeRequest(const RequestHeader& header, const google::protobuf::MessageLite& body);
Bytes EncodeRequest(Api api, int32_t request_id, const google::protobuf::MessageLite& body);
// The body of a success frame, else the error it carries.
Result<ByteView> SuccessBody(const Response& response);

}  // namespace strom::wire
