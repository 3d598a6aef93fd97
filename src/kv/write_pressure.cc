#include "kv/write_pressure.h"

#include <algorithm>

namespace strom::kv {
namespace {

constexpr float kRefusedPressure = 0.8F;
constexpr float kMostPressure = 0.999F;

}  // namespace

bool IsOverloaded(const StoreLoad& load, uint64_t bytes) {
  if (load.level0_limit <= 0) return false;
  const uint64_t buffers = (bytes + load.write_buffer_bytes - 1) / load.write_buffer_bytes;
  return static_cast<uint64_t>(load.level0_files + load.write_buffer_count) + buffers >=
         static_cast<uint64_t>(load.level0_limit);
}

float PressureOf(const StoreLoad& load, bool refused) {
  float pressure = 0;
  if (load.level0_signal < load.level0_limit && load.level0_files >= load.level0_signal) {
    pressure = static_cast<float>(load.level0_files - load.level0_signal) /
               static_cast<float>(load.level0_limit - load.level0_signal);
  }
  if (refused) pressure = std::max(pressure, kRefusedPressure);
  return std::min(pressure, kMostPressure);
}

}  // namespace strom::kv
