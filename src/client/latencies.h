// Latencies of requests, kept one by one, so that percentiles are exact. For one thread.
#pragma once

#include <chrono>
#include <vector>

namespace strom::client {

class Latencies {
 public:
  void Add(std::chrono::nanoseconds latency);
  size_t count() const { return values_.size(); }
  // The least latency that `percent` per cent of the requests do not exceed (nearest rank): of 1000
  // requests p99.9 is the 999th. 0 when there are none. `percent` is in (0, 100].
  std::chrono::nanoseconds Percentile(double percent);

 private:
  std::vector<std::chrono::nanoseconds> values_;
  bool sorted_ = true;
};

}  // namespace strom::client
