#include "log/head_cache.h"

#include <algorithm>

namespace strom::log {
namespace {

constexpr uint64_t kBlockBytes = uint64_t{1} << 20;
// What a head and a block take besides the bytes of heads.
constexpr uint64_t kHeadOverheadBytes = 48;
constexpr uint64_t kBlockOverheadBytes = 160;

}  // namespace

size_t HeadCache::KeyHash::operator()(const Key& key) const {
  // Blocks of a segment and segments are numbered from 0: a multiplication spreads both.
  return static_cast<size_t>((key.segment << 16 ^ key.block) * 0x9e3779b97f4a7c15ULL >> 16);
}

HeadCache::Block* HeadCache::FindBlock(const Key& key) {
  // A read walks through neighbours.
  if (!blocks_.empty() && blocks_.front().key == key) return &blocks_.front();
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  blocks_.splice(blocks_.begin(), blocks_, found->second);
  return &blocks_.front();
}

ByteView HeadCache::Find(uint64_t segment, uint64_t position) {
  const Block* block = FindBlock({segment, position / kBlockBytes});
  if (block == nullptr) return {};
  const auto head = std::ranges::lower_bound(block->heads, position, {}, &Head::position);
  return head != block->heads.end() && head->position == position ? ByteView(head->bytes)
                                                                  : ByteView();
}

void HeadCache::Keep(uint64_t segment, uint64_t position, ByteView bytes) {
  const Key key{segment, position / kBlockBytes};
  Block* block = FindBlock(key);
  if (block == nullptr) {
    block = &blocks_.emplace_front(Block{key, {}, kBlockOverheadBytes});
    index_[key] = blocks_.begin();
    bytes_ += block->bytes;
  }
  const auto at = std::ranges::lower_bound(block->heads, position, {}, &Head::position);
  if (at != block->heads.end() && at->position == position) return;
  block->heads.insert(at, Head{position, Bytes(bytes.begin(), bytes.end())});
  block->bytes += bytes.size() + kHeadOverheadBytes;
  bytes_ += bytes.size() + kHeadOverheadBytes;
  while (bytes_ > max_bytes_ && !blocks_.empty()) {
    bytes_ -= blocks_.back().bytes;
    index_.erase(blocks_.back().key);
    blocks_.pop_back();
  }
}

}  // namespace strom::log
