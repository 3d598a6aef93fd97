#include "format/batch_values.h"

#include "base/test_vectors.h"
#include "format/batch_vectors.h"

namespace strom::format {
namespace {

using vectors::Json;

std::string_view ShortName(ChangeType type) {
  constexpr std::string_view kNames[] = {"+A", "+I", "-U", "+U", "-D"};
  return kNames[static_cast<size_t>(type)];
}

void ExpectRecord(const DecodedRecord& record, const Json& stated, const Schema& schema) {
  EXPECT_EQ(record.offset.value, stated["offset"].get<int64_t>());
  EXPECT_EQ(ShortName(record.change_type), stated["change"].get<std::string>());
  ASSERT_EQ(record.row.size(), stated["row"].size());
  for (size_t c = 0; c < record.row.size(); ++c) {
    const DataType& type = schema.columns[c].type;
    EXPECT_EQ(record.row[c], vectors::FromLog(stated["row"][c], type))
        << schema.columns[c].name << ": " << ToText(record.row[c], type);
  }
}

class BatchValues : public ::testing::TestWithParam<const char*> {};

TEST_P(BatchValues, DecodeToTheStatedValues) {
  VectorReport report(std::string("log/") + GetParam());
  for (const vectors::StoredBatch& batch : vectors::LoadBatches(GetParam())) {
    SCOPED_TRACE(batch.name);
    const auto records = DecodeBatch(batch.bytes, *batch.schema, batch.log_format);
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_EQ(records->size(), batch.expected["header"]["record_count"].get<size_t>());
    const Json& stated = batch.expected["records"];
    if (!batch.expected.contains("records_omitted")) EXPECT_EQ(records->size(), stated.size());
    for (const Json& record : stated) {
      const auto at = record["offset"].get<int64_t>() - batch.header().base_offset.value;
      ASSERT_LT(static_cast<size_t>(at), records->size());
      ExpectRecord((*records)[static_cast<size_t>(at)], record, *batch.schema);
    }
    report.CaseDone(batch.name);
  }
}

INSTANTIATE_TEST_SUITE_P(AllFiles, BatchValues,
                         ::testing::Values("arrow_types.json", "arrow_compression.json",
                                           "arrow_nested.json", "arrow_cdc.json",
                                           "arrow_rust_client.json", "arrow_statistics.json",
                                           "indexed_batches.json", "compacted_batches.json"));

TEST(BatchValues, OffsetsThatLeave63BitsAreRefused) {
  for (const vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    if (batch.header().record_count < 2) continue;
    Bytes bytes = batch.bytes;
    BatchHeader header = batch.header();
    header.base_offset = Offset(std::numeric_limits<int64_t>::max() - 1);
    header.last_offset_delta = 0;
    WriteBatchHeader(bytes, header);
    const auto records = DecodeBatch(bytes, *batch.schema, batch.log_format);
    ASSERT_FALSE(records);
    EXPECT_EQ(records.error().code, ErrorCode::kCorruptRecord);
  }
}

TEST(BatchValues, DamageIsAnErrorNotACrash) {
  uint64_t state = 5;
  const auto random = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 33;
  };
  size_t decoded = 0;
  size_t refused = 0;
  for (const vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    for (int round = 0; round < 60; ++round) {
      Bytes bytes = batch.bytes;
      for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
        bytes[48 + random() % (bytes.size() - 47) - 1] = static_cast<uint8_t>(random());
      }
      (DecodeBatch(bytes, *batch.schema, batch.log_format) ? decoded : refused) += 1;
    }
  }
  EXPECT_GT(decoded, 100U);
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace strom::format
