// The Iceberg key (spec 03, 8.4): one column as Iceberg writes single values, without a length.
// Integers and times are 8 bytes little-endian, times in microseconds. Part of key_encoder.h.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "format/data_type.h"
#include "format/value.h"

namespace strom::format {

bool SuitsIcebergKey(const DataType& type);

// What a timestamp has below a microsecond is lost.
Status AppendIcebergKey(const DataType& type, const Value& value, Bytes& out);
// May accept a key that the encoder would write differently; DecodeKey compares.
Result<Value> DecodeIcebergKey(ByteView key, const DataType& type);

}  // namespace strom::format
