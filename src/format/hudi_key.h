// The Hudi bucket key (spec 03, 8.5): 4 bytes big-endian, the hash that Java gives a list of the
// columns' texts. Only ever a bucket key. Part of key_encoder.h.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "format/row_codec.h"

namespace strom::format {

bool SuitsHudiKey(const DataType& type);

// The text that is hashed for a value that is not null; kUnknownServerError if the value is of
// another kind than its type.
Result<std::string> HudiKeyText(const DataType& type, const Value& value);

// Nulls are allowed. Of several columns none may hold a text that Hudi itself separates or marks
// with: one with ',', "__null__", "__empty__".
Status AppendHudiKey(RowType types, std::span<const Value> values, Bytes& out);

// Java's String.hashCode of UTF-8 text; bytes that are no UTF-8 count as U+FFFD.
int32_t JavaHash(std::string_view utf8);

}  // namespace strom::format
