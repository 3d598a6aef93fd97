// Decompression of Arrow body buffers (spec 02, 3.2). Never on the append or fetch path.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "format/arrow_message.h"

namespace strom::format {

// One buffer of a declared size may not be larger; the declaration is the writer's.
inline constexpr int64_t kMaxUncompressedBufferBytes = int64_t{1} << 30;

// The content of one body buffer: with a codec it is an int64 of the uncompressed length (-1: the
// bytes follow as they are) and the compressed frame; an empty buffer may also be that length
// alone, 0, as Java writes it. `storage` holds what had to be decompressed; the result views it or
// `stored`.
Parsed<ByteView> DecodeBuffer(ByteView stored, BodyCodec codec, Bytes& storage);

}  // namespace strom::format
