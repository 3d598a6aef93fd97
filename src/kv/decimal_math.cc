#include "kv/decimal_math.h"

#include <algorithm>
#include <array>

namespace strom::kv {
namespace {

using UInt128 = unsigned __int128;

constexpr int32_t kMaxPrecision = 38;

constexpr auto kPowersOfTen = [] {
  std::array<UInt128, kMaxPrecision + 1> powers{1};
  for (size_t i = 1; i < powers.size(); ++i)
    powers[i] = powers[i - 1] * 10;
  return powers;
}();

UInt128 Magnitude(Int128 value) {
  return value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
}

// An unsigned number of 256 bits, least significant part first.
using Wide = std::array<uint64_t, 4>;

Wide Multiply(UInt128 a, UInt128 b) {
  const uint64_t left[] = {static_cast<uint64_t>(a), static_cast<uint64_t>(a >> 64)};
  const uint64_t right[] = {static_cast<uint64_t>(b), static_cast<uint64_t>(b >> 64)};
  Wide product{};
  for (size_t i = 0; i < 2; ++i) {
    uint64_t carry = 0;
    for (size_t k = 0; k < 2; ++k) {
      const UInt128 sum = static_cast<UInt128>(left[i]) * right[k] + product[i + k] + carry;
      product[i + k] = static_cast<uint64_t>(sum);
      carry = static_cast<uint64_t>(sum >> 64);
    }
    product[i + 2] += carry;
  }
  return product;
}

// Leaves the quotient, answers the remainder.
uint64_t Divide(Wide& number, uint64_t divisor) {
  uint64_t remainder = 0;
  for (size_t i = number.size(); i-- > 0;) {
    const UInt128 part = static_cast<UInt128>(remainder) << 64 | number[i];
    number[i] = static_cast<uint64_t>(part / divisor);
    remainder = static_cast<uint64_t>(part % divisor);
  }
  return remainder;
}

}  // namespace

bool FitsPrecision(Int128 unscaled, int32_t precision) {
  return Magnitude(unscaled) < kPowersOfTen[static_cast<size_t>(precision)];
}

std::optional<Int128> AddDecimals(Int128 a, Int128 b) {
  Int128 sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

std::optional<Int128> MultiplyDecimals(Int128 a, Int128 b, int32_t precision, int32_t scale) {
  Wide product = Multiply(Magnitude(a), Magnitude(b));
  // All digits behind the scale but the first, which decides how to round, go unseen.
  for (int32_t left = scale - 1; left > 0;) {
    const int32_t step = std::min(left, 18);
    (void)Divide(product, static_cast<uint64_t>(kPowersOfTen[static_cast<size_t>(step)]));
    left -= step;
  }
  const bool round_up = scale > 0 && Divide(product, 10) >= 5;
  if (product[2] != 0 || product[3] != 0) return std::nullopt;
  const UInt128 limit = kPowersOfTen[static_cast<size_t>(precision)];
  UInt128 magnitude = static_cast<UInt128>(product[1]) << 64 | product[0];
  if (magnitude >= limit) return std::nullopt;
  magnitude += round_up ? 1 : 0;
  if (magnitude >= limit) return std::nullopt;
  const auto value = static_cast<Int128>(magnitude);
  return (a < 0) != (b < 0) ? -value : value;
}

}  // namespace strom::kv
