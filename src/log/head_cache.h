// Heads of stored batches (see format::BatchHeads) of all logs of one shard, beside their offset
// indexes: what a projected or filtered read needs of batches that were read so before. Kept in
// blocks of neighbouring batches, of which the least recently used go first. One shard only.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "format/batch_heads.h"

namespace strom::log {

class HeadCache {
 public:
  explicit HeadCache(uint64_t max_bytes) : max_bytes_(max_bytes) {}
  HeadCache(const HeadCache&) = delete;

  // A number for a segment that was opened, never given before: what is kept of a segment that is
  // gone is found by nobody and leaves in time.
  uint64_t NewSegment() { return ++last_segment_; }

  // Of the batch at byte `position` of a segment; empty if it is not here. Valid until the next
  // Keep().
  ByteView Find(uint64_t segment, uint64_t position);
  void Keep(uint64_t segment, uint64_t position, ByteView head);

  uint64_t bytes() const { return bytes_; }

 private:
  struct Key {
    uint64_t segment;
    uint64_t block;  // of kBlockBytes of the segment
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Head {
    uint64_t position;
    Bytes bytes;
  };
  struct Block {
    Key key;
    std::vector<Head> heads;  // ascending
    uint64_t bytes = 0;
  };

  // Makes it the most recently used; null if it is not here.
  Block* FindBlock(const Key& key);

  const uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  uint64_t last_segment_ = 0;
  std::list<Block> blocks_;  // most recently used first
  std::unordered_map<Key, std::list<Block>::iterator, KeyHash> index_;
};

// Those of one run inside a segment; without a cache nothing is kept.
class SegmentHeads final : public format::BatchHeads {
 public:
  SegmentHeads() = default;
  // `begin`: where the run begins in the segment.
  SegmentHeads(HeadCache* cache, uint64_t segment, uint64_t begin)
      : cache_(cache), segment_(segment), begin_(begin) {}

  ByteView Find(uint64_t position) override {
    return cache_ == nullptr ? ByteView() : cache_->Find(segment_, begin_ + position);
  }
  void Keep(uint64_t position, ByteView head) override {
    if (cache_ != nullptr) cache_->Keep(segment_, begin_ + position, head);
  }

 private:
  HeadCache* cache_ = nullptr;
  uint64_t segment_ = 0;
  uint64_t begin_ = 0;
};

}  // namespace strom::log
