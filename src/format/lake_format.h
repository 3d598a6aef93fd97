// table.datalake.format: the lake that a table can be tiered to. It decides how keys are encoded
// and which bucket a key belongs to even when tiering is off (spec 03, 8.6 and 9.1), so it can
// never change once a table has it.
#pragma once

#include <cstdint>

namespace strom::format {

enum class LakeFormat : uint8_t { kPaimon, kLance, kIceberg, kHudi };

}  // namespace strom::format
