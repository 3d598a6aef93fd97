// Numbers that an operator watches. A counter or histogram has one writer, the shard that owns it,
// and any reader: updates are plain stores, without locks, allocations or locked instructions.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strom {

class Counter {
 public:
  void Add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(int64_t n) { Set(value() + n); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Durations in buckets that double from 16 µs to about 67 s.
class Histogram {
 public:
  static constexpr size_t kBuckets = 23;
  // Upper bound of bucket i, in seconds.
  static constexpr double Bound(size_t i) { return 16e-6 * static_cast<double>(1ULL << i); }

  void Record(std::chrono::nanoseconds duration) {
    const auto micros = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)) / 1000;
    const size_t bucket = micros < 16 ? 0 : static_cast<size_t>(std::bit_width(micros >> 4));
    if (bucket < kBuckets) counts_[bucket].Add();
    count_.Add();
    sum_nanos_.Add(static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)));
  }
  uint64_t count(size_t bucket) const { return counts_[bucket].value(); }
  uint64_t count() const { return count_.value(); }
  double sum_seconds() const { return static_cast<double>(sum_nanos_.value()) * 1e-9; }

 private:
  std::array<Counter, kBuckets> counts_;
  Counter count_;
  Counter sum_nanos_;
};

// Prometheus text, family by family.
class MetricsText {
 public:
  // `type`: counter, gauge or histogram.
  void Family(std::string_view name, std::string_view type, std::string_view help);
  // `labels` without braces, e.g. api="FETCH_LOG"; may be empty.
  void Sample(std::string_view name, std::string_view labels, double value);
  void Sample(std::string_view name, std::string_view labels, uint64_t value);
  // The sum of `parts`, as cumulative buckets.
  void Sum(std::string_view name, std::string_view labels,
           const std::vector<const Histogram*>& parts);

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace strom
