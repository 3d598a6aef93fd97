// Byte views and the two byte orders of the protocol: frames and index files are big-endian,
// batches and rows little-endian (spec 02, 1). A ByteReader cannot run past its end.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strom {

using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

namespace internal {
template <std::integral T>
T Reorder(T value, std::endian order) {
  return order == std::endian::native ? value : std::byteswap(value);
}
}  // namespace internal

// The caller guarantees sizeof(T) readable (writable) bytes at p; any alignment.
template <std::integral T>
T LoadLittle(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return internal::Reorder(value, std::endian::little);
}
template <std::integral T>
T LoadBig(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof(T));
  return internal::Reorder(value, std::endian::big);
}
template <std::integral T>
void StoreLittle(void* p, T value) {
  value = internal::Reorder(value, std::endian::little);
  std::memcpy(p, &value, sizeof(T));
}
template <std::integral T>
void StoreBig(void* p, T value) {
  value = internal::Reorder(value, std::endian::big);
  std::memcpy(p, &value, sizeof(T));
}

template <std::integral T>
void AppendLittle(Bytes& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  StoreLittle(out.data() + at, value);
}
template <std::integral T>
void AppendBig(Bytes& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof(T));
  StoreBig(out.data() + at, value);
}
inline void Append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// One bounded pass over bytes from outside. Every read says whether it fitted.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  bool done() const { return remaining() == 0; }

  template <std::integral T>
  std::optional<T> Little() {
    return Fixed<T>([](const void* p) { return LoadLittle<T>(p); });
  }
  template <std::integral T>
  std::optional<T> Big() {
    return Fixed<T>([](const void* p) { return LoadBig<T>(p); });
  }
  // The next `count` bytes as a view, or nothing if fewer remain.
  std::optional<ByteView> Take(uint64_t count) {
    if (count > remaining()) return std::nullopt;
    ByteView view = bytes_.subspan(position_, static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
    return view;
  }
  // Unsigned LEB128 of at most sizeof(T) * 8 bits; nothing if it is longer or cut off.
  template <std::unsigned_integral T>
  std::optional<T> Varint() {
    T value = 0;
    for (int shift = 0; shift < static_cast<int>(sizeof(T) * 8); shift += 7) {
      if (done()) return std::nullopt;
      const uint8_t byte = bytes_[position_++];
      value |= static_cast<T>(static_cast<T>(byte & 0x7f) << shift);
      if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
  }

 private:
  template <class T, class Load>
  std::optional<T> Fixed(Load load) {
    auto view = Take(sizeof(T));
    if (!view) return std::nullopt;
    return load(view->data());
  }

  ByteView bytes_;
  size_t position_ = 0;
};

template <std::unsigned_integral T>
void AppendVarint(Bytes& out, T value) {
  while (value >= 0x80) {
    out.push_back(static_cast<uint8_t>(value) | 0x80);
    value = static_cast<T>(value >> 7);
  }
  out.push_back(static_cast<uint8_t>(value));
}

// Lower-case hex, for tests, dumps and messages.
std::string ToHex(ByteView bytes);
// Nothing if the text is no hex of whole bytes.
std::optional<Bytes> FromHex(std::string_view hex);

}  // namespace strom
