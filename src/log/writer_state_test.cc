#include "log/writer_state.h"

#include <gtest/gtest.h>

namespace strom::log {
namespace {

format::CheckedBatch Batch(int64_t writer, int32_t sequence, int64_t base, int32_t rows = 1) {
  format::CheckedBatch batch{};
  batch.header.writer_id = WriterId(writer);
  batch.header.batch_sequence = sequence;
  batch.header.base_offset = Offset(base);
  batch.header.last_offset_delta = rows - 1;
  batch.header.record_count = rows;
  return batch;
}

std::string Refusal(const WriterStates& states, std::vector<format::CheckedBatch> payload,
                    const TableBucket& bucket) {
  const auto checked = states.Check(payload, Offset(100), bucket);
  return checked ? "accepted" : checked.error().message;
}

const TableBucket kBucket{TableId(3), std::nullopt, BucketId(1)};

TEST(WriterStates, AGapNamesWriterBucketAndBothSequences) {
  WriterStates states;
  states.Record(Batch(7, 0, 0).header);
  EXPECT_EQ(Refusal(states, {Batch(7, 1, 100)}, kBucket), "accepted");
  EXPECT_EQ(Refusal(states, {Batch(7, 2, 100, 4)}, kBucket),
            "Out of order batch sequence for writer 7 at offset 103 in table-bucket "
            "TableBucket{tableId=3, bucket=1} : 2 (incoming batch seq.), 0 (current batch seq.)");
  EXPECT_EQ(Refusal(states, {Batch(8, 1, 100)}, {TableId(3), PartitionId(5), BucketId(1)}),
            "Out of order batch sequence for writer 8 at offset 100 in table-bucket "
            "TableBucket{tableId=3, partitionId=5, bucket=1} : 1 (incoming batch seq.), -1 "
            "(current batch seq.)");
}

TEST(WriterStates, BatchesOfOnePayloadFollowEachOther) {
  WriterStates states;
  EXPECT_EQ(Refusal(states, {Batch(7, 0, 0), Batch(8, 0, 0), Batch(7, 1, 0)}, kBucket), "accepted");
  EXPECT_NE(Refusal(states, {Batch(7, 0, 0), Batch(8, 0, 0), Batch(7, 2, 0)}, kBucket), "accepted");
}

TEST(WriterStates, AGapInTheLogRestartsTheWriter) {
  WriterStates states;
  for (const int32_t sequence : {0, 1, 2, 9})
    states.Record(Batch(7, sequence, sequence).header);
  const WriterBatches& batches = states.writers().at(WriterId(7));
  ASSERT_EQ(batches.all().size(), 1U);
  EXPECT_EQ(batches.newest().sequence, 9);
  EXPECT_EQ(Refusal(states, {Batch(7, 10, 100)}, kBucket), "accepted");
  EXPECT_NE(Refusal(states, {Batch(7, 3, 100)}, kBucket), "accepted");
}

TEST(WriterStates, TheLongestIdleOfTooManyWritersAreForgotten) {
  WriterStates states;
  const auto writers = static_cast<int64_t>(kMaxWritersPerBucket);
  for (int64_t writer = 0; writer < writers; ++writer)
    states.Record(Batch(writer, 0, writer).header);
  EXPECT_EQ(states.size(), kMaxWritersPerBucket);
  states.Record(Batch(0, 1, writers).header);
  states.Record(Batch(writers, 0, writers + 1).header);
  EXPECT_EQ(states.size(), kMaxWritersPerBucket + 1 - (kMaxWritersPerBucket + 1) / 16);
  EXPECT_TRUE(states.writers().contains(WriterId(0)));  // it wrote again just before
  EXPECT_FALSE(states.writers().contains(WriterId(1)));
  EXPECT_TRUE(states.writers().contains(WriterId(writers)));
}

}  // namespace
}  // namespace strom::log
