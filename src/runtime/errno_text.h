// The system's reason for a failed call, as it reads inside a sentence, and the error of a file
// call that it makes.
#pragma once

#include <cctype>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strom::runtime::internal {

// "no such file or directory" for ENOENT. Thread-safe.
inline std::string ReasonOf(int error) {
  const char* text = strerrordesc_np(error);
  std::string reason = text != nullptr ? text : "error " + std::to_string(error);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return reason;
}

// "Cannot open '/data/x': no such file or directory."
inline std::unexpected<Error> CannotDo(std::string_view call, std::string_view path, int error) {
  return Fail(ErrorCode::kStorage, "Cannot {} '{}': {}.", call, path, ReasonOf(error));
}

}  // namespace strom::runtime::internal
