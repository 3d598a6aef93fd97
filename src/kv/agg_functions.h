// The functions of aggregating columns (spec 05, 7): what a stored and an incoming value make
// together. Free of state; a merger keeps one AggColumn for each column.
#pragma once

#include <string>

#include "format/schema.h"
#include "format/value.h"

namespace strom::kv {

enum class AggKind : uint8_t {
  kSum,
  kProduct,
  kMax,
  kMin,
  kLastValue,
  kLastNonNull,   // last_value_ignore_nulls, and columns without a function
  kFirstNonNull,  // first_value and first_value_ignore_nulls: a first null does not stick
  kConcat,        // listagg and string_agg
  kAnd,
  kOr,
  kBitmap32,
  kBitmap64,
};

struct AggColumn {
  AggKind kind = AggKind::kLastNonNull;
  format::DataType type;
  std::string name;
  std::string delimiter;  // of kConcat
};

// A primary key column has last_value. kInvalidTable for a function that there is not.
Result<AggColumn> MakeAggColumn(const format::Column& column, bool is_key);

// `stored` becomes the result; `incoming` is used up. Errors name the column: kUnknownServerError
// for a DECIMAL of at most 18 digits whose sum is out of range (the reference fails there too) and
// for a list in a column that is no STRING, kCorruptRecord for bytes that are no bitmap.
Status Aggregate(const AggColumn& column, format::Value& stored, format::Value& incoming);

}  // namespace strom::kv
