// Compression of Arrow body buffers, the counterpart of compression.h (spec 02, 3.2). Keeps its
// context from call to call; not thread-safe.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "format/arrow_message.h"

namespace strom::format {

// Below this a frame saves nothing worth its cost; the buffer goes as it is.
inline constexpr size_t kMinCompressedBufferBytes = 128;

class BodyCompressor {
 public:
  // `zstd_level` 1 to 22, of kZstd only.
  BodyCompressor(BodyCodec codec, int zstd_level);
  ~BodyCompressor();
  BodyCompressor(BodyCompressor&&) noexcept;
  BodyCompressor& operator=(BodyCompressor&&) noexcept;

  BodyCodec codec() const { return codec_; }
  // Appends the stored form of a buffer: with a codec its length and a frame, or -1 and the bytes
  // when that is no longer; nothing for an empty buffer.
  void AppendBuffer(ByteView buffer, Bytes& out);

 private:
  struct Context;
  size_t Compress(ByteView buffer, Bytes& out, size_t at);

  BodyCodec codec_;
  int zstd_level_;
  std::unique_ptr<Context> context_;
};

}  // namespace strom::format
