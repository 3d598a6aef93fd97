#include "format/batch_check.h"

#include "base/test_vectors.h"
#include "format/batch_vectors.h"

namespace strom::format {
namespace {

using vectors::Json;

void FixCrc(Bytes& batch) {
  const auto header = ReadBatchHeader(batch);
  if (!header || header->size_bytes > batch.size()) return;
  const size_t at = header->magic == 2 ? 25 : 21;
  const ByteView whole = ByteView(batch).first(header->size_bytes);
  StoreLittle(batch.data() + at, ComputeBatchCrc(whole, *header));
}

TEST(BatchCheck, EverySoundAppendOnlyBatchPasses) {
  size_t passed = 0;
  for (vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    if (!batch.header().append_only()) continue;
    const auto rules = vectors::RulesOf(batch.log_format, batch.schema);
    const auto checked = SplitAndCheck(batch.bytes, rules);
    EXPECT_TRUE(checked) << batch.name << ": " << (checked ? "" : checked.error().message);
    if (checked) EXPECT_EQ(checked->size(), 1U);
    ++passed;
  }
  EXPECT_GT(passed, 60U);
}

TEST(BatchCheck, ChangelogBatchesAreSoundButNotForProduceLog) {
  size_t changelogs = 0;
  for (vectors::StoredBatch& batch : vectors::LoadBatches("arrow_cdc.json")) {
    const BatchHeader header = batch.header();
    if (header.append_only()) continue;
    const SchemaShape shape = SchemaShape::Make(*batch.schema);
    const auto sound = CheckBatchStructure(batch.bytes, header, batch.log_format, shape);
    EXPECT_TRUE(sound) << batch.name << ": " << (sound ? "" : sound.error());
    const auto rules = vectors::RulesOf(batch.log_format, batch.schema);
    EXPECT_EQ(SplitAndCheck(batch.bytes, rules).error().code, ErrorCode::kCorruptRecord);
    ++changelogs;
  }
  EXPECT_GT(changelogs, 3U);
}

TEST(BatchCheck, HeadersAndRecordCountsMatchTheVectors) {
  for (const vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    // Their values are compared elsewhere; here it is headers, CRC and structure.
    const BatchHeader header = batch.header();
    const Json& stated = batch.expected["header"];
    EXPECT_EQ(header.base_offset.value, stated["base_offset"].get<int64_t>()) << batch.name;
    EXPECT_EQ(header.magic, stated["magic"].get<int>()) << batch.name;
    EXPECT_EQ(header.crc, stated["crc"].get<uint32_t>()) << batch.name;
    EXPECT_EQ(header.record_count, stated["record_count"].get<int>()) << batch.name;
    EXPECT_EQ(header.last_offset_delta, stated["last_offset_delta"].get<int>()) << batch.name;
    EXPECT_TRUE(BatchCrcFits(batch.bytes, header)) << batch.name;
    EXPECT_TRUE(CheckBatchStructure(batch.bytes, header, batch.log_format,
                                    SchemaShape::Make(*batch.schema)))
        << batch.name;
  }
}

TEST(BatchCheck, HostileBatchesGetTheRecommendedAnswer) {
  VectorReport report("log/malformed.json");
  const Json document = vectors::Load("log/malformed.json");
  const auto base = std::make_shared<const Schema>(vectors::SchemaOf(document["schema_of_base"]));
  const auto wide =
      std::make_shared<const Schema>(vectors::SchemaOf(document["schema_of_statistics_base"]));
  for (const Json& vector : document["vectors"]) {
    const std::string name = vector["name"];
    SCOPED_TRACE(name);
    const std::string expect = vector["expect"];
    Bytes bytes = vectors::Hex(vector["hex"]);
    const bool statistics = name.starts_with("statistics_");
    auto rules = vectors::RulesOf(LogFormat::kArrow, statistics ? wide : base);
    const auto checked = SplitAndCheck(bytes, rules);
    if (expect.starts_with("accept")) {
      EXPECT_TRUE(checked) << (checked ? "" : checked.error().message);
    } else if (expect.find("(9)") != std::string::npos) {
      ASSERT_FALSE(checked);
      EXPECT_EQ(checked.error().code, ErrorCode::kSchemaNotExist);
    } else {
      ASSERT_FALSE(checked);
      EXPECT_EQ(checked.error().code, ErrorCode::kCorruptRecord) << checked.error().message;
    }
    report.CaseDone(name);
  }
}

TEST(BatchCheck, DamagedHeadersAreRefusedAndPartsToo) {
  const Json document = vectors::Load("log/batch_header.json");
  const auto sound = vectors::LoadBatches("batch_header.json");
  const auto rules = vectors::RulesOf(LogFormat::kArrow, sound.front().schema);
  size_t checked = 0;
  for (const Json& vector : document["malformed"]) {
    Bytes bytes = vectors::Hex(vector["hex"]);
    const auto result = SplitAndCheck(bytes, rules);
    ASSERT_FALSE(result) << vector["name"];
    EXPECT_EQ(result.error().code, ErrorCode::kCorruptRecord) << vector["name"];
    ++checked;
  }
  EXPECT_EQ(checked, 6U);
}

TEST(BatchCheck, ProduceLogToAPrimaryKeyTableIsRefused) {
  auto batches = vectors::LoadBatches("arrow_types.json");
  BatchRules rules = vectors::RulesOf(LogFormat::kArrow, batches.front().schema);
  rules.has_primary_key = true;
  EXPECT_EQ(SplitAndCheck(batches.front().bytes, rules).error().code, ErrorCode::kInvalidTable);
  Bytes none;
  EXPECT_TRUE(
      SplitAndCheck(none, vectors::RulesOf(LogFormat::kArrow, batches.front().schema))->empty());
}

TEST(BatchCheck, RandomDamageWithAFittingCrcNeverLeadsOutside) {
  uint64_t state = 11;
  const auto random = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 33;
  };
  size_t accepted = 0;
  size_t refused = 0;
  for (vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    const auto rules = vectors::RulesOf(batch.log_format, batch.schema);
    for (int round = 0; round < 100; ++round) {
      Bytes bytes = batch.bytes;
      for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
        bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
      }
      if (random() % 4 == 0) bytes.resize(random() % bytes.size());
      FixCrc(bytes);
      (SplitAndCheck(bytes, rules) ? accepted : refused) += 1;
    }
  }
  EXPECT_GT(accepted, 0U);
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace strom::format
