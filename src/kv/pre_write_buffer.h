// Changes of a bucket that are in its log but not committed yet, and so not in its store (spec 05,
// 3). The newest change of a key is what the next write to it sees; readers never look here. One
// shard only.
//
// Changes come in batches, one for each PutKv: the bytes of the request are copied once, and
// entries are views on them. A batch is written to the store, or taken back, as a whole.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "kv/row_merger.h"
#include "kv/store.h"

namespace strom::kv {

// What a buffered change does to the number of rows.
enum class RowCountChange : int8_t { kLess = -1, kSame = 0, kMore = 1 };

class PreWriteBuffer {
 public:
  struct Entry {
    StoreChange change;
    RowCountChange count = RowCountChange::kSame;
    uint64_t id = 0;        // ascending over the life of the buffer
    uint64_t previous = 0;  // id of the change of the same key before it; 0: none then
    const Entry* previous_entry = nullptr;
  };

  // The newest buffered change of `key`, or null: then the store says what there is.
  const Entry* Find(ByteView key) const {
    const auto it = newest_.find(AsText(key));
    return it == newest_.end() ? nullptr : it->second;
  }
  // Keys and rows of all that waits.
  size_t bytes() const { return bytes_; }

  // Opens a batch on a copy of `request`, for at most `max_entries` changes. Returns the copy.
  ByteView Begin(ByteView request, size_t max_entries);
  // Keeps a row that was made here as long as the open batch.
  ByteView Keep(Bytes row);
  // Adds to the open batch. The views belong to the copy or were kept; the key may belong to an
  // entry that is still there.
  void Add(const StoreChange& change, RowCountChange count);
  // The open batch is in the log and ends at `end`.
  void Seal(Offset end);
  // Takes the open batch back: every key is as it was before.
  void RollBack();

  // The batches that end at or below `limit`, oldest first: `changes` in order and what they make
  // of the row count. Returns how many batches; at most about `max_changes` changes, but whole
  // batches and at least one if there is one. `end` is where the last of them ends.
  size_t Collect(Offset limit, size_t max_changes, std::vector<StoreChange>& changes,
                 int64_t& rows_added, Offset& end) const;
  // The first `batches` are in the store.
  void Drop(size_t batches);

 private:
  struct Batch {
    Bytes request;
    std::deque<Bytes> made;
    std::vector<Entry> entries;  // never reallocated
    size_t bytes = 0;
    Offset end;
    bool sealed = false;
  };

  std::deque<Batch> batches_;
  std::unordered_map<std::string_view, const Entry*> newest_;
  uint64_t next_id_ = 1;
  uint64_t first_id_ = 1;  // entries below it are gone
  size_t bytes_ = 0;
};

}  // namespace strom::kv
