// Values as Arrow buffers hold them (spec 02, 3.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "format/data_type.h"
#include "format/value.h"

namespace strom::format {

// Bytes of a value in its buffer; only of types that are neither BOOLEAN, CHAR, STRING, BYTES nor
// nested. 0 for BINARY(0), which no schema has.
size_t ArrowWidth(const DataType& type);
// The value at `p`, which holds ArrowWidth(type) bytes.
Value ArrowValue(const DataType& type, const uint8_t* p);

// The other way; nullptr, or why the value has no such form (then what is at `p` is undefined).
// BINARY is padded with zeros.
const char* StoreArrowValue(const DataType& type, const Value& value, uint8_t* p);
const char* StoreArrowTimestamp(const DataType& type, const TimestampValue& value, uint8_t* p);
const char* StoreArrowBinary(const DataType& type, ByteView value, uint8_t* p);

}  // namespace strom::format
