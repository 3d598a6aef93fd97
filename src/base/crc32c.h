// CRC-32C (Castagnoli) as record batches carry it (spec 02, 2.1).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace strom {

// The checksum of `bytes` alone.
uint32_t Crc32c(ByteView bytes);
// Crc32cExtend(Crc32c(a), b) == Crc32c(a + b): lets bytes be checksummed while they arrive.
uint32_t Crc32cExtend(uint32_t crc, ByteView bytes);

}  // namespace strom
