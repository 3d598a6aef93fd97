// Predicates of filtered fetches and what the ranges of a batch's columns say about them (spec 02,
// 8). A filter is a hint: a batch may be left out only if none of its records can match, so
// whatever is not known counts as "may match".
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "format/schema.h"
#include "format/value.h"

namespace strom::format {

// Nodes and literals of one predicate, and how deep it may nest.
inline constexpr size_t kMaxPredicateNodes = 10'000;
inline constexpr size_t kMaxPredicateLiterals = 100'000;
inline constexpr size_t kMaxPredicateDepth = 64;

// What is known of one column in one batch.
struct ColumnRange {
  int64_t null_count = -1;  // -1: not known
  // Over the values that are not null: every one lies between them. Null: not known, or there is no
  // such value. A NaN counts as the greatest; bounds of long strings may be wider than the values.
  Value min;
  Value max;

  friend bool operator==(const ColumnRange&, const ColumnRange&) = default;
};

// The numbers are those of the protocol.
enum class LeafFunction : uint8_t {
  kEqual = 0,
  kNotEqual = 1,
  kLessThan = 2,
  kLessOrEqual = 3,
  kGreaterThan = 4,
  kGreaterOrEqual = 5,
  kIsNull = 6,
  kIsNotNull = 7,
  kStartsWith = 8,
  kContains = 9,
  kEndsWith = 10,
  kIn = 11,
  kNotIn = 12,
};
inline constexpr int32_t kLeafFunctionCount = 13;

struct Predicate {
  enum class Kind : uint8_t { kLeaf, kAnd, kOr };

  Kind kind = Kind::kLeaf;
  std::vector<Predicate> children;  // of kAnd and kOr
  // Of a leaf:
  LeafFunction function = LeafFunction::kEqual;
  int32_t column_id = -1;
  DataType type;                // of the column in the schema the predicate was made for
  std::vector<Value> literals;  // Null: a null literal
  // Where the column is in the schema that Bind was given; nothing if it is not there.
  std::optional<size_t> position;
};

// The predicate for batches of `schema`: columns by their id, if they have the same type whatever
// its nullability (spec 02, 8.3). What is not there "may match".
Predicate Bind(const Predicate& predicate, const Schema& schema);

// The range of the column at a position; null if nothing is known of it.
using RangeOf = std::function<const ColumnRange*(size_t position)>;

// Whether a batch with `record_count` records may hold one that matches a bound predicate.
bool MayMatch(const Predicate& predicate, int64_t record_count, const RangeOf& range_of);

}  // namespace strom::format
