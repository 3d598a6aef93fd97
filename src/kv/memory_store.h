// A store in memory with the durability of the real one: what was written is lost in a crash unless
// it was flushed, and a flush may happen at any time. For simulations and tests.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "kv/store.h"

namespace strom::kv {

// What survives a crash of the machine: the last flushed state of every directory. Outlives the
// engines made on it.
class MemoryDisk {
 public:
  struct State {
    std::shared_ptr<const std::map<std::string, std::string>> rows;
    StorePosition position;
    std::string identity;
  };

 private:
  friend class MemoryStore;
  friend class MemoryEngine;
  std::mutex mutex_;
  std::map<std::string, State> states_;
  int made_ = 0;  // stores, ever
};

// Flushes by itself after every `flush_every` writes; 0: never.
std::unique_ptr<StoreEngine> MakeMemoryEngine(MemoryDisk& disk, int flush_every);

}  // namespace strom::kv
