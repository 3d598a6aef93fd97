// Buckets in RocksDB, one instance each, with what can be shared shared: block cache, memory for
// write buffers, background threads. The files stay readable for RocksDB 6.20, which the Java
// client opens snapshots with (spec 03, 12.4).
//
//   column family "default"   keys and stored values, nothing else
//   column family "strom"     "position": int64 changelog offset, int64 row count
//                             "identity": random text
//
// Both are flushed together (atomic_flush), so that after a crash the position fits the rows; the
// write-ahead log of RocksDB is off.
#pragma once

#include <memory>
#include <vector>

#include "kv/store.h"

namespace strom::kv {

struct RocksOptions {
  uint64_t block_cache_bytes = uint64_t{256} << 20;    // of all buckets together
  uint64_t write_buffers_bytes = uint64_t{256} << 20;  // of all buckets together
  uint64_t write_buffer_bytes = uint64_t{64} << 20;    // of one bucket, before it is flushed
  int write_buffer_count = 2;
  int write_buffers_to_merge = 1;
  uint64_t block_bytes = 4096;
  double bloom_bits_per_key = 10;  // 0: no filter
  uint64_t target_file_bytes = uint64_t{64} << 20;
  uint64_t level_base_bytes = uint64_t{256} << 20;
  int background_threads = 2;
  int max_open_files = -1;
  int level0_slowdown_trigger = 20;
  int level0_signal = 8;          // writers are told to slow down from here on
  uint64_t rate_limit_bytes = 0;  // a second, of flushes and compactions; 0: none
};

std::unique_ptr<StoreEngine> MakeRocksEngine(const RocksOptions& options);

}  // namespace strom::kv
