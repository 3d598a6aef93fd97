#include "base/metrics.h"

#include <fmt/format.h>

namespace strom {

void MetricsText::Family(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsText::Sample(std::string_view name, std::string_view labels, double value) {
  text_ += labels.empty() ? fmt::format("{} {}\n", name, value)
                          : fmt::format("{}{{{}}} {}\n", name, labels, value);
}

void MetricsText::Sample(std::string_view name, std::string_view labels, uint64_t value) {
  text_ += labels.empty() ? fmt::format("{} {}\n", name, value)
                          : fmt::format("{}{{{}}} {}\n", name, labels, value);
}

void MetricsText::Sum(std::string_view name, std::string_view labels,
                      const std::vector<const Histogram*>& parts) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    for (const Histogram* part : parts)
      cumulative += part->count(i);
    Sample(fmt::format("{}_bucket", name),
           fmt::format("{}{}le=\"{:g}\"", labels, labels.empty() ? "" : ",", Histogram::Bound(i)),
           cumulative);
  }
  uint64_t count = 0;
  double sum = 0;
  for (const Histogram* part : parts) {
    count += part->count();
    sum += part->sum_seconds();
  }
  Sample(fmt::format("{}_bucket", name),
         fmt::format("{}{}le=\"+Inf\"", labels, labels.empty() ? "" : ","), count);
  Sample(fmt::format("{}_sum", name), labels, sum);
  Sample(fmt::format("{}_count", name), labels, count);
}

}  // namespace strom
