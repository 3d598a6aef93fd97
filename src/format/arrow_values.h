// Values as Arrow buffers hold them (spec 02, 3.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/data_type.h"
#include "format/value.h"

namespace strom::format {

// Bytes of a value in its buffer; only of types that are neither BOOLEAN, CHAR, STRING, BYTES nor
// nested. 0 for BINARY(0), which no schema has.
size_t ArrowWidth(const DataType& type);
// The value at `p`, which holds ArrowWidth(type) bytes.
Value ArrowValue(const DataType& type, const uint8_t* p);

}  // namespace strom::format
