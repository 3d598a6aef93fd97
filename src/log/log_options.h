// How a log is cut and indexed. Immutable once a log is open.
#pragma once

#include <cstdint>
#include <memory>

#include "format/batch_check.h"
#include "log/head_cache.h"

namespace strom::log {

struct LogOptions {
  uint64_t segment_bytes = uint64_t{1} << 30;  // log.segment.file-size; at most 2^31 - 1 is used
  uint64_t index_interval_bytes = 4096;        // log.index.interval-size
  uint64_t index_bytes = 10 << 20;             // log.index.file-size
  // What batches on disk are checked against when they are first read; null: their CRCs alone.
  std::shared_ptr<const format::BatchRules> rules;
  // Of the shard, outlives the log; null: no heads of batches are kept.
  HeadCache* heads = nullptr;
  int64_t writer_expiration_ms = int64_t{7} * 24 * 3600 * 1000;
};

}  // namespace strom::log
