#include "kv/write_pressure.h"

#include <gtest/gtest.h>

namespace strom::kv {
namespace {

StoreLoad Load(int files) {
  return {.level0_files = files,
          .level0_limit = 20,
          .level0_signal = 8,
          .write_buffer_bytes = 1000,
          .write_buffer_count = 2};
}

TEST(WritePressure, RisesFromTheSignalToTheLimitAndStaysBelowOne) {
  EXPECT_EQ(PressureOf(Load(0), false), 0);
  EXPECT_EQ(PressureOf(Load(8), false), 0);
  EXPECT_FLOAT_EQ(PressureOf(Load(11), false), 0.25F);
  EXPECT_FLOAT_EQ(PressureOf(Load(14), false), 0.5F);
  EXPECT_LT(PressureOf(Load(20), false), 1);
  EXPECT_LT(PressureOf(Load(1000), true), 1);
}

TEST(WritePressure, ARefusedWriteIsHighPressure) {
  EXPECT_FLOAT_EQ(PressureOf(Load(0), true), 0.8F);
  EXPECT_GT(PressureOf(Load(19), true), 0.9F);
}

TEST(WritePressure, ASignalAtTheLimitIsOff) {
  StoreLoad load = Load(19);
  load.level0_signal = 20;
  EXPECT_EQ(PressureOf(load, false), 0);
}

TEST(WritePressure, ABatchIsRefusedThatCouldNotBeFlushed) {
  EXPECT_FALSE(IsOverloaded(Load(16), 1000));
  EXPECT_TRUE(IsOverloaded(Load(17), 1000));
  EXPECT_FALSE(IsOverloaded(Load(0), 17'000));
  EXPECT_TRUE(IsOverloaded(Load(0), 17'001));
  EXPECT_TRUE(IsOverloaded(Load(18), 0));
  StoreLoad unlimited = Load(1000);
  unlimited.level0_limit = 0;
  EXPECT_FALSE(IsOverloaded(unlimited, 1 << 30));
}

}  // namespace
}  // namespace strom::kv
