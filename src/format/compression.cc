#include "format/compression.h"

#include <lz4frame.h>
#include <zstd.h>

namespace strom::format {
namespace {

bool DecompressZstd(ByteView frame, Bytes& out) {
  const size_t got = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
  return ZSTD_isError(got) == 0U && got == out.size();
}

bool DecompressLz4(ByteView frame, Bytes& out) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0U) return false;
  size_t written = 0;
  bool sound = true;
  while (sound && !frame.empty()) {
    size_t room = out.size() - written;
    size_t taken = frame.size();
    const size_t hint =
        LZ4F_decompress(context, out.data() + written, &room, frame.data(), &taken, nullptr);
    sound = LZ4F_isError(hint) == 0U;
    written += room;
    frame = frame.subspan(taken);
    if (hint == 0) break;
    if (room == 0 && taken == 0) sound = false;  // more output than was declared
  }
  LZ4F_freeDecompressionContext(context);
  return sound && written == out.size();
}

}  // namespace

Parsed<ByteView> DecodeBuffer(ByteView stored, BodyCodec codec, Bytes& storage) {
  if (codec == BodyCodec::kNone || stored.empty()) return stored;
  if (stored.size() < kCompressedLengthBytes) {
    return std::unexpected("a compressed buffer has no length");
  }
  const auto length = LoadLittle<int64_t>(stored.data());
  const ByteView frame = stored.subspan(kCompressedLengthBytes);
  if (length == kNotCompressed) return frame;
  if (length == 0) return ByteView();
  if (length < 0 || length > kMaxUncompressedBufferBytes) {
    return std::unexpected("a compressed buffer declares an impossible length");
  }
  storage.assign(static_cast<size_t>(length), 0);
  const bool sound =
      codec == BodyCodec::kZstd ? DecompressZstd(frame, storage) : DecompressLz4(frame, storage);
  if (!sound) return std::unexpected("a compressed buffer cannot be decompressed");
  return ByteView(storage);
}

}  // namespace strom::format
