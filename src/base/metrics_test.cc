#include "base/metrics.h"

#include <gtest/gtest.h>

namespace strom {
namespace {

TEST(Metrics, HistogramBucketsAreCumulativeAndDoubling) {
  Histogram a;
  Histogram b;
  a.Record(std::chrono::microseconds(3));
  a.Record(std::chrono::microseconds(16));
  b.Record(std::chrono::microseconds(31));
  b.Record(std::chrono::seconds(1000));
  MetricsText text;
  text.Family("x_seconds", "histogram", "Some time.");
  text.Sum("x_seconds", "api=\"A\"", {&a, &b});
  const std::string rendered = text.Take();
  EXPECT_NE(rendered.find("# TYPE x_seconds histogram\n"), std::string::npos);
  EXPECT_NE(rendered.find("x_seconds_bucket{api=\"A\",le=\"1.6e-05\"} 1\n"), std::string::npos);
  EXPECT_NE(rendered.find("x_seconds_bucket{api=\"A\",le=\"3.2e-05\"} 3\n"), std::string::npos);
  EXPECT_NE(rendered.find("x_seconds_bucket{api=\"A\",le=\"67.1089\"} 3\n"), std::string::npos);
  EXPECT_NE(rendered.find("x_seconds_bucket{api=\"A\",le=\"+Inf\"} 4\n"), std::string::npos);
  EXPECT_NE(rendered.find("x_seconds_count{api=\"A\"} 4\n"), std::string::npos);
}

TEST(Metrics, CountersAndGauges) {
  Counter counter;
  counter.Add();
  counter.Add(4);
  EXPECT_EQ(counter.value(), 5U);
  Gauge gauge;
  gauge.Add(3);
  gauge.Add(-5);
  EXPECT_EQ(gauge.value(), -2);
}

}  // namespace
}  // namespace strom
