// Turns the records of one PutKv into buffered changes and changelog records (spec 05, 4). Lives
// for one request; part of KvBucket.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "format/kv_batch.h"
#include "format/record_batch.h"
#include "kv/kv_table.h"
#include "kv/pre_write_buffer.h"
#include "kv/store.h"

namespace strom::kv {

// Auto-increment ids that were taken from the table's counter and not given to a row yet.
class IdRanges {
 public:
  void Add(int64_t first, int64_t last) {
    ranges_.push_back({first, last});
    left_ += last - first + 1;
  }
  int64_t left() const { return left_; }
  // The next one and the last of its range; 0 and -1 when there is none.
  std::pair<int64_t, int64_t> next() const {
    return ranges_.empty() ? std::pair<int64_t, int64_t>(0, -1)
                           : std::pair(ranges_.front().next, ranges_.front().last);
  }
  std::optional<int64_t> Take();

 private:
  struct Range {
    int64_t next;
    int64_t last;
  };
  std::deque<Range> ranges_;
  int64_t left_ = 0;
};

class KvWriter {
 public:
  // `schema` is that of the batch. All outlive the writer.
  KvWriter(KvTable& table, const Store& store, PreWriteBuffer& buffer, IdRanges& ids,
           RowMerger& merger, const SchemaVersion& schema);

  // Adds the changes of all records to the open batch of the buffer, and their records to the
  // table's builder. `batch` lies in the buffer's copy. After an error both must be taken back.
  Status Apply(const format::KvBatch& batch);

 private:
  Status ReadRecords(const format::KvBatch& batch);
  // Old rows of all keys that are not buffered, in one read.
  Status ReadOldRows();
  Status ApplyOne(size_t i);
  Status Upsert(const format::KvRecord& record, const std::optional<StoredRow>& old);
  Status Delete(const format::KvRecord& record, const std::optional<StoredRow>& old);
  Result<std::optional<StoredRow>> OldRow(size_t i) const;
  // Logs and buffers that `key` has `row` from now on.
  Status Put(ByteView key, const StoredRow& row, const std::optional<StoredRow>& old);
  Status Log(format::ChangeType change, const StoredRow& row);
  Result<Bytes> WithId(const StoredRow& row);

  KvTable& table_;
  const TableLayout& layout_;
  const Store& store_;
  PreWriteBuffer& buffer_;
  IdRanges& ids_;
  RowMerger& merger_;
  const SchemaVersion& schema_;
  const bool reads_old_rows_;
  std::vector<format::KvRecord> records_;
  std::unique_ptr<FoundValues> found_;
  std::vector<size_t> found_at_;  // position in found_; kBuffered: it was buffered
};

}  // namespace strom::kv
