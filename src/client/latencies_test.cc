#include "client/latencies.h"

#include <gtest/gtest.h>

namespace strom::client {
namespace {

using std::chrono::nanoseconds;

TEST(Latencies, PercentilesAreTheNearestRank) {
  Latencies latencies;
  for (int i = 1000; i > 0; --i)
    latencies.Add(nanoseconds(i));
  EXPECT_EQ(latencies.count(), 1000U);
  EXPECT_EQ(latencies.Percentile(50), nanoseconds(500));
  EXPECT_EQ(latencies.Percentile(99), nanoseconds(990));
  EXPECT_EQ(latencies.Percentile(99.9), nanoseconds(999));
  EXPECT_EQ(latencies.Percentile(100), nanoseconds(1000));
  EXPECT_EQ(latencies.Percentile(0.01), nanoseconds(1));
}

TEST(Latencies, WhatIsAddedAfterAPercentileCounts) {
  Latencies latencies;
  EXPECT_EQ(latencies.Percentile(50), nanoseconds(0));
  latencies.Add(nanoseconds(5));
  EXPECT_EQ(latencies.Percentile(100), nanoseconds(5));
  latencies.Add(nanoseconds(3));
  EXPECT_EQ(latencies.Percentile(50), nanoseconds(3));
  EXPECT_EQ(latencies.Percentile(100), nanoseconds(5));
}

}  // namespace
}  // namespace strom::client
