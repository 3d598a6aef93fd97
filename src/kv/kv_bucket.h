// One primary-key bucket: what a write changes, what waits for its commit, and the store that
// readers see (spec 05, 2 to 4). The log belongs to the replica, which calls in this order:
//
//   Prepare  computes the changes of a PutKv and the one changelog batch that holds them
//   Keep     that batch is in the log              or Discard: it is not, nothing has happened
//   Commit   the log is committed up to here: moves changes into the store
//
// Readers see the store alone, so a change is visible exactly when Commit has passed it, and the
// replica lets its high watermark go no further than position(). One shard only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "format/kv_batch.h"
#include "format/record_batch.h"
#include "kv/kv_table.h"
#include "kv/kv_writer.h"
#include "kv/pre_write_buffer.h"
#include "kv/store.h"

namespace strom::kv {

// Larger keys and rows are refused (kRecordTooLarge): a store of large values is a file system.
inline constexpr size_t kMaxKeyBytes = size_t{1} << 20;
inline constexpr size_t kMaxRowBytes = size_t{64} << 20;

struct PutOptions {
  std::span<const int32_t> target_columns;  // empty: all
  bool overwrite = false;                   // agg_mode 1
};

class KvBucket {
 public:
  KvBucket(std::shared_ptr<KvTable> table, std::unique_ptr<Store> store);

  // The changelog batch of a write. All or nothing: after an error the bucket is as before. Errors:
  // 9 unknown schema, 13 too large, 14 a record or row that does not decode, 35 target columns, 57
  // deletes forbidden; kUnknownServerError when auto-increment ids are used up. Between success and
  // Keep or Discard nothing else may be called.
  Result<Bytes> Prepare(const format::KvBatch& batch, const PutOptions& options);
  void Keep(Offset end) { buffer_.Seal(end); }
  void Discard() { buffer_.RollBack(); }

  // Applies what is committed below `target`. kStorageBackpressure: the store is behind, position()
  // is as far as it came; kKvStorage: the device failed.
  Status Commit(Offset target);
  // What the store holds: everything below offset.
  const StorePosition& position() const { return store_->position(); }
  size_t buffered_bytes() const { return buffer_.bytes(); }

  // Ids for the auto-increment column, first to last; Prepare uses them up in order.
  void AddIds(int64_t first, int64_t last) { ids_.Add(first, last); }
  int64_t ids_left() const { return ids_.left(); }
  std::pair<int64_t, int64_t> NextIds() const { return ids_.next(); }
  bool has_auto_increment() const { return table_->layout().auto_increment_column.has_value(); }

  // Applies a committed batch of the changelog again, from `from` on. The batch has one of the
  // table's schemas. kCorruptRecord when it does not decode.
  Status Replay(ByteView batch, const format::BatchHeader& header, Offset from);

  // Values of keys that were written but need not be committed, for inserts of missing keys alone
  // (spec 05, 9): the buffer's change, else the store's value.
  Result<std::vector<std::optional<Bytes>>> ReadThroughBuffer(std::span<const ByteView> keys) const;

  Store& store() { return *store_; }
  const Store& store() const { return *store_; }
  KvTable& table() { return *table_; }
  // The table has got another schema; those it had stay.
  void ChangeTable(std::shared_ptr<KvTable> table) { table_ = std::move(table); }
  // For readers on other shards; see store.h.
  std::shared_ptr<const Store> ShareStore() const { return store_; }
  // Gives the store up, to be closed elsewhere.
  std::shared_ptr<Store> TakeStore() { return std::move(store_); }
  bool store_is_shared() const { return store_.use_count() > 1; }

 private:
  std::shared_ptr<KvTable> table_;
  std::shared_ptr<Store> store_;
  PreWriteBuffer buffer_;
  IdRanges ids_;
};

}  // namespace strom::kv
