// What a bucket's log may look like, given what its writers were told. Values are 64 bits and never
// repeat; each belongs to one writer, whose values grow.
//
//   acknowledged   the value is at that offset for ever
//   seen           whatever a reader got at an offset stays there: nobody reads what may be lost
//   sent           a value that was never sent, or for another bucket, was made up
//   once           no value is at two offsets
//   order          the values of a writer are in the order it sent them
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"

namespace strom::sim {

struct RowValue {
  uint64_t value = 0;

  static RowValue Make(int writer, uint64_t number) {
    return {static_cast<uint64_t>(writer) << 48 | number};
  }
  int writer() const { return static_cast<int>(value >> 48); }
  uint64_t number() const { return value & 0xffff'ffff'ffffULL; }
  friend bool operator==(const RowValue&, const RowValue&) = default;
};

// One row as a reader got it.
struct ReadRow {
  Offset offset;
  RowValue value;
  Timestamp timestamp{};
};

class BucketModel {
 public:
  // `lossy`: storage was damaged on purpose, so rows may be missing and offsets be used again; what
  // is read must still have been sent, once and in order.
  void SetLossy() { lossy_ = true; }
  bool lossy() const { return lossy_; }

  // Rows may go when they are older than that.
  void SetTtl(int64_t ms) { ttl_ms_ = ms; }
  bool has_ttl() const { return ttl_ms_.has_value(); }

  void Sent(RowValue value) { sent_.insert(value.value); }
  // Each returns what is wrong, or nothing.
  std::string Acknowledged(Offset offset, RowValue value);
  // Rows of one answer, in its order.
  std::string Seen(const std::vector<ReadRow>& rows);
  // All rows of the log from its start offset on, after a restart without faults, at the time `now`
  // of the server (INT64_MAX: not known).
  std::string Complete(Offset start, const std::vector<ReadRow>& rows, Timestamp now) const;

  size_t acknowledged() const { return acknowledged_.size(); }
  size_t seen() const { return seen_.size(); }
  Offset end_of_acknowledged() const;

 private:
  std::string CheckRow(const ReadRow& row) const;

  bool lossy_ = false;
  std::set<uint64_t> sent_;
  std::map<Offset, RowValue> acknowledged_;
  std::map<Offset, RowValue> seen_;
  std::map<Offset, Timestamp> seen_at_;
  std::optional<int64_t> ttl_ms_;
};

}  // namespace strom::sim
