#include "log/head_cache.h"

#include "base/test_vectors.h"

namespace strom::log {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(HeadCache, FindsWhatItKept) {
  HeadCache cache(kMiB);
  const uint64_t a = cache.NewSegment();
  const uint64_t b = cache.NewSegment();
  EXPECT_NE(a, b);
  // Out of order, within and across blocks.
  for (const uint64_t position : {700'000, 20'000, 5'000'000, 0, 300'000}) {
    cache.Keep(a, position, Bytes(100, static_cast<uint8_t>(position / 10'000)));
  }
  for (const uint64_t position : {0, 20'000, 300'000, 700'000, 5'000'000}) {
    EXPECT_EQ(ToHex(cache.Find(a, position)),
              ToHex(Bytes(100, static_cast<uint8_t>(position / 10'000))))
        << position;
    EXPECT_TRUE(cache.Find(b, position).empty());
  }
  EXPECT_TRUE(cache.Find(a, 19'999).empty());
  EXPECT_TRUE(cache.Find(a, 9'000'000).empty());
}

TEST(HeadCache, KeepsTheFirstCopy) {
  HeadCache cache(kMiB);
  const uint64_t segment = cache.NewSegment();
  cache.Keep(segment, 8, Bytes(10, 1));
  const uint64_t bytes = cache.bytes();
  cache.Keep(segment, 8, Bytes(10, 2));
  EXPECT_EQ(ToHex(cache.Find(segment, 8)), ToHex(Bytes(10, 1)));
  EXPECT_EQ(cache.bytes(), bytes);
}

TEST(HeadCache, TheLeastRecentlyUsedBlocksGo) {
  HeadCache cache(64 << 10);
  const uint64_t segment = cache.NewSegment();
  for (uint64_t i = 0; i < 1000; ++i) {
    cache.Keep(segment, i * kMiB, Bytes(1000, 7));
    // Used all the time.
    EXPECT_EQ(cache.Find(segment, 0).size(), 1000U) << i;
    EXPECT_LE(cache.bytes(), uint64_t{64 << 10});
  }
  EXPECT_EQ(cache.Find(segment, 999 * kMiB).size(), 1000U);
  EXPECT_TRUE(cache.Find(segment, 500 * kMiB).empty());
  EXPECT_GT(cache.bytes(), uint64_t{32 << 10});
}

TEST(HeadCache, AHeadBeyondTheBudgetIsNotKept) {
  HeadCache cache(1000);
  const uint64_t segment = cache.NewSegment();
  cache.Keep(segment, 0, Bytes(2000, 1));
  EXPECT_TRUE(cache.Find(segment, 0).empty());
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(SegmentHeads, CountFromTheRun) {
  HeadCache cache(kMiB);
  const uint64_t segment = cache.NewSegment();
  SegmentHeads heads(&cache, segment, 5000);
  heads.Keep(10, Bytes(3, 9));
  EXPECT_EQ(cache.Find(segment, 5010).size(), 3U);
  EXPECT_EQ(heads.Find(10).size(), 3U);
  SegmentHeads none;
  none.Keep(10, Bytes(3, 9));
  EXPECT_TRUE(none.Find(10).empty());
}

}  // namespace
}  // namespace strom::log
