// A small, fast generator (xoshiro256**) with the same sequence everywhere for a seed. Not for
// secrets.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/check.h"

namespace strom::runtime {

class RandomSource {
 public:
  explicit RandomSource(uint64_t seed) {
    // SplitMix64 spreads any seed, 0 included, over the whole state.
    for (uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15ULL;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // 0 <= result < bound. The bias of the multiplication is below 2^-32 for the bounds used here.
  uint64_t Below(uint64_t bound) {
    STROM_CHECK(bound > 0);
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // low <= result <= high
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }
  // True with `probability` (0..1).
  bool Chance(double probability) {
    return static_cast<double>(Next() >> 11) * 0x1.0p-53 < probability;
  }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace strom::runtime
