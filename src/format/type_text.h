// Reads the display form of a data type, "DECIMAL(10, 2) NOT NULL", "ROW<`x` INT, `y` STRING>", the
// inverse of ToSummaryString; for tests and tools. Accepts SQL's defaults (DECIMAL is DECIMAL(10,
// 0), TIME is TIME(0), TIMESTAMP is TIMESTAMP(6), CHAR is CHAR(1)), INTEGER for INT and
// "TIMESTAMP(p) WITH LOCAL TIME ZONE" for TIMESTAMP_LTZ(p).
#pragma once

#include <string_view>

#include "base/result.h"
#include "format/data_type.h"

namespace strom::format {

// Bounded by kMaxTypeDepth. ROW fields get no ids (-1); descriptions '…' are kept.
// Errors are kInvalidTable and say at which byte.
Result<DataType> ParseTypeText(std::string_view text);

}  // namespace strom::format
