// Internal to the runtimes: makes a shard the one ThisShard() answers on this thread for as long
// as the scope lives. Scopes nest (a simulated machine's crash may run inside a test's scope).
#pragma once

#include "runtime/shard.h"

namespace strom::runtime::internal {

class ShardScope {
 public:
  explicit ShardScope(Shard* shard);
  ShardScope(const ShardScope&) = delete;
  ~ShardScope();

 private:
  Shard* previous_;
};

}  // namespace strom::runtime::internal
