#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/errors.h"
#include "base/ids.h"
#include "base/result.h"

namespace strom {
namespace {

TEST(Crc32c, KnownValue) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xe3069283U);
}

TEST(Crc32c, ExtendEqualsWholeAtEverySplit) {
  Bytes bytes;
  for (int i = 0; i < 2000; ++i)
    bytes.push_back(static_cast<uint8_t>(i * 7));
  const uint32_t whole = Crc32c(bytes);
  for (size_t split = 0; split <= bytes.size(); split += 13) {
    const uint32_t head = Crc32c(ByteView(bytes).first(split));
    EXPECT_EQ(Crc32cExtend(head, ByteView(bytes).subspan(split)), whole) << split;
  }
}

TEST(ByteReader, NeverReadsPastItsEnd) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader{bytes};
  EXPECT_EQ(reader.Little<uint16_t>(), 0x0201);
  EXPECT_FALSE(reader.Little<uint16_t>());
  EXPECT_FALSE(reader.Take(UINT64_MAX));
  EXPECT_EQ(reader.remaining(), 1U);
}

TEST(ByteReader, RefusesVarintThatIsTooLong) {
  const Bytes bytes(11, 0xff);
  EXPECT_FALSE(ByteReader{bytes}.Varint<uint64_t>());
  EXPECT_FALSE(ByteReader{bytes}.Varint<uint32_t>());
}

TEST(Errors, NumbersAndNamesAgree) {
  EXPECT_EQ(InfoOf(ErrorCode::kTableNotExist).name, "TABLE_NOT_EXIST");
  EXPECT_EQ(ErrorCodeByName("HISTORICAL_PARTITION_THROTTLED"), static_cast<ErrorCode>(73));
  EXPECT_EQ(InfoOf(static_cast<ErrorCode>(4711)).code, ErrorCode::kUnknownServerError);
  EXPECT_TRUE(InfoOf(ErrorCode::kCorruptRecord).retriable);
}

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(ErrorCode::kUnknownServerError, "{} is odd", n);
  return n / 2;
}
Result<int> Quarter(int n) {
  STROM_TRY(const int half, Half(n));
  return Half(half);
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message, "3 is odd");
}

TEST(TableBucket, HashTellsPartitionsApart) {
  const TableBucket plain{TableId(1), std::nullopt, BucketId(0)};
  const TableBucket partitioned{TableId(1), PartitionId(0), BucketId(0)};
  EXPECT_NE(plain, partitioned);
  EXPECT_NE(std::hash<TableBucket>()(plain), std::hash<TableBucket>()(partitioned));
  EXPECT_EQ(ToString(partitioned), "table 1 partition 0 bucket 0");
}

}  // namespace
}  // namespace strom
