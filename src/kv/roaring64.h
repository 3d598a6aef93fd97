// rbm64 columns (spec 05, 7): sets of unsigned 64-bit integers in the serialization of Java's
// Roaring64Bitmap 1.3.0, which is not the portable 64-bit format. Little-endian unless noted:
//   u8 0: the empty set, nothing follows; 1: a set
//   i64 keys, then the tree of the upper 48 bits, each node followed by its children in the order
//   of their key bytes:
//     u8 type (0 to 3: up to 4, 16, 48, 256 children; 4: leaf), i16 children (leaf 0)
//     u8 n, n bytes that all keys below have next (of a leaf: leftovers of removed nodes)
//     4 and 16: the children's key bytes, 4 (8) in one i32 (i64), the first one in its top byte
//     48: 256 bytes, the child slot of each key byte or 0xff, 8 in one i64, the first in the top
//     256: 4 x u64, bit b: there is a child with key byte b
//     leaf: the 6 bytes of the key, big-endian, i64 array << 32 | slot of its container
//   i32 arrays, each u8 0xfe, i32 slots, each u8 0 (no container) or
//     u8 1, u8 kind, i32 cardinality, content as in the 32-bit format
//   i64 containers, i32 last array, i32 last slot
// A reader takes nothing but that, counts and order included; every leaf has one container of its
// own, and nothing may follow.
#pragma once

#include "kv/roaring_set.h"

namespace strom::kv {

// kCorruptRecord says what is wrong. Keys have 48 bits.
Result<RoaringSet> ParseRoaring64(ByteView bytes);
// The containers fill one array, in the order of their keys.
void AppendRoaring64(const RoaringSet& set, Bytes& out);

Result<Bytes> UniteRoaring64(ByteView a, ByteView b);

}  // namespace strom::kv
