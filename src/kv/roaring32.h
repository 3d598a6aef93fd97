// rbm32 columns (spec 05, 7): sets of unsigned 32-bit integers in the portable roaring format, all
// little-endian:
//   u32 12346, u32 containers; or, when a container has runs,
//   u32 (containers - 1) << 16 | 12347, one bit per container, set if it has runs
//   containers x (u16 key, u16 cardinality - 1), keys ascending
//   containers x u32 offset from the first byte, unless there are runs and fewer than 4 containers
//   containers: runs u16 n, n x (u16 first, u16 length - 1); up to 4096 numbers u16 each,
//   ascending; more 8192 bytes of bits
// A reader takes nothing but that: everything is checked and nothing may follow.
#pragma once

#include "kv/roaring_set.h"

namespace strom::kv {

// kCorruptRecord says what is wrong. Keys have 16 bits.
Result<RoaringSet> ParseRoaring32(ByteView bytes);
void AppendRoaring32(const RoaringSet& set, Bytes& out);

Result<Bytes> UniteRoaring32(ByteView a, ByteView b);

}  // namespace strom::kv
