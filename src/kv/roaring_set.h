// Sets of integers in roaring form: sorted containers of 65,536 numbers each, held as runs, bits or
// a sorted array. What the two byte formats of rbm32 and rbm64 columns (spec 05, 7) have in common;
// roaring32.h and roaring64.h read and write them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace strom::kv {

// A container's form, numbered as rbm64 does.
enum class ContainerKind : uint8_t { kRuns = 0, kBits = 1, kArray = 2 };

// The lower 16 bits of the numbers of a container; at least one.
struct RoaringContainer {
  ContainerKind kind = ContainerKind::kArray;
  uint32_t cardinality = 0;      // 1..65536
  std::vector<uint16_t> values;  // kArray: ascending; kRuns: (first, length - 1), ascending, apart
  std::vector<uint64_t> words;   // kBits: 1024

  friend bool operator==(const RoaringContainer&, const RoaringContainer&) = default;
};

struct RoaringSet {
  std::vector<uint64_t> keys;  // the bits above the lower 16; ascending
  std::vector<RoaringContainer> containers;

  friend bool operator==(const RoaringSet&, const RoaringSet&) = default;
};

// Reads the content of a container: what it says of its cardinality must be so. Nothing if it is
// cut off or not in order.
std::optional<RoaringContainer> ReadContainer(ByteReader& in, ContainerKind kind,
                                              uint32_t cardinality);
void AppendContainer(const RoaringContainer& container, Bytes& out);

// Every container of the result has its smallest form, whatever it had before.
RoaringSet Unite(RoaringSet a, RoaringSet b);

// All numbers as inclusive ranges, ascending and apart; for dumps and tests.
std::vector<std::pair<uint64_t, uint64_t>> RangesOf(const RoaringSet& set);

}  // namespace strom::kv
