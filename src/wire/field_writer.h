// Writes protobuf fields into a byte string, for the answers that do not go through the generated
// classes. The caller adds up sizes first where a length precedes its content.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "wire/fields.h"

namespace strom::wire {

class FieldWriter {
 public:
  explicit FieldWriter(Bytes& out) : out_(out) {}

  void Varint(uint32_t number, uint64_t value) {
    AppendVarint(out_, Tag(number, WireType::kVarint));
    AppendVarint(out_, value);
  }
  // Negative numbers take ten bytes, as everywhere in the protocol.
  void Int(uint32_t number, int64_t value) { Varint(number, static_cast<uint64_t>(value)); }
  void Text(uint32_t number, std::string_view text) {
    Length(number, text.size());
    Append(out_, AsBytes(text));
  }
  // Announces `bytes` of content that follow.
  void Length(uint32_t number, uint64_t bytes) {
    AppendVarint(out_, Tag(number, WireType::kBytes));
    AppendVarint(out_, bytes);
  }

  static constexpr size_t IntBytes(uint32_t number, int64_t value) {
    return TagBytes(number) + VarintBytes(static_cast<uint64_t>(value));
  }
  // Of a field with its tag and length.
  static constexpr uint64_t LengthBytes(uint32_t number, uint64_t bytes) {
    return TagBytes(number) + VarintBytes(bytes) + bytes;
  }

 private:
  Bytes& out_;
};

}  // namespace strom::wire
