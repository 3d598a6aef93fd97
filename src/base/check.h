// Invariant checks. They stay on in release builds: a broken invariant ends the process with a
// message that names the place, because going on could lose or invent data. Never use them for
// anything that input from outside can trigger; return an Error for that.
#pragma once

namespace strom {

[[noreturn]] void CheckFailed(const char* expression, const char* file, int line);

}  // namespace strom

#define STROM_CHECK(expression)                              \
  do {                                                       \
    if (!(expression)) [[unlikely]]                          \
      ::strom::CheckFailed(#expression, __FILE__, __LINE__); \
  } while (false)
