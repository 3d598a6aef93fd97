#include "base/errors.h"

#include <array>

namespace strom {
namespace {

constexpr auto kErrors = std::to_array<ErrorInfo>({
#define STROM_ERROR(number, wire_name, name, retriable) \
  ErrorInfo{ErrorCode::name, #wire_name, retriable},
#include "base/error_table.inc"
#undef STROM_ERROR
});

}  // namespace

const ErrorInfo& InfoOf(ErrorCode code) {
  // The table is dense and ascending from -1; the static_assert keeps it so.
  static_assert(static_cast<int32_t>(kErrors.front().code) == -1);
  static_assert(static_cast<size_t>(static_cast<int32_t>(kErrors.back().code) + 2) ==
                kErrors.size());
  const int64_t index = static_cast<int64_t>(code) + 1;
  if (index < 0 || index >= static_cast<int64_t>(kErrors.size())) return kErrors[0];
  return kErrors[static_cast<size_t>(index)];
}

std::optional<ErrorCode> ErrorCodeByName(std::string_view name) {
  for (const ErrorInfo& info : kErrors) {
    if (info.name == name) return info.code;
  }
  return std::nullopt;
}

}  // namespace strom
