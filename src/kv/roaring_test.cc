// roaring_set.h, roaring32.h and roaring64.h.
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/vector_values.h"
#include "kv/roaring32.h"
#include "kv/roaring64.h"

namespace strom::kv {
namespace {

using format::vectors::Json;
using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

uint64_t NumberOf(const Json& json) {
  return json.is_string() ? std::stoull(json.get<std::string>()) : json.get<uint64_t>();
}

Ranges RangesOfCase(const Json& test) {
  Ranges ranges;
  if (test.contains("ranges")) {
    for (const Json& range : test["ranges"])
      ranges.emplace_back(NumberOf(range[0]), NumberOf(range[1]));
    return ranges;
  }
  // Every even number 0..9998, in the 64-bit case above 2^40.
  const bool wide = test["ranges_note"].get<std::string>().starts_with("2^40");
  for (uint64_t i = 0; i <= 9998; i += 2) {
    const uint64_t number = i + (wide ? uint64_t{1} << 40 : 0);
    ranges.emplace_back(number, number);
  }
  return ranges;
}

// A set of these numbers in containers of arrays.
RoaringSet SetOf(const std::set<uint64_t>& numbers) {
  RoaringSet set;
  for (const uint64_t number : numbers) {
    if (set.keys.empty() || set.keys.back() != number >> 16) {
      set.keys.push_back(number >> 16);
      set.containers.emplace_back();
    }
    set.containers.back().values.push_back(static_cast<uint16_t>(number));
    ++set.containers.back().cardinality;
  }
  return Unite(std::move(set), {});
}

Ranges RangesOf(const std::set<uint64_t>& numbers) {
  Ranges ranges;
  for (const uint64_t number : numbers) {
    if (!ranges.empty() && ranges.back().second + 1 == number) {
      ranges.back().second = number;
    } else {
      ranges.emplace_back(number, number);
    }
  }
  return ranges;
}

struct Format {
  Result<RoaringSet> (*parse)(ByteView);
  void (*append)(const RoaringSet&, Bytes&);
  Result<Bytes> (*unite)(ByteView, ByteView);
  uint64_t max_number;
};
constexpr Format kFormat32{ParseRoaring32, AppendRoaring32, UniteRoaring32, 0xffffffff};
constexpr Format kFormat64{ParseRoaring64, AppendRoaring64, UniteRoaring64, ~uint64_t{0}};

Bytes Written(const Format& format, const RoaringSet& set) {
  Bytes bytes;
  format.append(set, bytes);
  return bytes;
}

TEST(Roaring, MatchesTheGoldenBitmaps) {
  const Json document = format::vectors::Load("kv-behaviour/roaring-bitmaps.json");
  VectorReport report("kv-behaviour/roaring-bitmaps.json");
  std::map<std::string, Bytes> wide;
  const auto check = [&](const Format& format, const Json& test, const std::string& name) {
    SCOPED_TRACE(name);
    const Bytes bytes = format::vectors::Hex(test["hex"]);
    const auto set = format.parse(bytes);
    EXPECT_TRUE(set) << set.error().message;
    if (!set) return;
    EXPECT_EQ(RangesOf(*set), RangesOfCase(test));
    // Written again it is the same set, and as small.
    const Bytes written = Written(format, *set);
    const auto again = format.parse(written);
    EXPECT_TRUE(again) << again.error().message;
    if (again) EXPECT_TRUE(*again == *set);
    EXPECT_LE(written.size(), bytes.size());
    EXPECT_LE(Written(format, Unite(*set, {})).size(), bytes.size());
    report.CaseDone(name);
  };
  for (const Json& test : document["rbm32"]) {
    check(kFormat32, test, test["name"]);
    EXPECT_EQ(ToHex(Written(kFormat32, *ParseRoaring32(format::vectors::Hex(test["hex"])))),
              test["hex"].get<std::string>());
  }
  for (const Json& test : document["rbm64"]) {
    wide.emplace(test["name"], format::vectors::Hex(test["hex"]));
    check(kFormat64, test, test["name"]);
  }
  for (const Json& test : document["union_rbm64"]) {
    const std::string name = fmt::format("{} with {}", test["left"].get<std::string>(),
                                         test["right"].get<std::string>());
    const auto united = UniteRoaring64(wide.at(test["left"]), wide.at(test["right"]));
    ASSERT_TRUE(united) << united.error().message;
    const auto expected = ParseRoaring64(format::vectors::Hex(test["hex"]));
    ASSERT_TRUE(expected) << expected.error().message;
    EXPECT_TRUE(*ParseRoaring64(*united) == *expected);
    check(kFormat64, test, name);
  }
}

// Numbers that make all kinds of containers and nodes.
std::set<uint64_t> RandomNumbers(std::mt19937_64& random, uint64_t max_number) {
  std::set<uint64_t> numbers;
  const int chunks = static_cast<int>(random() % 6);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const uint64_t base = random() & max_number >> (random() % 48);
    const uint64_t step = uint64_t{1} << (random() % 20);
    const int count = static_cast<int>(random() % 3 == 0 ? random() % 9000 : random() % 60);
    for (int i = 0; i < count; ++i) {
      const uint64_t next = base + static_cast<uint64_t>(i) * step;
      if (next >= base && next <= max_number) numbers.insert(next);
    }
  }
  return numbers;
}

void CheckUnions(const Format& format) {
  std::mt19937_64 random(20260101);
  for (int round = 0; round < 60; ++round) {
    const auto a = RandomNumbers(random, format.max_number);
    const auto b = RandomNumbers(random, format.max_number);
    const auto united = format.unite(Written(format, SetOf(a)), Written(format, SetOf(b)));
    ASSERT_TRUE(united) << united.error().message;
    auto both = a;
    both.insert(b.begin(), b.end());
    const auto set = format.parse(*united);
    ASSERT_TRUE(set) << set.error().message;
    ASSERT_EQ(RangesOf(*set), RangesOf(both));
    ASSERT_EQ(*united, Written(format, SetOf(both))) << "one form for one set";
  }
}

TEST(Roaring, UnionsOfRandomSets32) {
  CheckUnions(kFormat32);
}

TEST(Roaring, UnionsOfRandomSets64) {
  CheckUnions(kFormat64);
}

TEST(Roaring, ManyRunsFullContainersAndTheEdges) {
  std::set<uint64_t> all;
  for (uint64_t i = 0; i < 65536; ++i)
    all.insert(i);
  const RoaringSet full = SetOf(all);
  EXPECT_EQ(full.containers[0].kind, ContainerKind::kRuns);
  EXPECT_EQ(full.containers[0].values, (std::vector<uint16_t>{0, 65535}));
  const RoaringSet ends = Unite(SetOf({0, 65535}), SetOf({65536}));
  EXPECT_EQ(RangesOf(ends), (Ranges{{0, 0}, {65535, 65536}}));
  EXPECT_TRUE(Unite(full, ends) == Unite(full, SetOf({65536})));
}

// Every cut and every change of one byte is refused, or read as something that can be written.
void CheckDamage(const Format& format, const Bytes& bytes) {
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(format.parse(ByteView(bytes).first(size))) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  ASSERT_FALSE(format.parse(longer));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      Bytes damaged = bytes;
      damaged[i] ^= flip;
      const auto set = format.parse(damaged);
      if (!set) {
        ASSERT_EQ(set.error().code, ErrorCode::kCorruptRecord);
        continue;
      }
      const auto again = format.parse(Written(format, *set));
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_TRUE(*again == *set);
    }
  }
}

std::set<uint64_t> Spread(uint64_t count, uint64_t step) {
  std::set<uint64_t> numbers;
  for (uint64_t i = 0; i < count; ++i)
    numbers.insert(i * step + i % 3);
  return numbers;
}

TEST(Roaring, DamagedBytesAreRefusedOrHarmless) {
  CheckDamage(kFormat32, Written(kFormat32, SetOf(Spread(5, 65536 * 3))));
  CheckDamage(kFormat32, Written(kFormat32, Unite(SetOf(Spread(300, 1)), SetOf({70000, 80000}))));
  for (const uint64_t count : {1, 3, 12, 40, 90})
    CheckDamage(kFormat64, Written(kFormat64, SetOf(Spread(count, uint64_t{1} << 24))));
  CheckDamage(kFormat64, Written(kFormat64, Unite(SetOf(Spread(300, 1)), SetOf({1ULL << 40}))));
}

TEST(Roaring, ReadsWhatRemovalsLeaveInJava) {
  // Made by Roaring64Bitmap 1.3.0: 7 and 7 << 32, and 7 << 32 alone. Slots are empty, the number of
  // containers is not that of the last slot, and a leaf has its removed parent's prefix.
  const auto two = ParseRoaring64(*FromHex(
      "01020000000000000000020003000000000007000400000000000000000000000000000000000400000200000000"
      "00070000010000000000000001000000fe0300000001020100000007000102010000000000000200000000000000"
      "0000000002000000"));
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(RangesOf(*two), (Ranges{{7, 7}, {7ULL << 32, 7ULL << 32}}));
  const auto one = ParseRoaring64(*FromHex(
      "01010000000000000004000006000000070000000000070000010000000000000001000000fe0400000000010201"
      "0000000000000001000000000000000000000003000000"));
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(RangesOf(*one), (Ranges{{7ULL << 32, 7ULL << 32}}));
}

TEST(Roaring, CountsAreNotTrusted) {
  // 65,536 containers in eight bytes; 2^31 slots in a few; 2^63 keys.
  EXPECT_FALSE(ParseRoaring32(*FromHex("3b30ffff")));
  EXPECT_FALSE(ParseRoaring32(*FromHex("3a30000000000100")));
  EXPECT_FALSE(ParseRoaring32(*FromHex("3a300000ffffffff")));
  const std::string leaf = "0400000000000000000000000000000000";
  EXPECT_FALSE(ParseRoaring64(*FromHex("01ffffffffffffff7f" + leaf)));
  EXPECT_FALSE(ParseRoaring64(*FromHex("010100000000000000" + leaf + "01000000feffffff7f00")));
  EXPECT_FALSE(ParseRoaring64(*FromHex("010100000000000000" + leaf + "ffffffff")));
}

TEST(Roaring, KeysThatShareAContainerAreRefused) {
  const Bytes two = Written(kFormat64, SetOf({1, 65536}));
  ASSERT_TRUE(ParseRoaring64(two));
  // The second leaf's slot is the first byte of its container index; find it behind its key.
  const std::string hex = ToHex(two);
  const std::string leaf =
      "04000000"
      "000000000001"
      "01000000"
      "00000000";
  const size_t at = hex.find(leaf);
  ASSERT_NE(at, std::string::npos);
  std::string shared = hex;
  shared[at + 21] = '0';
  EXPECT_FALSE(ParseRoaring64(*FromHex(shared)));
}

}  // namespace
}  // namespace strom::kv
