// The operating system as RocksDB sees it: its own, but files of tables can be read without waiting
// for a disk (memory_reads.h).
#pragma once

#include <rocksdb/env.h>

namespace strom::kv {

// One for the process, for as long as it lives.
rocksdb::Env* TableFilesEnv();

}  // namespace strom::kv
