#include "base/crc32c.h"

#include <nmmintrin.h>

#include <isa-l/crc.h>

namespace strom {
namespace {

// isa-l's set-up costs more than one SSE4.2 stream below this size (measured: 64 B 3.5 against
// 15 GB/s, 1 MiB 54 against 9 GB/s).
constexpr size_t kIsalFromBytes = 512;

uint32_t OneStream(uint32_t state, ByteView bytes) {
  const uint8_t* p = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = state;
  for (; left >= 8; p += 8, left -= 8)
    crc = _mm_crc32_u64(crc, LoadLittle<uint64_t>(p));
  auto tail = static_cast<uint32_t>(crc);
  for (; left > 0; ++p, --left)
    tail = _mm_crc32_u8(tail, *p);
  return tail;
}

uint32_t Advance(uint32_t state, ByteView bytes) {
  if (bytes.size() < kIsalFromBytes) return OneStream(state, bytes);
  constexpr size_t kMaxCall = size_t{1} << 30;  // crc32_iscsi takes an int length
  while (!bytes.empty()) {
    ByteView piece = bytes.first(std::min(bytes.size(), kMaxCall));
    state = crc32_iscsi(const_cast<unsigned char*>(piece.data()), static_cast<int>(piece.size()),
                        state);
    bytes = bytes.subspan(piece.size());
  }
  return state;
}

}  // namespace

uint32_t Crc32c(ByteView bytes) {
  return ~Advance(~0U, bytes);
}

uint32_t Crc32cExtend(uint32_t crc, ByteView bytes) {
  return ~Advance(~crc, bytes);
}

}  // namespace strom
