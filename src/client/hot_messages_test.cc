#include "client/hot_messages.h"

#include <gtest/gtest.h>

#include "client/generated_batch.h"
#include "wire/fetch.h"
#include "wire/messages.pb.h"
#include "wire/produce.h"

namespace strom::client {
namespace {

Bytes Encode(const google::protobuf::MessageLite& message) {
  Bytes bytes(message.ByteSizeLong());
  message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

TEST(HotMessages, AServerReadsTheProduceRequestAsItWasMeant) {
  Bytes body = ProducePrefix(
      {.table = TableId(300), .bucket = BucketId(7), .acks = 1, .timeout_ms = 1234}, 1000);
  body.resize(body.size() + 1000, 0xab);
  const auto request = wire::ParseProduceLog(body);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->table_id, TableId(300));
  EXPECT_EQ(request->acks, 1);
  EXPECT_EQ(request->timeout_ms, 1234);
  ASSERT_EQ(request->buckets.size(), 1U);
  EXPECT_EQ(request->buckets[0].bucket, BucketId(7));
  EXPECT_EQ(request->buckets[0].records.size(), 1000U);
}

TEST(HotMessages, AServerReadsTheFetchRequestAsItWasMeant) {
  const Bytes body = FetchBody({.table = TableId(9),
                                .bucket = BucketId(2),
                                .from = Offset(1'000'000),
                                .max_bytes = 4096,
                                .columns = {0, 5, 300},
                                .max_wait_ms = 50});
  const auto request = wire::ParseFetchLog(body);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->follower_server_id, wire::kNoFollower);
  EXPECT_EQ(request->max_wait_ms, 50);
  EXPECT_EQ(request->min_bytes, 1);
  ASSERT_EQ(request->tables.size(), 1U);
  const wire::FetchTable& table = request->tables[0];
  EXPECT_EQ(table.table_id, TableId(9));
  EXPECT_TRUE(table.projection_enabled);
  EXPECT_EQ(table.projected_fields, (std::vector<int32_t>{0, 5, 300}));
  ASSERT_EQ(table.buckets.size(), 1U);
  EXPECT_EQ(table.buckets[0].bucket, BucketId(2));
  EXPECT_EQ(table.buckets[0].fetch_offset, 1'000'000);
  EXPECT_EQ(table.buckets[0].max_fetch_bytes, 4096);
}

TEST(HotMessages, AProduceAnswerIsItsOffsetOrTheErrorOfTheBucket) {
  wire::pb::ProduceLogResponse answer;
  auto* bucket = answer.add_buckets_resp();
  bucket->set_bucket_id(1);
  bucket->set_base_offset(77);
  EXPECT_EQ(ParseProduceAnswer(Encode(answer)), Offset(77));
  bucket->set_error_code(static_cast<int32_t>(ErrorCode::kCorruptRecord));
  bucket->set_error_message("why");
  const auto refused = ParseProduceAnswer(Encode(answer));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{ErrorCode::kCorruptRecord, "why"}));
}

wire::pb::FetchLogResponse FetchAnswer(ByteView records, int64_t high_watermark) {
  wire::pb::FetchLogResponse answer;
  auto* table = answer.add_tables_resp();
  table->set_table_id(1);
  auto* bucket = table->add_buckets_resp();
  bucket->set_bucket_id(0);
  bucket->set_high_watermark(high_watermark);
  bucket->set_records(records.data(), records.size());
  return answer;
}

TEST(HotMessages, AFetchAnswerCountsWholeBatchesOnly) {
  const Bytes batch = GenerateBatch({.columns = 2, .rows = 10});
  Bytes records = batch;
  Append(records, ByteView(batch).first(batch.size() - 1));
  const auto fetched = ParseFetchAnswer(Encode(FetchAnswer(records, 500)), Offset(0));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->high_watermark, Offset(500));
  EXPECT_EQ(fetched->next, Offset(10));
  EXPECT_EQ(fetched->records, 10);
  EXPECT_EQ(fetched->bytes, batch.size());
}

TEST(HotMessages, AFetchAnswerWithoutRecordsGoesNowhere) {
  const auto fetched = ParseFetchAnswer(Encode(FetchAnswer({}, 40)), Offset(40));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(fetched->next, Offset(40));
  EXPECT_EQ(fetched->records, 0);
}

TEST(HotMessages, WhatIsNoAnswerIsRefused) {
  const Bytes whole = Encode(FetchAnswer(GenerateBatch({.columns = 2, .rows = 3}), 3));
  for (size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_FALSE(ParseFetchAnswer(ByteView(whole).first(cut), Offset(0)));
  EXPECT_FALSE(ParseProduceAnswer({}));
  Bytes damaged = GenerateBatch({.columns = 2, .rows = 3});
  damaged[12] = 0x77;  // the magic
  EXPECT_FALSE(ParseFetchAnswer(Encode(FetchAnswer(damaged, 3)), Offset(0)));
}

TEST(HotMessages, RecordsInRemoteStorageAreAnError) {
  auto answer = FetchAnswer({}, 40);
  auto* remote =
      answer.mutable_tables_resp(0)->mutable_buckets_resp(0)->mutable_remote_log_fetch_info();
  remote->set_remote_log_tablet_dir("somewhere");
  remote->set_first_start_pos(0);
  const auto fetched = ParseFetchAnswer(Encode(answer), Offset(0));
  ASSERT_FALSE(fetched);
  EXPECT_NE(fetched.error().message.find("remote"), std::string::npos);
}

}  // namespace
}  // namespace strom::client
