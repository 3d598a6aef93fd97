// Reads of stores for the requests of one shard: at once if all they need is in memory, else on the
// blocking pool, so that a shard never waits for the disk.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "kv/memory_reads.h"
#include "kv/store.h"
#include "runtime/shard.h"
#include "server/server_shard.h"

namespace strom::server {

class DiskReads {
 public:
  // Does `read`, a function of the store, and has it done again by Run() if something was not in
  // memory: it overwrites what it wrote before. `keys`: how many it looks up.
  template <class Read>
  void TryMemory(std::shared_ptr<const kv::Store> store, size_t keys, Read read) {
    const kv::MemoryReads only;
    read(*store);
    if (!only.missed()) return;
    keys_ += keys;
    reads_.push_back([store = std::move(store), read] { read(*store); });
  }

  // Does what is left.
  runtime::Task<void> Run(ServerShard& here) {
    if (reads_.empty()) co_return;
    here.metrics.keys_from_disk.Add(keys_);
    co_await runtime::OnBlockingPool([this] {
      for (const auto& read : reads_)
        read();
      return true;
    });
  }

 private:
  std::vector<std::function<void()>> reads_;
  size_t keys_ = 0;
};

}  // namespace strom::server
