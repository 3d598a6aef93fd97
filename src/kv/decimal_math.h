// Arithmetic of DECIMAL aggregates on unscaled integers (spec 05, 7), exact before it is rounded.
#pragma once

#include <cstdint>
#include <optional>

#include "format/value.h"

namespace strom::kv {

using format::Int128;

// Whether the number has at most `precision` digits, 1 to 38.
bool FitsPrecision(Int128 unscaled, int32_t precision);
// Nothing if the sum leaves 128 bits.
std::optional<Int128> AddDecimals(Int128 a, Int128 b);
// The product of two numbers of `scale` digits behind the point (0 to 38), rounded half away from
// zero to the same scale; nothing if it has more than `precision` digits.
std::optional<Int128> MultiplyDecimals(Int128 a, Int128 b, int32_t precision, int32_t scale);

}  // namespace strom::kv
