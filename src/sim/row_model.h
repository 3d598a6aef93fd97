// What a primary-key bucket may look like, given what its writers were told. Values are as in
// model.h; keys below kKeysPerWriter are written by everybody, each other one by one writer.
//
//   fold           the table is what its changelog comes to, and each change follows from it: +I of
//                  a key that is not there, -U and -D of the row that is, +U of the same key
//   acknowledged   what a batch wrote is in the changelog below the offset it was answered with
//   whole          of a batch all changes are there or none, together and in its order
//   once           a batch that is sent again changes nothing again
//   read           what a reader or a lookup gave back is never lost, and lookups never go back
//   own            a key of one writer has the state that its last acknowledged batch gave it
//   ids            numbers of the auto-increment column are given once and stay with their row
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/record_batch.h"
#include "sim/model.h"

namespace strom::sim {

inline constexpr int32_t kKeysPerWriter = 10;

// What a batch does to a key; nothing: it is deleted. In a table that numbers its rows they are
// written with target columns, and a delete of those leaves the row with its number alone.
struct KeyChange {
  int32_t key = 0;
  std::optional<RowValue> value;
};

struct KeyRow {
  RowValue value;  // 0: null
  int64_t id = 0;  // of the auto-increment column; 0 in tables without one

  friend bool operator==(const KeyRow&, const KeyRow&) = default;
};

// One change as a reader of the changelog got it; kAppendOnly: a batch that changed nothing, which
// takes one offset.
struct RowChange {
  Offset offset;
  format::ChangeType type{};
  int32_t key = 0;
  KeyRow row;

  friend bool operator==(const RowChange&, const RowChange&) = default;
};

struct RowRules {
  bool full_image = true;  // else only new rows are logged
  bool auto_increment = false;
};

// Rows by key, as a scan of the table gave them.
using KeyRows = std::map<int32_t, KeyRow>;
// Who has a number, of all buckets of a table.
using IdOwners = std::map<int64_t, std::string>;

class RowModel {
 public:
  explicit RowModel(RowRules rules) : rules_(rules) {}

  // As in BucketModel.
  void SetLossy() { lossy_ = true; }
  bool lossy() const { return lossy_; }

  // A batch, each time it is sent.
  void Sent(const std::vector<KeyChange>& batch);
  // `end`: of the changelog with the batch in it.
  void Acknowledged(const std::vector<KeyChange>& batch, Offset end);
  // Each returns what is wrong, or nothing.
  std::string Seen(const std::vector<RowChange>& changes);
  // By one of several readers, in its order.
  std::string LookedUp(int reader, int32_t key, std::optional<RowValue> found);
  // By the key's only writer, with nothing under way.
  std::string LookedUpByOwner(int32_t key, std::optional<RowValue> found) const;
  // Everything after a restart without faults: the changelog from its start on, the table, and the
  // row count if the table has one. `ids` collects over the buckets.
  std::string Complete(Offset start, const std::vector<RowChange>& changelog, const KeyRows& table,
                       std::optional<int64_t> row_count, IdOwners& ids) const;

  size_t acknowledged() const { return acknowledged_.size(); }
  size_t seen() const { return seen_.size() + lookups_; }

 private:
  using State = std::optional<RowValue>;
  // Positions of values among the new rows of a changelog.
  using Places = std::map<uint64_t, std::pair<size_t, Offset>>;
  class Fold;

  std::string CheckSent(int32_t key, RowValue value) const;
  // The same of a row's value, which may be null.
  std::string CheckRow(int32_t key, const KeyRow& row) const;
  std::string CheckBatches(Offset start, const Places& places) const;
  std::string CheckReads(Offset start, Offset end, const Places& places) const;

  RowRules rules_;
  bool lossy_ = false;
  std::map<uint64_t, int32_t> sent_;  // key of each value
  std::set<int32_t> deleted_;         // keys that somebody deleted
  // Values of each batch, without deletes, by the first of them.
  std::map<uint64_t, std::vector<uint64_t>> batches_;
  std::map<uint64_t, Offset> acknowledged_;    // value, end of its batch
  std::map<int32_t, std::vector<State>> own_;  // the states that a key of one writer may have
  std::map<Offset, RowChange> seen_;
  std::map<std::pair<int, int32_t>, std::vector<uint64_t>> looked_up_;  // reader and key
  size_t lookups_ = 0;
};

}  // namespace strom::sim
