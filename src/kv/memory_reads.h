// Reads that must not wait for a disk: on a shard everybody would wait with them.
//
//   MemoryReads only;
//   auto found = store.Get(keys);
//   if (only.missed()) …  // the same again, on the blocking pool
//
// While one lives, reads of stores by this thread fail where the data is neither in the store's
// caches nor in those of the operating system. Not across a co_await.
#pragma once

namespace strom::kv {

class MemoryReads {
 public:
  MemoryReads();
  ~MemoryReads();
  MemoryReads(const MemoryReads&) = delete;

  // Something was not in memory: what was read is incomplete, or an error that means nothing.
  bool missed() const;

  // For stores: whether this thread must not wait, and that it would have had to.
  static bool AreWanted();
  static void Miss();
};

}  // namespace strom::kv
