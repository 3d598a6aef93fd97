#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace strom {

void CheckFailed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "strom: invariant broken: %s (%s:%d)\n", expression, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace strom
