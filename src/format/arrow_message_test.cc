#include "format/arrow_message.h"

#include <random>

#include "format/batch_vectors.h"

namespace strom::format {
namespace {

std::vector<ArrowNode> NodesOf(const ArrowMessageView& message) {
  std::vector<ArrowNode> nodes;
  for (size_t i = 0; i < message.node_count(); ++i)
    nodes.push_back(message.node(i));
  return nodes;
}

std::vector<ArrowBuffer> BuffersOf(const ArrowMessageView& message) {
  std::vector<ArrowBuffer> buffers;
  for (size_t i = 0; i < message.buffer_count(); ++i)
    buffers.push_back(message.buffer(i));
  return buffers;
}

// Metadata as we write it, and the body behind it.
Bytes Rewrite(const ArrowMessageView& message) {
  Bytes out(ArrowMessageBytes(message.node_count(), message.buffer_count(), message.codec()), 0xee);
  ArrowMessageWriter writer(out.data(), message.node_count(), message.buffer_count(),
                            message.codec(), message.row_count());
  for (const ArrowNode& node : NodesOf(message))
    writer.AddNode(node);
  for (const ArrowBuffer& buffer : BuffersOf(message))
    writer.AddBuffer(buffer);
  writer.Finish(message.body_length());
  Append(out, message.body());
  return out;
}

ByteView PayloadOf(const vectors::StoredBatch& batch) {
  const BatchHeader header = batch.header();
  const size_t change_types = header.append_only() ? 0 : static_cast<size_t>(header.record_count);
  return ByteView(batch.bytes).subspan(header.records_position() + change_types);
}

std::vector<vectors::StoredBatch> ArrowBatches() {
  std::vector<vectors::StoredBatch> batches = vectors::LoadAllBatches();
  std::erase_if(batches, [](const vectors::StoredBatch& batch) {
    return batch.log_format != LogFormat::kArrow || batch.header().record_count == 0;
  });
  return batches;
}

TEST(ArrowMessageTest, ReadsTheExampleOfTheFormat) {
  for (const vectors::StoredBatch& batch : vectors::LoadBatches("arrow_types.json")) {
    if (batch.name != "arrow_types.json type_c_int at 0") continue;
    const auto message = ReadArrowMessage(PayloadOf(batch));
    ASSERT_TRUE(message) << message.error();
    EXPECT_EQ(message->row_count(), 4);
    EXPECT_EQ(message->body_length(), 24);
    EXPECT_EQ(message->codec(), BodyCodec::kNone);
    EXPECT_EQ(NodesOf(*message), (std::vector<ArrowNode>{{4, 1}}));
    EXPECT_EQ(BuffersOf(*message), (std::vector<ArrowBuffer>{{0, 1}, {8, 16}}));
    EXPECT_EQ(message->body()[0], 0x0d);
    return;
  }
  FAIL() << "type_c_int is missing";
}

TEST(ArrowMessageTest, ReadsTheCodecThatTheWriterUsed) {
  std::map<BodyCodec, int> seen;
  for (const auto& vector : vectors::Load("log/arrow_compression.json")["vectors"]) {
    const auto name = vector["compression"].get<std::string>();
    const Bytes all = vectors::Hex(vector["hex"]);
    const auto records = ReadArrowRecords(all, *ReadBatchHeader(all));
    ASSERT_TRUE(records) << records.error();
    const BodyCodec expected = name == "NONE"        ? BodyCodec::kNone
                               : name == "LZ4_FRAME" ? BodyCodec::kLz4Frame
                                                     : BodyCodec::kZstd;
    EXPECT_EQ(records->message.codec(), expected) << name;
    ++seen[expected];
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST(ArrowMessageTest, RowsAndBodyOfEveryVectorFitItsHeader) {
  for (const vectors::StoredBatch& batch : ArrowBatches()) {
    SCOPED_TRACE(batch.name);
    const BatchHeader header = batch.header();
    const auto records = ReadArrowRecords(batch.bytes, header);
    ASSERT_TRUE(records) << records.error();
    EXPECT_EQ(records->message.row_count(), header.record_count);
    EXPECT_EQ(static_cast<size_t>(records->message.body_length()), records->message.body().size());
    EXPECT_EQ(records->change_types.size(),
              header.append_only() ? 0U : static_cast<size_t>(header.record_count));
  }
}

TEST(ArrowMessageTest, WhatIsWrittenReadsBackAndIsNoLongerThanTheOriginal) {
  for (const vectors::StoredBatch& batch : ArrowBatches()) {
    SCOPED_TRACE(batch.name);
    const auto message = ReadArrowMessage(PayloadOf(batch));
    ASSERT_TRUE(message) << message.error();
    const Bytes written = Rewrite(*message);
    EXPECT_LE(written.size(), PayloadOf(batch).size());
    const auto again = ReadArrowMessage(written);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(again->row_count(), message->row_count());
    EXPECT_EQ(again->body_length(), message->body_length());
    EXPECT_EQ(again->codec(), message->codec());
    EXPECT_EQ(NodesOf(*again), NodesOf(*message));
    EXPECT_EQ(BuffersOf(*again), BuffersOf(*message));
    EXPECT_TRUE(std::ranges::equal(again->body(), message->body()));
  }
}

TEST(ArrowMessageTest, WritesTheSameBytesEveryTime) {
  // Readers of Arrow C++, Java and Rust were tried with exactly these.
  Bytes out(ArrowMessageBytes(1, 2, BodyCodec::kZstd), 0xee);
  ArrowMessageWriter writer(out.data(), 1, 2, BodyCodec::kZstd, 3);
  writer.AddNode({3, 1});
  writer.AddBuffer({0, 9});
  writer.AddBuffer({16, 20});
  writer.Finish(40);
  EXPECT_EQ(ToHex(out),
            "ffffffff98000000"
            "140000000c001400100012000c0004000000000010000000"
            "28000000000000001400000004000300"
            "0c00180004000c00100014000c000000"
            "03000000000000001c000000300000000c000000"
            "0800060004000500080000000100000001000000"
            "03000000000000000100000000000000"
            "0000000002000000"
            "00000000000000000900000000000000"
            "10000000000000001400000000000000");
}

TEST(ArrowMessageTest, ChangeTypesHaveToFitTheBatch) {
  for (const vectors::StoredBatch& batch : vectors::LoadBatches("arrow_cdc.json")) {
    BatchHeader header = batch.header();
    if (header.record_count == 0) continue;
    for (const int32_t count :
         {-1, INT32_MIN, INT32_MAX, static_cast<int32_t>(header.size_bytes)}) {
      header.record_count = count;
      EXPECT_FALSE(ReadArrowRecords(batch.bytes, header)) << count;
    }
  }
}

// Anything may stand in the metadata. What the reader then offers has to be readable: the sanitizer
// watches, the sum keeps the reads.
TEST(ArrowMessageTest, DamagedMetadataIsRefusedOrReadWithinItsBounds) {
  std::mt19937_64 random(20261);
  size_t refused = 0;
  int64_t sum = 0;
  for (const vectors::StoredBatch& batch : ArrowBatches()) {
    const ByteView payload = PayloadOf(batch);
    const size_t metadata_end = payload.size() - ReadArrowMessage(payload)->body().size();
    for (int round = 0; round < 300; ++round) {
      Bytes damaged(payload.begin(), payload.end());
      for (int flips = 1 + static_cast<int>(random() % 3); flips > 0; --flips) {
        const size_t at = random() % metadata_end;
        damaged[at] = random() % 2 == 0 ? static_cast<uint8_t>(random())
                                        : damaged[at] ^ static_cast<uint8_t>(1 << (random() % 8));
      }
      if (random() % 4 == 0) damaged.resize(random() % damaged.size());
      damaged.shrink_to_fit();
      const auto message = ReadArrowMessage(damaged);
      if (!message) {
        ++refused;
        continue;
      }
      for (const ArrowNode& node : NodesOf(*message))
        sum ^= node.length ^ node.null_count;
      for (const ArrowBuffer& buffer : BuffersOf(*message))
        sum ^= buffer.offset ^ buffer.length;
      EXPECT_LE(message->body().size(), damaged.size());
    }
  }
  EXPECT_GT(refused, 1000U) << sum;
}

}  // namespace
}  // namespace strom::format
