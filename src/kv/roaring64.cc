#include "kv/roaring64.h"

#include <algorithm>
#include <array>
#include <bit>

namespace strom::kv {
namespace {

constexpr size_t kKeyBytes = 6;
constexpr uint8_t kNoSlot = 0xff;
constexpr uint8_t kArrayMark = 0xfe;

enum class NodeType : uint8_t { kUpTo4, kUpTo16, kUpTo48, kUpTo256, kLeaf };
constexpr size_t kCapacity[] = {4, 16, 48, 256, 0};
constexpr size_t kBodyBytes[] = {4, 16, 256, 32, kKeyBytes + 8};

std::unexpected<Error> Corrupt(std::string_view problem) {
  return Fail(ErrorCode::kCorruptRecord, "the bytes are no 64-bit roaring bitmap: {}.", problem);
}

uint8_t KeyByte(uint64_t key, size_t depth) {
  return static_cast<uint8_t>(key >> (8 * (kKeyBytes - 1 - depth)));
}

// The position of the i-th of bytes that are packed `width` to a little-endian integer, the first
// in its top byte.
size_t PackedAt(size_t i, size_t width) {
  return i - i % width + (width - 1 - i % width);
}

struct Leaf {
  uint64_t key = 0;
  uint64_t container = 0;  // array << 32 | slot
};

class TreeReader {
 public:
  explicit TreeReader(ByteReader& in) : in_(in) {}

  // One node with all below it; `depth` key bytes are known already, as the upper bytes of `path`.
  // Every level adds one, so this goes 6 deep at most.
  Status ReadNode(uint64_t path, size_t depth);

  std::vector<Leaf>& leaves() { return leaves_; }

 private:
  Status ReadLeaf(ByteView body, uint64_t path, size_t depth);

  ByteReader& in_;
  std::vector<Leaf> leaves_;
};

// The key bytes of a node's children; nothing if they do not ascend or are not `count`.
std::optional<std::vector<uint8_t>> ChildBytes(NodeType type, ByteView body, size_t count) {
  std::vector<uint8_t> bytes;
  if (type == NodeType::kUpTo4 || type == NodeType::kUpTo16) {
    const size_t width = type == NodeType::kUpTo4 ? 4 : 8;
    for (size_t i = 0; i < count; ++i)
      bytes.push_back(body[PackedAt(i, width)]);
    const auto disorder = std::ranges::adjacent_find(bytes, std::ranges::greater_equal());
    if (disorder != bytes.end()) return std::nullopt;
    return bytes;
  }
  std::array<bool, 48> slot_taken{};
  for (size_t i = 0; i < 256; ++i) {
    if (type == NodeType::kUpTo48) {
      const uint8_t slot = body[PackedAt(i, 8)];
      if (slot == kNoSlot) continue;
      if (slot >= slot_taken.size() || slot_taken[slot]) return std::nullopt;
      slot_taken[slot] = true;
    } else if ((body[i / 8] >> (i % 8) & 1) == 0) {
      continue;
    }
    bytes.push_back(static_cast<uint8_t>(i));
  }
  if (bytes.size() != count) return std::nullopt;
  return bytes;
}

Status TreeReader::ReadLeaf(ByteView body, uint64_t path, size_t depth) {
  Leaf leaf;
  for (size_t i = 0; i < kKeyBytes; ++i)
    leaf.key = leaf.key << 8 | body[i];
  leaf.container = LoadLittle<uint64_t>(body.data() + kKeyBytes);
  for (size_t i = 0; i < depth; ++i) {
    if (KeyByte(leaf.key, i) != KeyByte(path, i)) return Corrupt("a key is not where it stands");
  }
  leaves_.push_back(leaf);
  return {};
}

Status TreeReader::ReadNode(uint64_t path, size_t depth) {
  const auto type_number = in_.Little<uint8_t>();
  const auto count = in_.Little<uint16_t>();
  const auto prefix_size = in_.Little<uint8_t>();
  if (!type_number || !count || !prefix_size) return Corrupt("the tree is cut off");
  if (*type_number > static_cast<uint8_t>(NodeType::kLeaf)) return Corrupt("a node has no type");
  const auto type = static_cast<NodeType>(*type_number);
  const auto prefix = in_.Take(*prefix_size);
  const auto body = in_.Take(kBodyBytes[*type_number]);
  if (!prefix || !body) return Corrupt("a node is cut off");
  if (type == NodeType::kLeaf) {
    // Its prefix says nothing: it is what a removal left of the node above.
    if (*count != 0) return Corrupt("a leaf has children");
    return ReadLeaf(*body, path, depth);
  }
  if (*count < 1 || *count > kCapacity[*type_number]) return Corrupt("a node's children misfit");
  if (depth + prefix->size() >= kKeyBytes) return Corrupt("the tree is too deep");
  for (const uint8_t byte : *prefix)
    path |= uint64_t{byte} << (8 * (kKeyBytes - 1 - depth++));
  const auto children = ChildBytes(type, *body, *count);
  if (!children) return Corrupt("a node's keys are not in order");
  for (const uint8_t byte : *children) {
    const uint64_t child_path = path | uint64_t{byte} << (8 * (kKeyBytes - 1 - depth));
    STROM_TRY_VOID(ReadNode(child_path, depth + 1));
  }
  return {};
}

struct PlacedContainer {
  uint64_t place = 0;  // array << 32 | slot
  RoaringContainer container;
  bool taken = false;
};

Status ReadArray(ByteReader& in, uint64_t array, std::vector<PlacedContainer>& out) {
  const auto mark = in.Little<uint8_t>();
  const auto slots = in.Little<uint32_t>();
  if (!mark || *mark != kArrayMark || !slots) return Corrupt("an array of containers has no head");
  // Every slot takes a byte, so the loop ends with the input, whatever the number says.
  for (uint64_t slot = 0; slot < *slots; ++slot) {
    const auto present = in.Little<uint8_t>();
    if (!present || *present > 1) return Corrupt("a container slot is cut off");
    if (*present == 0) continue;
    const auto kind = in.Little<uint8_t>();
    const auto cardinality = in.Little<uint32_t>();
    if (!kind || *kind > 2 || !cardinality) return Corrupt("a container has no kind");
    auto container = ReadContainer(in, static_cast<ContainerKind>(*kind), *cardinality);
    if (!container) return Corrupt("a container is cut off or not what its header says");
    out.push_back({array << 32 | slot, std::move(*container)});
  }
  return {};
}

Result<std::vector<PlacedContainer>> ReadContainers(ByteReader& in) {
  const auto arrays = in.Little<uint32_t>();
  if (!arrays) return Corrupt("the containers are missing");
  std::vector<PlacedContainer> containers;
  for (uint64_t array = 0; array < *arrays; ++array)
    STROM_TRY_VOID(ReadArray(in, array, containers));
  const auto count = in.Little<uint64_t>();
  const auto last_array = in.Little<uint32_t>();
  const auto last_slot = in.Little<uint32_t>();
  if (!count || !last_array || !last_slot) return Corrupt("the end is cut off");
  if (*count != containers.size()) return Corrupt("there are not as many containers as it says");
  if (!in.done()) return Corrupt("bytes follow it");
  return containers;
}

// --- writing -------------------------------------------------------------------------------------

void AppendLeaf(uint64_t key, size_t slot, Bytes& out) {
  out.push_back(static_cast<uint8_t>(NodeType::kLeaf));
  AppendLittle(out, uint16_t{0});
  out.push_back(0);
  for (size_t i = 0; i < kKeyBytes; ++i)
    out.push_back(KeyByte(key, i));
  AppendLittle(out, static_cast<uint64_t>(slot));
}

NodeType SmallestFor(size_t children) {
  size_t type = 0;
  while (kCapacity[type] < children)
    ++type;
  return static_cast<NodeType>(type);
}

void AppendBody(NodeType type, std::span<const uint8_t> children, Bytes& out) {
  const size_t start = out.size();
  const bool by_key = type == NodeType::kUpTo48;
  out.resize(start + kBodyBytes[static_cast<size_t>(type)], by_key ? kNoSlot : 0);
  for (size_t i = 0; i < children.size(); ++i) {
    const uint8_t byte = children[i];
    if (type == NodeType::kUpTo4) {
      out[start + PackedAt(i, 4)] = byte;
    } else if (type == NodeType::kUpTo16) {
      out[start + PackedAt(i, 8)] = byte;
    } else if (by_key) {
      out[start + PackedAt(byte, 8)] = static_cast<uint8_t>(i);
    } else {
      out[start + byte / 8] |= static_cast<uint8_t>(1u << (byte % 8));
    }
  }
}

// The node of the ascending keys[begin, end), which are the same in their first `depth` bytes.
void AppendNode(const std::vector<uint64_t>& keys, size_t begin, size_t end, size_t depth,
                Bytes& out) {
  if (end - begin == 1) return AppendLeaf(keys[begin], begin, out);
  const size_t prefix_start = depth;
  while (KeyByte(keys[begin], depth) == KeyByte(keys[end - 1], depth))
    ++depth;
  std::vector<uint8_t> children;
  std::vector<size_t> ends;
  for (size_t i = begin; i < end; ++i) {
    const uint8_t byte = KeyByte(keys[i], depth);
    if (children.empty() || children.back() != byte) {
      children.push_back(byte);
      ends.push_back(i);
    }
    ends.back() = i + 1;
  }
  const NodeType type = SmallestFor(children.size());
  out.push_back(static_cast<uint8_t>(type));
  AppendLittle(out, static_cast<uint16_t>(children.size()));
  out.push_back(static_cast<uint8_t>(depth - prefix_start));
  for (size_t i = prefix_start; i < depth; ++i)
    out.push_back(KeyByte(keys[begin], i));
  AppendBody(type, children, out);
  for (const size_t child_end : ends) {
    AppendNode(keys, begin, child_end, depth + 1, out);
    begin = child_end;
  }
}

}  // namespace

Result<RoaringSet> ParseRoaring64(ByteView bytes) {
  ByteReader in(bytes);
  const auto tag = in.Little<uint8_t>();
  if (!tag || *tag > 1) return Corrupt("the first byte is neither 0 nor 1");
  RoaringSet set;
  if (*tag == 0) {
    if (!in.done()) return Corrupt("bytes follow an empty set");
    return set;
  }
  const auto key_count = in.Little<uint64_t>();
  if (!key_count) return Corrupt("the number of keys is cut off");
  TreeReader tree(in);
  STROM_TRY_VOID(tree.ReadNode(0, 0));
  if (tree.leaves().size() != *key_count) return Corrupt("there are not as many keys as it says");
  STROM_TRY(auto containers, ReadContainers(in));
  if (containers.size() != *key_count) return Corrupt("keys and containers differ in number");
  set.keys.reserve(containers.size());
  set.containers.reserve(containers.size());
  for (const Leaf& leaf : tree.leaves()) {
    const auto found =
        std::ranges::lower_bound(containers, leaf.container, {}, &PlacedContainer::place);
    if (found == containers.end() || found->place != leaf.container || found->taken) {
      return Corrupt("a key has no container of its own");
    }
    found->taken = true;
    set.keys.push_back(leaf.key);
    set.containers.push_back(std::move(found->container));
  }
  return set;
}

void AppendRoaring64(const RoaringSet& set, Bytes& out) {
  const size_t count = set.keys.size();
  out.push_back(count == 0 ? 0 : 1);
  if (count == 0) return;
  AppendLittle(out, static_cast<uint64_t>(count));
  AppendNode(set.keys, 0, count, 0, out);
  AppendLittle(out, uint32_t{1});
  out.push_back(kArrayMark);
  AppendLittle(out, static_cast<uint32_t>(count));
  for (const RoaringContainer& container : set.containers) {
    out.push_back(1);
    out.push_back(static_cast<uint8_t>(container.kind));
    AppendLittle(out, container.cardinality);
    AppendContainer(container, out);
  }
  AppendLittle(out, static_cast<uint64_t>(count));
  AppendLittle(out, uint32_t{0});
  AppendLittle(out, static_cast<uint32_t>(count - 1));
}

Result<Bytes> UniteRoaring64(ByteView a, ByteView b) {
  STROM_TRY(RoaringSet left, ParseRoaring64(a));
  STROM_TRY(RoaringSet right, ParseRoaring64(b));
  Bytes out;
  out.reserve(a.size() + b.size());
  AppendRoaring64(Unite(std::move(left), std::move(right)), out);
  return out;
}

}  // namespace strom::kv
