// Texts of errors as they go out: bounded and valid UTF-8, because they may quote bytes from a
// request and strict clients refuse a whole answer over one bad character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strom::wire {

inline constexpr size_t kMaxErrorTextBytes = 2048;     // of an error frame
inline constexpr size_t kMaxItemErrorTextBytes = 512;  // of one bucket, table, … inside an answer

// At most `max_bytes` of `text`, never cut inside a character; bytes that are no UTF-8 become '?'.
std::string ErrorText(std::string_view text, size_t max_bytes);

bool IsUtf8(std::string_view text);

// The number that is sent for an error: kNone would read as a success, so it never goes out.
constexpr int32_t WireCode(ErrorCode code) {
  return static_cast<int32_t>(code == ErrorCode::kNone ? ErrorCode::kUnknownServerError : code);
}

// Sets error_code and, unless empty, error_message of an item of an answer (or an ErrorResponse).
template <class PbItem>
void SetError(const Error& error, PbItem& item) {
  item.set_error_code(WireCode(error.code));
  if (error.message.empty()) return;
  item.set_error_message(ErrorText(error.message, kMaxItemErrorTextBytes));
}

}  // namespace strom::wire
