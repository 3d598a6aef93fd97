// Errors are values: Result<T> for anything that can be expected to fail. An Error carries the
// protocol's number and a text for the user that names the thing and the way out.
// std::expected of libstdc++ 12 has no and_then/transform; use STROM_TRY and STROM_CO_TRY.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/errors.h"

namespace strom {

struct Error {
  ErrorCode code = ErrorCode::kUnknownServerError;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// return Fail(ErrorCode::kTableNotExist, "Table '{}' does not exist.", path);
template <class... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

inline std::unexpected<Error> Fail(Error error) {
  return std::unexpected(std::move(error));
}

}  // namespace strom

#define STROM_CONCAT_INNER(a, b) a##b
#define STROM_CONCAT(a, b) STROM_CONCAT_INNER(a, b)

// STROM_TRY(auto x, F()); assigns the value or returns the error from the enclosing function.
#define STROM_TRY(target, expression) \
  STROM_TRY_IMPL(STROM_CONCAT(strom_try_, __LINE__), return, target, expression)
#define STROM_TRY_VOID(expression)                                 \
  do {                                                             \
    if (auto strom_try_status = (expression); !strom_try_status)   \
      return std::unexpected(std::move(strom_try_status).error()); \
  } while (false)
// The same inside a coroutine (co_return). The expression may contain co_await.
#define STROM_CO_TRY(target, expression) \
  STROM_TRY_IMPL(STROM_CONCAT(strom_try_, __LINE__), co_return, target, expression)
#define STROM_CO_TRY_VOID(expression)                                 \
  do {                                                                \
    if (auto strom_try_status = (expression); !strom_try_status)      \
      co_return std::unexpected(std::move(strom_try_status).error()); \
  } while (false)
#define STROM_TRY_IMPL(temporary, leave, target, expression)           \
  auto temporary = (expression);                                       \
  if (!temporary) leave std::unexpected(std::move(temporary).error()); \
  target = std::move(*temporary)
