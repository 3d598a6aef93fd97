// Statements of the coordinator run one at a time, and none after it was told to stop. Shard 0
// only.
#pragma once

#include "base/result.h"
#include "runtime/async_mutex.h"

namespace strom::coordinator {

struct StatementLock {
  runtime::AsyncMutex mutex;
  bool stopped = false;

  auto Lock() { return mutex.Lock(); }
  Status CheckRunning() const {
    if (!stopped) return {};
    return Fail(ErrorCode::kNetwork, "The server stops; try again when it is back.");
  }
};

}  // namespace strom::coordinator
