// Protobuf's wire format without its classes, for the requests in which a copy would cost: the hot
// parsers are one switch over FieldReader. No exception, no recursion, no allocation; views point
// into the message. (Why not protozero: it throws on malformed input, and it does not skip groups.)
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strom::wire {

enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,  // groups are skipped inside; a reader never yields them
  kEndGroup = 4,
  kFixed32 = 5,
};

// Number and type in one, so that a known number with another type falls into `default:` of a
// switch, as an unknown field must (spec 01, 2).
constexpr uint32_t Tag(uint32_t number, WireType type) {
  return number << 3 | static_cast<uint32_t>(type);
}

//   FieldReader fields(body);
//   while (fields.Next()) switch (fields.tag()) { case Tag(1, WireType::kVarint): … }
//   if (fields.failed()) return Malformed("ProduceLogRequest", fields);
class FieldReader {
 public:
  explicit FieldReader(ByteView message) : reader_(message), size_(message.size()) {}

  // Moves to the next field and reads its value. False at the end, and when the rest is no message:
  // then failed() is true.
  bool Next();
  bool failed() const { return failed_; }
  // Bytes read so far; the place of the trouble when failed().
  size_t position() const { return reader_.position(); }
  size_t size() const { return size_; }

  uint32_t tag() const { return tag_; }
  uint32_t number() const { return tag_ >> 3; }
  WireType type() const { return static_cast<WireType>(tag_ & 7); }

  // The value of the current field. Which of these fits follows from type(); as in protobuf an
  // int32 is the lower half of its varint and any varint but 0 is true.
  int32_t Int32() const { return static_cast<int32_t>(value_); }
  int64_t Int64() const { return static_cast<int64_t>(value_); }
  bool Bool() const { return value_ != 0; }
  ByteView bytes() const { return bytes_; }
  std::string_view text() const { return AsText(bytes_); }

 private:
  bool ReadValue();
  bool SkipGroup(uint32_t number);

  ByteReader reader_;
  size_t size_;
  uint32_t tag_ = 0;
  uint64_t value_ = 0;
  ByteView bytes_;
  bool failed_ = false;
};

// How deep unknown groups may be nested before they count as malformed.
inline constexpr int kMaxGroupDepth = 100;

// The error for a reader that failed inside `message`.
std::unexpected<Error> Malformed(std::string_view message, const FieldReader& fields);

// The value of a required field, or the error that says it is missing: "ProduceLogRequest.acks".
template <class T>
Result<T> Require(const std::optional<T>& value, std::string_view field) {
  if (value) return *value;
  return Fail(ErrorCode::kCorruptMessage, "The required field {} is missing.", field);
}

// Adds a value of a repeated int32: one value, or a packed run of them. At most `limit` in all;
// `what` names them in the error beyond that.
Status AppendInt32s(const FieldReader& fields, size_t limit, std::string_view what,
                    std::vector<int32_t>& out);

// The error for a request that names more than `limit` of something. Not retriable: clients give up
// instead of sending it again.
std::unexpected<Error> TooMany(std::string_view what, size_t limit);

// Sizes on the wire.
constexpr size_t VarintBytes(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}
constexpr size_t TagBytes(uint32_t number) {
  return VarintBytes(uint64_t{number} << 3);
}

}  // namespace strom::wire
