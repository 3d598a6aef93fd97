#include "kv/roaring32.h"

#include <algorithm>

namespace strom::kv {
namespace {

constexpr uint32_t kCookieWithoutRuns = 12346;
constexpr uint32_t kCookieWithRuns = 12347;
constexpr size_t kOffsetsFrom = 4;  // containers, if there are runs
constexpr uint32_t kMaxArray = 4096;

std::unexpected<Error> Corrupt(std::string_view problem) {
  return Fail(ErrorCode::kCorruptRecord, "the bytes are no 32-bit roaring bitmap: {}.", problem);
}

// What stands before the containers.
struct Header {
  size_t count = 0;
  ByteView has_runs;  // bits; empty: none
  ByteView descriptions;
  ByteView offsets;  // empty: left out

  bool HasRuns(size_t i) const {
    return !has_runs.empty() && (has_runs[i / 8] >> (i % 8) & 1) != 0;
  }
};

Result<Header> ReadHeader(ByteReader& in) {
  const auto cookie = in.Little<uint32_t>();
  if (!cookie) return Corrupt("it is shorter than a cookie");
  Header header;
  if ((*cookie & 0xffff) == kCookieWithRuns) {
    header.count = (*cookie >> 16) + 1;
    const auto bits = in.Take((header.count + 7) / 8);
    if (!bits) return Corrupt("the bits that name runs are cut off");
    header.has_runs = *bits;
  } else if (*cookie == kCookieWithoutRuns) {
    const auto count = in.Little<uint32_t>();
    if (!count || *count > 65536) return Corrupt("the number of containers is no such number");
    header.count = *count;
  } else {
    return Corrupt("the cookie is unknown");
  }
  const auto descriptions = in.Take(header.count * 4);
  if (!descriptions) return Corrupt("there are fewer containers than it says");
  header.descriptions = *descriptions;
  if (header.has_runs.empty() || header.count >= kOffsetsFrom) {
    const auto offsets = in.Take(header.count * 4);
    if (!offsets) return Corrupt("the offsets are cut off");
    header.offsets = *offsets;
  }
  return header;
}

}  // namespace

Result<RoaringSet> ParseRoaring32(ByteView bytes) {
  ByteReader in(bytes);
  STROM_TRY(const Header header, ReadHeader(in));
  RoaringSet set;
  for (size_t i = 0; i < header.count; ++i) {
    const auto key = LoadLittle<uint16_t>(header.descriptions.data() + i * 4);
    const uint32_t cardinality =
        uint32_t{LoadLittle<uint16_t>(header.descriptions.data() + i * 4 + 2)} + 1;
    if (!set.keys.empty() && set.keys.back() >= key) return Corrupt("the keys do not ascend");
    if (!header.offsets.empty() &&
        LoadLittle<uint32_t>(header.offsets.data() + i * 4) != in.position()) {
      return Corrupt("an offset does not point to its container");
    }
    ContainerKind kind = cardinality <= kMaxArray ? ContainerKind::kArray : ContainerKind::kBits;
    if (header.HasRuns(i)) kind = ContainerKind::kRuns;
    auto container = ReadContainer(in, kind, cardinality);
    if (!container) return Corrupt("a container is cut off or not what its header says");
    set.keys.push_back(key);
    set.containers.push_back(std::move(*container));
  }
  if (!in.done()) return Corrupt("bytes follow it");
  return set;
}

void AppendRoaring32(const RoaringSet& set, Bytes& out) {
  const size_t start = out.size();
  const size_t count = set.keys.size();
  const bool has_runs = std::ranges::find(set.containers, ContainerKind::kRuns,
                                          &RoaringContainer::kind) != set.containers.end();
  if (has_runs) {
    AppendLittle(out, static_cast<uint32_t>(count - 1) << 16 | kCookieWithRuns);
    const size_t bits = out.size();
    out.resize(bits + (count + 7) / 8);
    for (size_t i = 0; i < count; ++i) {
      if (set.containers[i].kind != ContainerKind::kRuns) continue;
      out[bits + i / 8] |= static_cast<uint8_t>(1u << (i % 8));
    }
  } else {
    AppendLittle(out, kCookieWithoutRuns);
    AppendLittle(out, static_cast<uint32_t>(count));
  }
  for (size_t i = 0; i < count; ++i) {
    AppendLittle(out, static_cast<uint16_t>(set.keys[i]));
    AppendLittle(out, static_cast<uint16_t>(set.containers[i].cardinality - 1));
  }
  const bool has_offsets = !has_runs || count >= kOffsetsFrom;
  const size_t offsets = out.size();
  if (has_offsets) out.resize(offsets + count * 4);
  for (size_t i = 0; i < count; ++i) {
    if (has_offsets) {
      StoreLittle(out.data() + offsets + i * 4, static_cast<uint32_t>(out.size() - start));
    }
    AppendContainer(set.containers[i], out);
  }
}

Result<Bytes> UniteRoaring32(ByteView a, ByteView b) {
  STROM_TRY(RoaringSet left, ParseRoaring32(a));
  STROM_TRY(RoaringSet right, ParseRoaring32(b));
  Bytes out;
  out.reserve(a.size() + b.size());
  AppendRoaring32(Unite(std::move(left), std::move(right)), out);
  return out;
}

}  // namespace strom::kv
