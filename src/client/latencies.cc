#include "client/latencies.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace strom::client {

void Latencies::Add(std::chrono::nanoseconds latency) {
  values_.push_back(latency);
  sorted_ = false;
}

std::chrono::nanoseconds Latencies::Percentile(double percent) {
  STROM_CHECK(percent > 0 && percent <= 100);
  if (values_.empty()) return std::chrono::nanoseconds(0);
  if (!std::exchange(sorted_, true)) std::ranges::sort(values_);
  // Less a breath, as 99.9 / 100 * 1000 is a little more than 999 in floating point.
  const double rank = std::ceil(percent / 100 * static_cast<double>(values_.size()) - 1e-6);
  return values_[std::max<size_t>(static_cast<size_t>(rank), 1) - 1];
}

}  // namespace strom::client
