// Sockets of the real runtime: each shard has its own network object.
#pragma once

#include <memory>

#include "runtime/network.h"

namespace strom::runtime::internal {

class RealShard;

// `shard` outlives it.
std::unique_ptr<Network> MakeRealNetwork(RealShard& shard);

}  // namespace strom::runtime::internal
