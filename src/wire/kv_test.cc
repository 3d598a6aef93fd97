// PUT_KV, LOOKUP and PREFIX_LOOKUP read and written by hand mean what the generated classes mean,
// and what is too large or broken is refused by name.
#include "wire/kv.h"

#include <gtest/gtest.h>

#include "wire/message.h"
#include "wire/messages.pb.h"
#include "wire/produce.h"

namespace strom::wire {
namespace {

Bytes Serialize(const google::protobuf::MessageLite& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

// A field that no version of these messages knows: number 15, a varint.
Bytes WithUnknownField(const google::protobuf::MessageLite& message) {
  Bytes bytes = Serialize(message);
  Append(bytes, *FromHex("7805"));
  return bytes;
}

template <class PbMessage>
PbMessage Decode(const OutgoingFrame& frame) {
  const Bytes bytes = frame.Flatten();
  const auto response = ParseResponse(ByteView(bytes).subspan(kFrameLengthBytes));
  EXPECT_TRUE(response);
  EXPECT_EQ(response->request_id, 7);
  const auto message = ParseMessage<PbMessage>(response->body);
  EXPECT_TRUE(message) << message.error().message;
  return *message;
}

TEST(PutKv, EveryFieldIsRead) {
  pb::PutKvRequest message;
  message.set_acks(-1);
  message.set_table_id(5);
  message.set_timeout_ms(30'000);
  message.add_target_columns(0);
  message.add_target_columns(3);
  message.set_agg_mode(1);
  pb::PbPutKvReqForBucket bucket;
  bucket.set_partition_id(9);
  bucket.set_bucket_id(2);
  bucket.set_records("batch");
  std::string nested = bucket.SerializeAsString() + "\x78\x05";
  Bytes body = WithUnknownField(message);
  Append(body, Bytes{0x2a, static_cast<uint8_t>(nested.size())});
  Append(body, AsBytes(nested));
  const auto request = ParsePutKv(body);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->acks, -1);
  EXPECT_EQ(request->table_id, TableId(5));
  EXPECT_EQ(request->timeout_ms, 30'000);
  EXPECT_EQ(request->target_columns, (std::vector<int32_t>{0, 3}));
  EXPECT_TRUE(request->overwrite);
  ASSERT_EQ(request->buckets.size(), 1U);
  EXPECT_EQ(request->buckets[0].partition, PartitionId(9));
  EXPECT_EQ(request->buckets[0].bucket, BucketId(2));
  EXPECT_EQ(AsText(request->buckets[0].records), "batch");
}

TEST(PutKv, WhatIsMissingBrokenOrTooManyIsNamed) {
  pb::PutKvRequest message;
  const auto refusal = [&message] {
    const auto parsed = ParsePutKv(AsBytes(message.SerializePartialAsString()));
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_EQ(refusal(), "The required field PutKvRequest.acks is missing.");
  message.set_acks(1);
  EXPECT_EQ(refusal(), "The required field PutKvRequest.table_id is missing.");
  message.set_table_id(1);
  EXPECT_EQ(refusal(), "The required field PutKvRequest.timeout_ms is missing.");
  message.set_timeout_ms(1);
  EXPECT_EQ(refusal(), "accepted");
  message.add_buckets_req()->set_records("");
  EXPECT_EQ(refusal(), "The required field PbPutKvReqForBucket.bucket_id is missing.");
  message.mutable_buckets_req(0)->Clear();
  message.mutable_buckets_req(0)->set_bucket_id(0);
  EXPECT_EQ(refusal(), "The required field PbPutKvReqForBucket.records is missing.");
  message.mutable_buckets_req(0)->set_records("");
  for (size_t i = 1; i < kMaxBucketsPerRequest; ++i)
    *message.add_buckets_req() = message.buckets_req(0);
  EXPECT_EQ(refusal(), "accepted");
  *message.add_buckets_req() = message.buckets_req(0);
  EXPECT_EQ(refusal(), "The request names more than 100000 buckets; split it into smaller ones.");
  message.clear_buckets_req();
  for (size_t i = 0; i <= kMaxTargetColumns; ++i)
    message.add_target_columns(0);
  EXPECT_EQ(refusal(),
            "The request names more than 16384 target columns; split it into smaller ones.");
  EXPECT_EQ(ParsePutKv(*FromHex("0801100118012a05080a")).error().message,
            "PutKvRequest is malformed at byte 8 of 10.");
  EXPECT_EQ(ParsePutKv(*FromHex("0801100118012a021a09")).error().message,
            "PbPutKvReqForBucket is malformed at byte 2 of 2.");
  EXPECT_EQ(ParsePutKv(*FromHex("0801100118012201ff")).error().message,
            "The packed list of target columns is malformed.");
}

TEST(PutKv, AnswersSayOffsetPressureOrError) {
  const std::vector<PutKvResult> results{
      {PartitionId(9), BucketId(0), Offset(12), 0.5F},
      {{}, BucketId(1), Fail(ErrorCode::kOutOfOrderSequence, "a gap"), 0.5F},
      {{}, BucketId(2), Offset(3), 0},
  };
  const auto message = Decode<pb::PutKvResponse>(EncodePutKvResponse(7, results));
  ASSERT_EQ(message.buckets_resp_size(), 3);
  EXPECT_EQ(message.buckets_resp(0).partition_id(), 9);
  EXPECT_EQ(message.buckets_resp(0).log_end_offset(), 12);
  EXPECT_EQ(message.buckets_resp(0).pressure(), 0.5F);
  EXPECT_EQ(message.buckets_resp(1).error_code(), 31);
  EXPECT_EQ(message.buckets_resp(1).error_message(), "a gap");
  EXPECT_FALSE(message.buckets_resp(1).has_log_end_offset());
  EXPECT_FALSE(message.buckets_resp(2).has_pressure());
}

TEST(Lookup, EveryFieldIsRead) {
  pb::LookupRequest message;
  message.set_table_id(5);
  message.set_insert_if_not_exists(true);
  message.set_acks(-1);
  message.set_timeout_ms(20);
  pb::PbLookupReqForBucket& bucket = *message.add_buckets_req();
  bucket.set_partition_id(9);
  bucket.set_bucket_id(2);
  bucket.add_keys("a");
  bucket.add_keys("");
  bucket.set_original_partition_name("p");
  const Bytes body = WithUnknownField(message);
  const auto request = ParseLookup(body);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->table_id, TableId(5));
  EXPECT_TRUE(request->insert_if_not_exists);
  EXPECT_EQ(request->acks, -1);
  EXPECT_EQ(request->timeout_ms, 20);
  ASSERT_EQ(request->buckets.size(), 1U);
  EXPECT_EQ(request->buckets[0].partition, PartitionId(9));
  EXPECT_EQ(request->buckets[0].bucket, BucketId(2));
  EXPECT_EQ(request->buckets[0].original_partition_name, "p");
  ASSERT_EQ(request->buckets[0].keys.size(), 2U);
  EXPECT_EQ(AsText(request->buckets[0].keys[0]), "a");

  // A prefix lookup knows neither of the fields that a lookup has beyond it.
  const auto prefix = ParsePrefixLookup(body);
  ASSERT_TRUE(prefix) << prefix.error().message;
  EXPECT_FALSE(prefix->insert_if_not_exists);
  EXPECT_FALSE(prefix->buckets[0].original_partition_name);
  EXPECT_EQ(prefix->buckets[0].keys.size(), 2U);
}

TEST(Lookup, WhatIsMissingBrokenOrTooManyIsNamed) {
  EXPECT_EQ(ParseLookup({}).error().message,
            "The required field LookupRequest.table_id is missing.");
  EXPECT_EQ(ParsePrefixLookup({}).error().message,
            "The required field PrefixLookupRequest.table_id is missing.");
  EXPECT_EQ(ParseLookup(*FromHex("08011200")).error().message,
            "The required field PbLookupReqForBucket.bucket_id is missing.");
  EXPECT_EQ(ParsePrefixLookup(*FromHex("08011200")).error().message,
            "The required field PbPrefixLookupReqForBucket.bucket_id is missing.");
  EXPECT_EQ(ParseLookup(*FromHex("080112021a09")).error().message,
            "PbLookupReqForBucket is malformed at byte 2 of 2.");
  EXPECT_EQ(ParsePrefixLookup(*FromHex("08011209")).error().message,
            "PrefixLookupRequest is malformed at byte 4 of 4.");
  pb::LookupRequest message;
  message.set_table_id(1);
  for (size_t i = 0; i <= kMaxBucketsPerRequest; ++i)
    message.add_buckets_req()->set_bucket_id(0);
  EXPECT_EQ(ParseLookup(Serialize(message)).error().message,
            "The request names more than 100000 buckets; split it into smaller ones.");
  message.clear_buckets_req();
  // The limit counts the keys of all buckets.
  for (int bucket = 0; bucket < 2; ++bucket) {
    message.add_buckets_req()->set_bucket_id(bucket);
    for (size_t i = 0; i < kMaxKeysPerRequest / 2; ++i)
      message.mutable_buckets_req(bucket)->add_keys("");
  }
  EXPECT_TRUE(ParseLookup(Serialize(message)));
  message.mutable_buckets_req(1)->add_keys("");
  EXPECT_EQ(ParseLookup(Serialize(message)).error().message,
            "The request names more than 1000000 keys; split it into smaller ones.");
}

TEST(Lookup, AnswersAreTheBytesOfTheGeneratedClass) {
  const std::string row = "row";
  const std::vector<std::optional<ByteView>> values{AsBytes(row), std::nullopt,
                                                    AsBytes(std::string_view())};
  const std::vector<LookupResult> results{
      {PartitionId(9), BucketId(0), std::nullopt, values},
      {{}, BucketId(1), Error{ErrorCode::kNotLeaderOrFollower, "elsewhere"}, {}},
  };
  const auto message = Decode<pb::LookupResponse>(EncodeLookupResponse(7, results));
  ASSERT_EQ(message.buckets_resp_size(), 2);
  EXPECT_EQ(message.buckets_resp(0).partition_id(), 9);
  ASSERT_EQ(message.buckets_resp(0).values_size(), 3);
  EXPECT_EQ(message.buckets_resp(0).values(0).values(), "row");
  EXPECT_FALSE(message.buckets_resp(0).values(1).has_values());
  EXPECT_TRUE(message.buckets_resp(0).values(2).has_values());
  EXPECT_EQ(message.buckets_resp(1).error_code(), 12);
  EXPECT_EQ(message.buckets_resp(1).error_message(), "elsewhere");
  EXPECT_EQ(EncodeLookupResponse(7, results).Flatten(), EncodeSuccess(7, message).Flatten());
}

TEST(PrefixLookup, AnswersAreTheBytesOfTheGeneratedClass) {
  const std::string rows = "abc";
  const auto row = [&rows](size_t i) { return AsBytes(std::string_view(rows).substr(i, 1)); };
  const std::vector<PrefixLookupResult> results{
      {PartitionId(9), BucketId(0), std::nullopt, {2, 0, 1}, {row(0), row(1), row(2)}},
      {{}, BucketId(1), Error{ErrorCode::kNotLeaderOrFollower, "elsewhere"}, {}, {}},
  };
  const auto message = Decode<pb::PrefixLookupResponse>(EncodePrefixLookupResponse(7, results));
  ASSERT_EQ(message.buckets_resp_size(), 2);
  const auto& lists = message.buckets_resp(0).value_lists();
  ASSERT_EQ(lists.size(), 3);
  ASSERT_EQ(lists[0].values_size(), 2);
  EXPECT_EQ(lists[0].values(1), "b");
  EXPECT_EQ(lists[1].values_size(), 0);
  ASSERT_EQ(lists[2].values_size(), 1);
  EXPECT_EQ(lists[2].values(0), "c");
  EXPECT_EQ(message.buckets_resp(1).error_message(), "elsewhere");
  EXPECT_EQ(EncodePrefixLookupResponse(7, results).Flatten(), EncodeSuccess(7, message).Flatten());
}

}  // namespace
}  // namespace strom::wire
