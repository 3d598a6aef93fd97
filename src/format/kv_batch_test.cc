#include "format/kv_batch.h"

#include <random>

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/row_check.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

Result<std::vector<KvRecord>> RecordsOf(ByteView bytes) {
  STROM_TRY(const KvBatch batch, ParseKvBatch(bytes));
  std::vector<KvRecord> records;
  KvRecordWalk walk(batch);
  while (!walk.done()) {
    STROM_TRY(const KvRecord record, walk.Next());
    records.push_back(record);
  }
  return records;
}

RowFormat FormatOf(const Json& name) {
  return name == "INDEXED" ? RowFormat::kIndexed : RowFormat::kCompacted;
}

void CheckHeader(const Json& test, const KvBatch& batch) {
  EXPECT_EQ(batch.schema_id, SchemaId(test["schema_id"].get<int32_t>()));
  EXPECT_EQ(batch.writer_id, WriterId(std::stoll(test["writer_id"].get<std::string>())));
  EXPECT_EQ(batch.batch_sequence, test["batch_sequence"].get<int32_t>());
  EXPECT_EQ(batch.record_count, test["record_count"].get<int32_t>());
  EXPECT_EQ(batch.bytes.size(), test["size_in_bytes"].get<size_t>());
  EXPECT_EQ(fmt::format("{:08x}", LoadLittle<uint32_t>(batch.bytes.data() + 5)),
            test["crc32c"].get<std::string>());
}

void CheckRecord(const Json& stated, const KvRecord& record, RowFormat format, RowType types) {
  EXPECT_EQ(ToHex(record.key), stated["key"].get<std::string>());
  EXPECT_EQ(record.is_delete(), stated["op"] == "delete");
  if (stated["op"] == "delete") return;
  EXPECT_EQ(ToHex(record.row), stated["row"].get<std::string>());
  EXPECT_TRUE(CheckRow(format, record.row, types));
  Row values;
  for (size_t i = 0; i < types.size(); ++i)
    values.push_back(vectors::FromKv(stated["row_values"][i], types[i]));
  EXPECT_EQ(DecodeRow(format, record.row, types).value(), values);
}

void CheckBatch(const Json& test) {
  const Bytes bytes = vectors::Hex(test["batch"]);
  const auto batch = ParseKvBatch(bytes);
  ASSERT_TRUE(batch) << batch.error().message;
  CheckHeader(test, *batch);
  const auto schema = ParseSchema(test["schema"]);
  ASSERT_TRUE(schema);
  const auto types = FieldTypes(*schema);
  KvRecordWalk walk(*batch);
  KvBatchBuilder builder;
  for (const Json& stated : test["records"]) {
    ASSERT_FALSE(walk.done());
    const auto record = walk.Next();
    ASSERT_TRUE(record) << record.error().message;
    CheckRecord(stated, *record, FormatOf(test["kv_format"]), types);
    record->is_delete() ? builder.Delete(record->key) : builder.Add(record->key, record->row);
  }
  EXPECT_TRUE(walk.done());
  EXPECT_EQ(builder.size_bytes(), bytes.size());
  EXPECT_EQ(ToHex(builder.Finish(batch->schema_id, batch->writer_id, batch->batch_sequence)),
            ToHex(bytes));
}

TEST(KvBatchVectors, ParseToTheStatedRecordsAndAreBuiltAgain) {
  VectorReport report("kv/kv-record-batch.json");
  size_t cases = 0;
  for (const Json& test : vectors::Load("kv/kv-record-batch.json")["cases"]) {
    SCOPED_TRACE(test["name"].get<std::string>());
    CheckBatch(test);
    report.CaseDone(test["name"]);
    ++cases;
  }
  EXPECT_EQ(cases, 10U);
}

// What the server makes of a batch of a table whose only schema is `schema`.
Status AcceptBatch(ByteView bytes, const Schema& schema, SchemaId schema_id) {
  STROM_TRY(const KvBatch batch, ParseKvBatch(bytes));
  if (batch.schema_id != schema_id) {
    return Fail(ErrorCode::kSchemaNotExist, "There is no schema {}.", batch.schema_id);
  }
  STROM_TRY(const auto records, RecordsOf(bytes));
  for (const KvRecord& record : records) {
    if (record.is_delete()) continue;
    STROM_TRY_VOID(CheckRow(RowFormat::kCompacted, record.row, FieldTypes(schema)));
  }
  return {};
}

TEST(KvBatchVectors, MalformedBatchesHaveTheErrorOfACarefulServer) {
  VectorReport report("kv/kv-record-batch-malformed.json");
  const auto document = vectors::Load("kv/kv-record-batch-malformed.json");
  const Schema schema = ParseSchema(document["schema"]).value();
  const SchemaId schema_id(document["schema_id"].get<int32_t>());
  size_t cases = 0;
  for (const Json& test : document["cases"]) {
    const std::string name = test["name"];
    SCOPED_TRACE(name);
    const Status status = AcceptBatch(vectors::Hex(test["batch"]), schema, schema_id);
    const std::string expected = test["expected_of_careful_server"];
    const std::string code =
        status ? "accept" : fmt::format("({})", static_cast<int>(status.error().code));
    EXPECT_NE(expected.find(code), std::string::npos) << code << " instead of " << expected;
    // Trailing bytes may be accepted too; we refuse them.
    if (name.find("trailing") != std::string::npos) EXPECT_EQ(code, "(3)");
    report.CaseDone(name);
    ++cases;
  }
  EXPECT_EQ(cases, 23U);
}

Bytes SmallBatch() {
  KvBatchBuilder builder;
  builder.Add(*FromHex("01"), *FromHex("000161"));
  builder.Delete(*FromHex("8002"));
  builder.Add(Bytes(200, 'k'), Bytes(300, 'r'));
  return builder.Finish(SchemaId(7), WriterId(12), 3);
}

TEST(KvBatch, EveryTruncationIsDamaged) {
  const Bytes batch = SmallBatch();
  for (size_t size = 0; size < batch.size(); ++size) {
    // A copy of its own, so that a sanitizer sees reads behind the end.
    const Bytes cut(batch.begin(), batch.begin() + static_cast<ptrdiff_t>(size));
    const auto parsed = ParseKvBatch(cut);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::kCorruptMessage);
  }
}

// Whoever makes a batch wrongly also makes a CRC that fits.
Bytes WithLengthAndCrc(Bytes batch) {
  StoreLittle(batch.data(), static_cast<int32_t>(batch.size() - kKvBatchLengthBytes));
  SetKvBatchCrc(batch);
  return batch;
}

TEST(KvBatch, EveryTruncationWithAFittingChecksumIsACorruptRecord) {
  const Bytes batch = SmallBatch();
  for (size_t size = kKvBatchHeaderBytes; size < batch.size(); ++size) {
    const Bytes cut =
        WithLengthAndCrc({batch.begin(), batch.begin() + static_cast<ptrdiff_t>(size)});
    const auto records = RecordsOf(cut);
    ASSERT_FALSE(records) << size;
    EXPECT_EQ(records.error().code, ErrorCode::kCorruptRecord);
  }
}

TEST(KvBatch, EveryFlippedBitBehindTheMagicIsDamaged) {
  const Bytes batch = SmallBatch();
  for (size_t bit = 0; bit < batch.size() * 8; ++bit) {
    Bytes flipped = batch;
    flipped[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    const auto parsed = ParseKvBatch(flipped);
    ASSERT_FALSE(parsed) << bit;
    EXPECT_EQ(parsed.error().code, ErrorCode::kCorruptMessage);
  }
}

TEST(KvBatch, RefusesOverlongLengthsOfKeys) {
  for (const char* record : {
           "04000000"
           "81006100",  // 1 in two bytes
           "07000000"
           "81808080006161",  // 1 in five
           "07000000"
           "818080801061aa",  // more than 32 bits
       }) {
    Bytes batch(kKvBatchHeaderBytes, 0);
    Append(batch, *FromHex(record));
    StoreLittle(batch.data() + 24, int32_t{1});
    const auto records = RecordsOf(WithLengthAndCrc(batch));
    ASSERT_FALSE(records);
    EXPECT_EQ(records.error().code, ErrorCode::kCorruptRecord);
    EXPECT_NE(records.error().message.find("Record 0 of the KV batch"), std::string::npos);
  }
}

TEST(KvBatch, ABatchWithoutRecordsHasNoBytesForThem) {
  KvBatchBuilder builder;
  Bytes batch = builder.Finish(SchemaId(1));
  ASSERT_TRUE(ParseKvBatch(batch));
  EXPECT_FALSE(ParseKvBatch(batch)->idempotent());
  batch.push_back(0);
  EXPECT_EQ(ParseKvBatch(WithLengthAndCrc(batch)).error().code, ErrorCode::kCorruptRecord);
}

TEST(KvBatch, SurvivesMutatedRecords) {
  std::mt19937 random(5);
  const Bytes original = SmallBatch();
  size_t accepted = 0;
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes batch = original;
    for (int change = static_cast<int>(random() % 3); change >= 0; --change) {
      batch[kKvBatchHeaderBytes + random() % (batch.size() - kKvBatchHeaderBytes)] =
          static_cast<uint8_t>(random());
    }
    SetKvBatchCrc(batch);
    ++(RecordsOf(batch) ? accepted : refused);
  }
  EXPECT_GT(accepted, 100U);
  EXPECT_GT(refused, 100U);
}

TEST(KvBatchBuilder, StartsAnewAfterABatch) {
  KvBatchBuilder builder;
  builder.Delete(*FromHex("01"));
  const Bytes first = builder.Finish(SchemaId(1));
  EXPECT_EQ(builder.record_count(), 0);
  builder.Delete(*FromHex("01"));
  EXPECT_EQ(builder.Finish(SchemaId(1)), first);
}

}  // namespace
}  // namespace strom::format
