#include "format/bucketing.h"

#include <bit>
#include <cstdlib>
#include <limits>

namespace strom::format {
namespace {

constexpr uint32_t kSeed = 42;

uint32_t MixWord(uint32_t word) {
  return std::rotl(word * 0xcc9e2d51U, 15) * 0x1b873593U;
}

uint32_t MixHash(uint32_t hash, uint32_t mixed_word) {
  return std::rotl(hash ^ mixed_word, 13) * 5 + 0xe6546b64U;
}

uint32_t Finish(uint32_t hash) {
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
  return hash ^ (hash >> 16);
}

// The whole words of `bytes`; what is left over becomes `tail`.
uint32_t HashWords(uint32_t hash, ByteView bytes, ByteView& tail) {
  while (bytes.size() >= sizeof(uint32_t)) {
    hash = MixHash(hash, MixWord(LoadLittle<uint32_t>(bytes.data())));
    bytes = bytes.subspan(sizeof(uint32_t));
  }
  tail = bytes;
  return hash;
}

// Each byte of the tail is a round of its own, widened as Widen says.
template <class Widen>
int32_t MurmurOf(ByteView bytes, Widen widen) {
  ByteView tail;
  uint32_t hash = HashWords(kSeed, bytes, tail);
  for (const uint8_t byte : tail)
    hash = MixHash(hash, MixWord(widen(byte)));
  return static_cast<int32_t>(Finish(hash ^ static_cast<uint32_t>(bytes.size())));
}

int32_t WithoutSign(int32_t hash) {
  return hash & std::numeric_limits<int32_t>::max();
}

Status CheckKey(ByteView key, int32_t bucket_count) {
  if (bucket_count < 1) {
    return Fail(ErrorCode::kUnknownServerError, "There is no bucket for a key: {} buckets.",
                bucket_count);
  }
  if (key.empty()) {
    return Fail(ErrorCode::kUnknownServerError, "An empty key belongs to no bucket.");
  }
  return {};
}

}  // namespace

int32_t FlussMurmur(ByteView bytes) {
  return MurmurOf(bytes, [](uint8_t byte) {
    return static_cast<uint32_t>(int32_t{static_cast<int8_t>(byte)});
  });
}

int32_t SpreadHash(int32_t hash) {
  constexpr uint32_t kWordBytes = sizeof(uint32_t);
  const uint32_t mixed = MixHash(0, MixWord(static_cast<uint32_t>(hash)));
  const auto spread = static_cast<int32_t>(Finish(mixed ^ kWordBytes));
  return spread == std::numeric_limits<int32_t>::min() ? 0 : std::abs(spread);
}

int32_t Murmur3(ByteView bytes, uint32_t seed) {
  ByteView tail;
  uint32_t hash = HashWords(seed, bytes, tail);
  uint32_t word = 0;
  for (size_t i = 0; i < tail.size(); ++i)
    word |= uint32_t{tail[i]} << (8 * i);
  if (!tail.empty()) hash ^= MixWord(word);
  return static_cast<int32_t>(Finish(hash ^ static_cast<uint32_t>(bytes.size())));
}

Result<int32_t> BucketOfKey(std::optional<LakeFormat> lake_format, ByteView key,
                            int32_t bucket_count) {
  STROM_TRY_VOID(CheckKey(key, bucket_count));
  if (lake_format == LakeFormat::kPaimon) return std::abs(FlussMurmur(key) % bucket_count);
  if (lake_format == LakeFormat::kIceberg) return WithoutSign(Murmur3(key, 0)) % bucket_count;
  if (lake_format == LakeFormat::kHudi) {
    if (key.size() != sizeof(int32_t)) {
      return Fail(ErrorCode::kUnknownServerError, "A Hudi key has 4 bytes, not {}.", key.size());
    }
    return WithoutSign(LoadBig<int32_t>(key.data())) % bucket_count;
  }
  return SpreadHash(FlussMurmur(key)) % bucket_count;
}

Result<int32_t> BucketOfKeyInRust(ByteView key, int32_t bucket_count) {
  STROM_TRY_VOID(CheckKey(key, bucket_count));
  const int32_t hash = MurmurOf(key, [](uint8_t byte) { return uint32_t{byte}; });
  return SpreadHash(hash) % bucket_count;
}

}  // namespace strom::format
