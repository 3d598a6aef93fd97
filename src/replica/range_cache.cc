#include "replica/range_cache.h"

#include <tuple>

namespace strom::replica {

bool RangeCache::KeyOrder::operator()(const Key& a, const Key& b) const {
  const auto parts = [](const Key& key) {
    return std::tuple(key.first.table, key.first.partition, key.first.bucket, key.second);
  };
  return parts(a) < parts(b);
}

std::shared_ptr<format::SegmentRanges> RangeCache::Find(const TableBucket& bucket, Offset segment) {
  const auto found = index_.find({bucket, segment});
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->ranges;
}

void RangeCache::Put(const TableBucket& bucket, Offset segment,
                     std::shared_ptr<format::SegmentRanges> ranges) {
  const Key key{bucket, segment};
  if (const auto found = index_.find(key); found != index_.end()) {
    bytes_ -= found->second->bytes;
    entries_.erase(found->second);
    index_.erase(found);
  }
  const uint64_t bytes = ranges->MemoryBytes();
  entries_.push_front({key, std::move(ranges), bytes});
  index_[key] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > max_bytes_ && !entries_.empty()) {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace strom::replica
