#include "runtime/shard.h"

#include "base/check.h"
#include "runtime/shard_scope.h"

namespace strom::runtime {
namespace {

constinit thread_local Shard* current_shard = nullptr;

}  // namespace

Shard& ThisShard() {
  STROM_CHECK(current_shard != nullptr);
  return *current_shard;
}

Shard* ThisShardOrNull() {
  return current_shard;
}

namespace internal {

ShardScope::ShardScope(Shard* shard) : previous_(current_shard) {
  current_shard = shard;
}
ShardScope::~ShardScope() {
  current_shard = previous_;
}

}  // namespace internal
}  // namespace strom::runtime
