// The system's reason for a failed call, as it reads inside a sentence.
#pragma once

#include <cctype>
#include <cstring>
#include <string>

namespace strom::runtime::internal {

// "no such file or directory" for ENOENT. Thread-safe.
inline std::string ReasonOf(int error) {
  const char* text = strerrordesc_np(error);
  std::string reason = text != nullptr ? text : "error " + std::to_string(error);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return reason;
}

}  // namespace strom::runtime::internal
