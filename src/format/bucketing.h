// Which bucket a bucket key belongs to (spec 03, 9). Clients decide that; the server serves exactly
// the bucket that a request names, because client families disagree (9.2). Our own clients, the
// load generator and tools that look for a key need these functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "format/lake_format.h"

namespace strom::format {

// The hash of 32 bits with seed 42 that the reference calls murmur; not the standard one.
int32_t FlussMurmur(ByteView bytes);
// The second hash over it, never negative.
int32_t SpreadHash(int32_t hash);
// The standard murmur3_x86_32.
int32_t Murmur3(ByteView bytes, uint32_t seed);

// The bucket, 0 to bucket_count - 1, of an encoded bucket key. kUnknownServerError if the key is
// empty (of Hudi: not 4 bytes) or there are no buckets.
Result<int32_t> BucketOfKey(std::optional<LakeFormat> lake_format, ByteView key,
                            int32_t bucket_count);

// What clients built on the Rust library compute for tables without a lake: they take bytes from
// 0x80 on in the tail as positive. A tool that must find a key tries both.
Result<int32_t> BucketOfKeyInRust(ByteView key, int32_t bucket_count);

}  // namespace strom::format
