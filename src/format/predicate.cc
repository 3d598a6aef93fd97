#include "format/predicate.h"

#include <algorithm>
#include <cmath>

namespace strom::format {
namespace {

bool IsNan(const Value& value) {
  if (const float* f = value.As<float>()) return std::isnan(*f);
  if (const double* d = value.As<double>()) return std::isnan(*d);
  return false;
}

// Certain whatever the reader's order of numbers: 0.0 and -0.0 may be one value to it or two, and a
// NaN may be anywhere.
bool CertainlyLess(const Value& a, const Value& b) {
  return CompareScalars(a, b) == std::partial_ordering::less;
}
bool CertainlyEqual(const Value& a, const Value& b) {
  return CompareScalars(a, b) == std::partial_ordering::equivalent && a == b;
}

bool MayLieWithin(const ColumnRange& range, const Value& literal) {
  return !CertainlyLess(literal, range.min) && !CertainlyLess(range.max, literal);
}

// All values that are not null are this one.
bool AllEqual(const ColumnRange& range, const Value& literal) {
  return CertainlyEqual(range.min, literal) && CertainlyEqual(range.max, literal);
}

bool MayStartWith(const ColumnRange& range, const Value& literal) {
  const std::string* prefix = literal.As<std::string>();
  const std::string* min = range.min.As<std::string>();
  const std::string* max = range.max.As<std::string>();
  if (prefix == nullptr || min == nullptr || max == nullptr) return true;
  return (min->starts_with(*prefix) || *min <= *prefix) &&
         (max->starts_with(*prefix) || *max >= *prefix);
}

// The one literal that most functions have, of a batch whose bounds are known.
bool MayCompare(LeafFunction function, const ColumnRange& range, const Value& literal) {
  switch (function) {
    case LeafFunction::kEqual:
      return MayLieWithin(range, literal);
    case LeafFunction::kNotEqual:
      return !AllEqual(range, literal);
    case LeafFunction::kLessThan:
      return !CertainlyLess(literal, range.min) && !CertainlyEqual(range.min, literal);
    case LeafFunction::kLessOrEqual:
      return !CertainlyLess(literal, range.min);
    case LeafFunction::kGreaterThan:
      return !CertainlyLess(range.max, literal) && !CertainlyEqual(range.max, literal);
    case LeafFunction::kGreaterOrEqual:
      return !CertainlyLess(range.max, literal);
    case LeafFunction::kStartsWith:
      return MayStartWith(range, literal);
    default:
      return true;
  }
}

bool LeafMayMatch(const Predicate& leaf, const ColumnRange& range, int64_t record_count) {
  const bool all_null = range.null_count == record_count;
  if (leaf.function == LeafFunction::kIsNull) return range.null_count != 0;
  if (all_null) {
    // No value compares with null; NOT IN (nothing) is true of nothing, too.
    return leaf.function == LeafFunction::kNotIn && leaf.literals.empty();
  }
  if (leaf.function == LeafFunction::kIsNotNull) return true;
  const bool any_null_literal = std::ranges::any_of(leaf.literals, &Value::is_null);
  const bool bounded = !range.min.is_null() && !range.max.is_null();
  if (leaf.function == LeafFunction::kIn) {
    return std::ranges::any_of(leaf.literals, [&](const Value& literal) {
      return !literal.is_null() && (!bounded || IsNan(literal) || MayLieWithin(range, literal));
    });
  }
  if (leaf.function == LeafFunction::kNotIn) {
    if (any_null_literal) return false;
    return !bounded || std::ranges::none_of(leaf.literals, [&](const Value& literal) {
      return AllEqual(range, literal);
    });
  }
  if (leaf.literals.empty()) return true;  // malformed; the reader's own filter says what it means
  if (leaf.literals[0].is_null()) return false;
  if (!bounded || IsNan(leaf.literals[0])) return true;
  return MayCompare(leaf.function, range, leaf.literals[0]);
}

bool SameType(const DataType& a, const DataType& b) {
  DataType left = a;
  left.nullable = b.nullable;
  return left == b;
}

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxPredicateDepth
Predicate Bind(const Predicate& predicate, const Schema& schema) {
  Predicate bound = predicate;
  for (Predicate& child : bound.children)
    child = Bind(child, schema);
  bound.position.reset();
  if (bound.kind != Predicate::Kind::kLeaf) return bound;
  const auto column = std::ranges::find(schema.columns, bound.column_id, &Column::id);
  if (column != schema.columns.end() && SameType(column->type, bound.type)) {
    bound.position = static_cast<size_t>(column - schema.columns.begin());
  }
  return bound;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxPredicateDepth
bool MayMatch(const Predicate& predicate, int64_t record_count, const RangeOf& range_of) {
  const auto child = [&](const Predicate& node) { return MayMatch(node, record_count, range_of); };
  switch (predicate.kind) {
    case Predicate::Kind::kAnd:
      return std::ranges::all_of(predicate.children, child);
    case Predicate::Kind::kOr:
      return std::ranges::any_of(predicate.children, child);
    case Predicate::Kind::kLeaf:
      break;
  }
  const ColumnRange* range = predicate.position ? range_of(*predicate.position) : nullptr;
  return range == nullptr || LeafMayMatch(predicate, *range, record_count);
}

}  // namespace strom::format
