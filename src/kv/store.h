// The sorted key-value store of one primary-key bucket: keys and stored values (spec 03, 11.1) as
// bytes, and the position in the changelog that they reflect. Writes happen on the shard that owns
// the bucket. Get and Scan may be called on any shard, for as long as the store is kept: they see
// what was written, which is what is committed. Functions marked "blocking" run on the blocking
// pool, one at a time per store, and beside the others.
//
// There is no log of its own: the changelog is the log. What a crash leaves is the state at some
// earlier position, which the store knows (`position()` when it is opened again); the rest is
// replayed. Production keeps it in RocksDB (rocks_store.h), simulations in memory
// (memory_store.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "kv/write_pressure.h"

namespace strom::kv {

// What the content of a store reflects: all changes below `offset` of the changelog.
struct StorePosition {
  Offset offset{0};
  int64_t row_count = 0;
  friend bool operator==(const StorePosition&, const StorePosition&) = default;
};

// One change: a value in two parts, schema id and row, so that the row need not be copied to stand
// behind its id; or a delete.
struct StoreChange {
  ByteView key;
  SchemaId schema_id{0};
  ByteView row;
  bool deleted = false;
};

// Values found, in the order of the keys asked for; nothing for a key that is not there. They stay
// valid as long as this object, which may travel to another shard.
class FoundValues {
 public:
  virtual ~FoundValues() = default;
  std::span<const std::optional<ByteView>> values() const { return values_; }

 protected:
  std::vector<std::optional<ByteView>> values_;
};

// A walk over the state at one moment, in unsigned byte order of keys. Kept by one shard at a time.
class StoreCursor {
 public:
  virtual ~StoreCursor() = default;
  virtual void Seek(ByteView key) = 0;
  virtual bool valid() const = 0;
  virtual void Next() = 0;
  // Valid until the next move.
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
  // kKvStorage if the walk ended because reading failed.
  virtual Status status() const = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual const StorePosition& position() const = 0;
  // Random, chosen when the store was made empty. Copies have the same, so files of one name in two
  // copies are one file if the identities are equal and one copy came from the other.
  virtual const std::string& identity() const = 0;

  // Of one moment. On a shard see memory_reads.h. kKvStorage when reading fails.
  virtual Result<std::unique_ptr<FoundValues>> Get(std::span<const ByteView> keys) const = 0;
  // Applies all or nothing and moves the position with it. kStorageBackpressure when the store
  // would have to wait for its own background work: nothing was applied, try again later.
  virtual Status Write(std::span<const StoreChange> changes, const StorePosition& after) = 0;
  virtual std::unique_ptr<StoreCursor> Scan() const = 0;
  // Costs a lock of the store: not for every write.
  virtual StoreLoad load() const { return {}; }
  // Whether a cursor is left: it keeps the files open.
  virtual bool has_cursors() const { return false; }

  // A mark that readers leave, on any shard, and the owner takes away: whether it was there.
  void MarkUsed() const {
    if (!used_.load(std::memory_order_relaxed)) used_.store(true, std::memory_order_relaxed);
  }
  bool TakeUsed() const { return used_.exchange(false, std::memory_order_relaxed); }

  // Blocking: makes everything written before the call durable.
  virtual Status Flush() = 0;
  // Blocking: flushes and writes a copy that readers can open into `directory`, which must not
  // exist. The state it holds; writes may go on.
  virtual Result<StorePosition> Checkpoint(const std::string& directory) = 0;

 private:
  mutable std::atomic<bool> used_{false};
};

// Opens stores; one for a process (real) or machine (simulated), used from any thread.
class StoreEngine {
 public:
  virtual ~StoreEngine() = default;
  // Blocking: opens or creates; waits a little for who still reads what was open there before.
  // kKvStorage names the directory and what is wrong with it;
  // kCorruptRecord says that its files are damaged, so that trying again is of no use.
  virtual Result<std::unique_ptr<Store>> Open(const std::string& directory) = 0;
  // Blocking: deletes all of a store that is not open. It does not come back after a power cut:
  // what it held may be of a log that is no more.
  virtual Status Destroy(const std::string& directory) = 0;
};

}  // namespace strom::kv
