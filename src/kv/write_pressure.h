// When a store falls behind its writes: how near it is, which writers are told so that they slow
// down, and from when on they are refused (spec 05, 11).
#pragma once

#include <cstdint>

namespace strom::kv {

// What a store says of itself. Level 0 holds what was flushed and not compacted yet.
struct StoreLoad {
  int level0_files = 0;
  int level0_limit = 0;   // the store stops to take writes; 0: never
  int level0_signal = 0;  // writers are told from here on; the limit or more: never
  uint64_t write_buffer_bytes = 1;
  int write_buffer_count = 0;
};

// Whether `bytes` more, together with what waits for its commit, could not be flushed.
bool IsOverloaded(const StoreLoad& load, uint64_t bytes);

// 0: no pressure; below 1. `refused`: the store took no write the last time.
float PressureOf(const StoreLoad& load, bool refused);

}  // namespace strom::kv
