#include "wire/message.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>

#include "base/check.h"
#include "wire/error_text.h"
#include "wire/fields.h"
#include "wire/messages.pb.h"

namespace strom::wire {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Walks a body along its descriptor before anything is built from it.
class BodyCheck {
 public:
  BodyCheck(std::string_view name, const MessageLimits& limits)
      : name_(name), limits_(limits), fields_left_(limits.max_fields) {}

  Status Run(ByteView body, const Descriptor& descriptor, int depth) {
    if (depth > limits_.max_depth) {
      return Fail(ErrorCode::kUnknownServerError,
                  "{} is nested more than {} levels deep; simplify the request.", name_,
                  limits_.max_depth);
    }
    FieldReader fields(body);
    while (fields.Next()) {
      if (fields_left_ == 0) {
        return Fail(ErrorCode::kUnknownServerError,
                    "{} has more than {} fields; split the request into smaller ones.", name_,
                    limits_.max_fields);
      }
      --fields_left_;
      const FieldDescriptor* field =
          descriptor.FindFieldByNumber(static_cast<int>(fields.number()));
      if (field == nullptr || fields.type() != WireType::kBytes) continue;
      STROM_TRY_VOID(CheckValue(fields.bytes(), *field, depth));
    }
    if (fields.failed()) return Malformed(descriptor.name(), fields);
    return {};
  }

 private:
  Status CheckValue(ByteView value, const FieldDescriptor& field, int depth) {
    if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
      return Run(value, *field.message_type(), depth + 1);
    }
    if (field.type() == FieldDescriptor::TYPE_STRING && !IsUtf8(AsText(value))) {
      return Fail(ErrorCode::kCorruptMessage, "{}.{} is no valid UTF-8.",
                  field.containing_type()->name(), field.name());
    }
    return {};
  }

  std::string_view name_;
  const MessageLimits& limits_;
  size_t fields_left_;
};

Bytes Encode(ByteView header, const google::protobuf::MessageLite& body, size_t body_bytes) {
  Bytes frame(kFrameLengthBytes + header.size() + body_bytes);
  StoreBig(frame.data(), static_cast<int32_t>(frame.size() - kFrameLengthBytes));
  std::memcpy(frame.data() + kFrameLengthBytes, header.data(), header.size());
  uint8_t* const body_at = frame.data() + kFrameLengthBytes + header.size();
  uint8_t* const end = body.SerializeWithCachedSizesToArray(body_at);
  STROM_CHECK(end == frame.data() + frame.size());
  return frame;
}

Bytes EncodeResponse(ResponseType type, int32_t request_id,
                     const google::protobuf::MessageLite& body, size_t body_bytes) {
  uint8_t header[kResponseHeaderBytes] = {static_cast<uint8_t>(type)};
  StoreBig(header + 1, request_id);
  return Encode(header, body, body_bytes);
}

}  // namespace

Status ParseInto(ByteView body, Message& message, const MessageLimits& limits) {
  const Descriptor& descriptor = *message.GetDescriptor();
  if (body.size() > limits.max_bytes) {
    return Fail(ErrorCode::kUnknownServerError,
                "{} has {} bytes, more than the limit of {}; split the request into smaller ones.",
                descriptor.name(), body.size(), limits.max_bytes);
  }
  STROM_TRY_VOID(BodyCheck(descriptor.name(), limits).Run(body, descriptor, 0));
  google::protobuf::io::CodedInputStream stream(body.data(), static_cast<int>(body.size()));
  stream.SetRecursionLimit(limits.max_depth + 1);
  if (!message.MergePartialFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return Fail(ErrorCode::kCorruptMessage, "{} is malformed.", descriptor.name());
  }
  if (!message.IsInitialized()) {
    return Fail(ErrorCode::kCorruptMessage, "{} lacks required fields: {}.", descriptor.name(),
                message.InitializationErrorString());
  }
  return {};
}

OutgoingFrame EncodeSuccess(int32_t request_id, const google::protobuf::MessageLite& body) {
  const size_t body_bytes = body.ByteSizeLong();
  if (body_bytes + kResponseHeaderBytes > kMaxResponseLength) return EncodeTooLarge(request_id);
  return OutgoingFrame(EncodeResponse(ResponseType::kSuccess, request_id, body, body_bytes));
}

OutgoingFrame EncodeError(int32_t request_id, const Error& error) {
  pb::ErrorResponse body;
  body.set_error_code(WireCode(error.code));
  if (!error.message.empty()) {
    body.set_error_message(ErrorText(error.message, kMaxErrorTextBytes));
  }
  return OutgoingFrame(EncodeResponse(ResponseType::kError, request_id, body, body.ByteSizeLong()));
}

OutgoingFrame EncodeTooLarge(int32_t request_id) {
  return EncodeError(request_id, {ErrorCode::kRecordTooLarge,
                                  "The answer is larger than 2 GiB; ask for less at once."});
}

Bytes EncodeRequest(const RequestHeader& header, const google::protobuf::MessageLite& body) {
  uint8_t bytes[kRequestHeaderBytes];
  StoreBig(bytes, header.api_key);
  StoreBig(bytes + 2, header.api_version);
  StoreBig(bytes + 4, header.request_id);
  const size_t body_bytes = body.ByteSizeLong();
  STROM_CHECK(body_bytes + kRequestHeaderBytes <= kMaxResponseLength);
  return Encode(bytes, body, body_bytes);
}

Bytes EncodeRequest(Api api, int32_t request_id, const google::protobuf::MessageLite& body) {
  return EncodeRequest({static_cast<int16_t>(api), InfoOf(api).max_version, request_id}, body);
}

Result<ByteView> SuccessBody(const Response& response) {
  if (response.type == ResponseType::kSuccess) return response.body;
  STROM_TRY(const pb::ErrorResponse error, ParseMessage<pb::ErrorResponse>(response.body));
  const ErrorCode code = InfoOf(static_cast<ErrorCode>(error.error_code())).code;
  return std::unexpected(Error{code, error.error_message()});
}

}  // namespace strom::wire
