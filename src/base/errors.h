// The protocol's error numbers (spec 01, 9.2). The list itself is error_table.inc.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace strom {

enum class ErrorCode : int32_t {
#define STROM_ERROR(number, wire_name, name, retriable) name = number,
#include "base/error_table.inc"
#undef STROM_ERROR
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  // wire name, e.g. "TABLE_NOT_EXIST"
  bool retriable;         // a Java client repeats the call by itself
};

// Information on a code; an unknown number yields the entry of kUnknownServerError.
const ErrorInfo& InfoOf(ErrorCode code);
// The code of a wire name, if there is one.
std::optional<ErrorCode> ErrorCodeByName(std::string_view name);

}  // namespace strom
