// Column ranges of segments that were read with a filter, of all buckets of one shard, the least
// recently used going first. One shard only.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "base/ids.h"
#include "format/segment_ranges.h"

namespace strom::replica {

class RangeCache {
 public:
  explicit RangeCache(uint64_t max_bytes) : max_bytes_(max_bytes) {}
  RangeCache(const RangeCache&) = delete;

  // Null if they are not here.
  std::shared_ptr<format::SegmentRanges> Find(const TableBucket& bucket, Offset segment);
  // Adds or counts anew what has grown. Who still holds evicted ranges may go on using them.
  void Put(const TableBucket& bucket, Offset segment,
           std::shared_ptr<format::SegmentRanges> ranges);

  uint64_t bytes() const { return bytes_; }

 private:
  using Key = std::pair<TableBucket, Offset>;
  struct KeyOrder {
    bool operator()(const Key& a, const Key& b) const;
  };
  struct Entry {
    Key key;
    std::shared_ptr<format::SegmentRanges> ranges;
    uint64_t bytes = 0;
  };

  const uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // newest first
  std::map<Key, std::list<Entry>::iterator, KeyOrder> index_;
};

}  // namespace strom::replica
