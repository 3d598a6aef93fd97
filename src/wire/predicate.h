// PbPredicate, the filter of a fetch (spec 02, 8.1 and 8.2).
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "format/predicate.h"

namespace strom::wire {

// Binds the predicate to the schema it was made for. An error says why it cannot be used: a filter
// is a hint, so the caller then reads without it.
Result<format::Predicate> ParsePredicate(ByteView encoded, const format::Schema& filter_schema);

}  // namespace strom::wire
