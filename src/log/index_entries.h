// The bytes of an index: entries of one size, in memory while the segment grows, mapped from the
// file afterwards. Base of OffsetIndex and TimeIndex; used by the shard that owns the log.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/check.h"
#include "runtime/file.h"

namespace strom::log {

template <size_t kEntryBytes>
class IndexEntries {
 public:
  size_t count() const { return view().size() / kEntryBytes; }
  bool empty() const { return count() == 0; }
  // As they are in the file.
  ByteView view() const {
    return mapping_ ? mapping_->View(0, mapping_->size()) : ByteView(owned_);
  }

 protected:
  IndexEntries() = default;
  explicit IndexEntries(std::shared_ptr<const runtime::Mapping> mapping)
      : mapping_(std::move(mapping)) {}
  explicit IndexEntries(Bytes bytes) : owned_(std::move(bytes)) {}

  const uint8_t* at(size_t i) const { return view().data() + i * kEntryBytes; }

  // Room for one more entry; a mapped index takes none.
  uint8_t* Grow() {
    STROM_CHECK(!mapping_);
    owned_.resize(owned_.size() + kEntryBytes);
    return owned_.data() + owned_.size() - kEntryBytes;
  }

  // The last entry for which `before_or_at(entry bytes)` holds; it must hold for a prefix of the
  // entries. count() if there is none.
  template <class Predicate>
  size_t LastWhere(Predicate before_or_at) const {
    const ByteView entries = view();
    size_t low = 0;
    size_t high = entries.size() / kEntryBytes;
    const size_t none = high;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (before_or_at(entries.data() + middle * kEntryBytes)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == 0 ? none : low - 1;
  }

 private:
  Bytes owned_;
  std::shared_ptr<const runtime::Mapping> mapping_;
};

}  // namespace strom::log
