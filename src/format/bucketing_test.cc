#include "format/bucketing.h"

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

void CheckBuckets(const Json& test, const char* member, std::optional<LakeFormat> lake,
                  ByteView key) {
  if (!test.contains(member)) return;
  for (const auto& [count, bucket] : test[member].items()) {
    EXPECT_EQ(BucketOfKey(lake, key, std::stoi(count)).value(), bucket.get<int32_t>())
        << member << " of " << count;
  }
}

TEST(BucketingVectors, HashesAndBucketsAreTheStatedOnes) {
  VectorReport report("kv/bucketing.json");
  const auto document = vectors::Load("kv/bucketing.json");
  size_t cases = 0;
  for (const Json& test : document["bytes_cases"]) {
    SCOPED_TRACE(test["bytes"].get<std::string>());
    const Bytes key = vectors::Hex(test["bytes"]);
    EXPECT_EQ(FlussMurmur(key), test["fluss_murmur32"].get<int32_t>());
    EXPECT_EQ(SpreadHash(FlussMurmur(key)), test["fluss_spread"].get<int32_t>());
    if (test.contains("murmur3_x86_32_seed0")) {
      EXPECT_EQ(Murmur3(key, 0), test["murmur3_x86_32_seed0"].get<int32_t>());
    }
    CheckBuckets(test, "bucket_fluss", std::nullopt, key);
    CheckBuckets(test, "bucket_fluss", LakeFormat::kLance, key);
    CheckBuckets(test, "bucket_paimon", LakeFormat::kPaimon, key);
    CheckBuckets(test, "bucket_iceberg", LakeFormat::kIceberg, key);
    const char* rust = test.contains("bucket_rust_client") ? "bucket_rust_client" : "bucket_fluss";
    for (const auto& [count, bucket] : test.value(rust, Json::object()).items()) {
      EXPECT_EQ(BucketOfKeyInRust(key, std::stoi(count)).value(), bucket.get<int32_t>());
    }
    report.CaseDone(test["bytes"]);
    ++cases;
  }
  for (const Json& test : document["spread_int_cases"]) {
    EXPECT_EQ(SpreadHash(test["in"].get<int32_t>()), test["out"].get<int32_t>());
    report.CaseDone(test.dump());
    ++cases;
  }
  EXPECT_EQ(cases, 24U);
}

TEST(Bucketing, EmptyKeysBelongToNoBucket) {
  EXPECT_FALSE(BucketOfKey(std::nullopt, {}, 8));
  EXPECT_FALSE(BucketOfKeyInRust({}, 8));
  const Bytes key = {1, 2, 3, 4};
  EXPECT_FALSE(BucketOfKey(std::nullopt, key, 0));
  EXPECT_FALSE(BucketOfKey(LakeFormat::kHudi, ByteView(key).first(3), 8));
}

TEST(Bucketing, ClientFamiliesDisagreeAsStated) {
  // The INT key 128 of 8 buckets (spec 03, 9.2).
  const Bytes key = *FromHex("8001");
  EXPECT_EQ(BucketOfKey(std::nullopt, key, 8).value(), 2);
  EXPECT_EQ(BucketOfKeyInRust(key, 8).value(), 7);
}

}  // namespace
}  // namespace strom::format
