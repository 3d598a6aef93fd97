#include "format/body_compressor.h"

#include <lz4frame.h>
#include <zstd.h>

#include "base/check.h"

namespace strom::format {

struct BodyCompressor::Context {
  ZSTD_CCtx* zstd = nullptr;
  ~Context() { ZSTD_freeCCtx(zstd); }
};

BodyCompressor::BodyCompressor(BodyCodec codec, int zstd_level)
    : codec_(codec), zstd_level_(zstd_level), context_(std::make_unique<Context>()) {}
BodyCompressor::~BodyCompressor() = default;
BodyCompressor::BodyCompressor(BodyCompressor&&) noexcept = default;
BodyCompressor& BodyCompressor::operator=(BodyCompressor&&) noexcept = default;

// Bytes of the frame behind out[at], or 0 when it could not be made.
size_t BodyCompressor::Compress(ByteView buffer, Bytes& out, size_t at) {
  if (codec_ == BodyCodec::kZstd) {
    if (context_->zstd == nullptr) context_->zstd = ZSTD_createCCtx();
    if (context_->zstd == nullptr) return 0;
    out.resize(at + ZSTD_compressBound(buffer.size()));
    const size_t size = ZSTD_compressCCtx(context_->zstd, out.data() + at, out.size() - at,
                                          buffer.data(), buffer.size(), zstd_level_);
    return ZSTD_isError(size) != 0 ? 0 : size;
  }
  // 64 KiB independent blocks, no checksums, no content size: what Java writes and reads.
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  out.resize(at + LZ4F_compressFrameBound(buffer.size(), &preferences));
  const size_t size = LZ4F_compressFrame(out.data() + at, out.size() - at, buffer.data(),
                                         buffer.size(), &preferences);
  return LZ4F_isError(size) != 0 ? 0 : size;
}

void BodyCompressor::AppendBuffer(ByteView buffer, Bytes& out) {
  if (buffer.empty()) return;
  if (codec_ == BodyCodec::kNone) {
    Append(out, buffer);
    return;
  }
  const size_t prefix = out.size();
  out.resize(prefix + kCompressedLengthBytes);
  const size_t at = out.size();
  if (buffer.size() >= kMinCompressedBufferBytes) {
    const size_t size = Compress(buffer, out, at);
    if (size != 0 && size < buffer.size()) {
      out.resize(at + size);
      StoreLittle(out.data() + prefix, static_cast<int64_t>(buffer.size()));
      return;
    }
  }
  out.resize(at);
  StoreLittle(out.data() + prefix, kNotCompressed);
  Append(out, buffer);
}

}  // namespace strom::format
