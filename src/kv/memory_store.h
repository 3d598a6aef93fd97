// A store that keeps its rows in memory and each flush in one file, with the durability of the real
// one: what was written is lost in a crash unless it was flushed, and a flush may happen at any
// time. For simulations, whose disks it meets through the runtime, and for tests.
//
//   {directory}/CURRENT       the name of the file that counts, or no such file: an empty store
//   {directory}/000007.sst    crc, position, identity and all rows (memory_store.cc)
//
// Names are as of RocksDB, so that snapshots are made of these files as well (snapshot_files.h).
#pragma once

#include <memory>

#include "kv/store.h"
#include "runtime/file.h"

namespace strom::kv {

struct MemoryStoreOptions {
  int flush_every = 0;  // writes between flushes of its own; 0: never
  // Of the reads that must not wait (memory_reads.h) one in so many finds nothing; 0: none.
  int miss_every = 0;
};

// `files` outlives the engine.
std::unique_ptr<StoreEngine> MakeMemoryEngine(runtime::FileSystem& files,
                                              MemoryStoreOptions options = {});

}  // namespace strom::kv
