// Names of partitions as the Java client makes them from a row's values (spec 03, 10). The server
// takes names as opaque text, because client families write numbers and times differently; it needs
// these for its own clients, and to join the values of a spec. Which values are valid names is
// checked by metadata/names.h.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/data_type.h"
#include "format/value.h"

namespace strom::format {

inline constexpr char kPartitionSeparator = '$';

// "2024-02-29", "1_5", "23-59-59_999". kPartitionSpecInvalid for null, a value of another kind than
// its type, and types that no partition key has: DECIMAL and nested ones.
Result<std::string> PartitionValue(const DataType& type, const Value& value);

// "20240101$eu"; the values in the order of the table's partition keys.
std::string PartitionName(std::span<const std::string> values);
// "dt=20240101/region=eu", for messages. As many keys as values.
std::string QualifiedPartitionName(std::span<const std::string> keys,
                                   std::span<const std::string> values);

}  // namespace strom::format
