#include "format/batch_heads.h"

#include <gtest/gtest.h>

#include <map>

#include "base/test_vectors.h"
#include "format/arrow_batch_builder.h"
#include "format/filter_read.h"
#include "format/projection.h"

namespace strom::format {
namespace {

constexpr int kBatches = 3;
constexpr int kRows = 2000;
constexpr int64_t kHuge = int64_t{1} << 40;

class KeptHeads : public BatchHeads {
 public:
  ByteView Find(uint64_t position) override {
    const auto found = heads_.find(position);
    return found == heads_.end() ? ByteView() : ByteView(found->second);
  }
  void Keep(uint64_t position, ByteView head) override {
    heads_[position] = Bytes(head.begin(), head.end());
  }
  std::map<uint64_t, Bytes> heads_;
};

Schema TwoColumns() {
  return *ParseSchemaText(
      R"({"version":1,"columns":[{"name":"a","data_type":{"type":"BIGINT"},"id":0},
          {"name":"b","data_type":{"type":"BIGINT"},"id":1}],"highest_field_id":1})");
}

// Batches with `rows` rows each; changelog batches if `changes`.
Bytes MakeRun(const Schema& schema, int rows, bool changes) {
  Bytes run;
  for (int b = 0; b < kBatches; ++b) {
    BatchHeader header;
    header.base_offset = Offset(int64_t{b} * rows);
    header.header_bytes = static_cast<uint32_t>(BatchHeaderBytes(header.magic));
    header.schema_id = SchemaId(1);
    header.attributes = changes ? 0 : 1;
    header.last_offset_delta = rows - 1;
    header.record_count = rows;
    Bytes batch(header.header_bytes);
    if (changes) batch.resize(batch.size() + static_cast<size_t>(rows), 1);
    ArrowBatchBuilder builder({schema.columns[0].type, schema.columns[1].type}, BodyCodec::kNone,
                              3);
    for (int i = 0; i < rows; ++i) {
      const std::vector<Value> row{Value::Int(int64_t{b} * rows + i), Value::Int(i)};
      EXPECT_TRUE(builder.AppendValues(row));
    }
    builder.Finish(batch);
    header.size_bytes = static_cast<uint32_t>(batch.size());
    WriteBatchHeader(batch, header);
    SetBatchCrc(batch, header);
    Append(run, batch);
  }
  return run;
}

Bytes Flat(const ProjectedBytes& out) {
  Bytes flat;
  for (const ByteView range : out.ranges)
    Append(flat, range);
  return flat;
}

PlanFor PlansOf(const Schema& schema, std::vector<int32_t> fields) {
  return [&schema, fields](SchemaId) {
    return ProjectionPlan::Make(schema, fields, LogFormat::kArrow);
  };
}

Bytes Projected(const Schema& schema, ByteView run, BatchHeads* heads) {
  ProjectedBytes out;
  const auto done = ProjectRun(run, heads, PlansOf(schema, {1}), uint64_t{1} << 30, true, out);
  EXPECT_TRUE(done) << done.error().message;
  return Flat(out);
}

void ScrambleHeads(Bytes& run, const KeptHeads& heads) {
  for (const auto& [position, head] : heads.heads_)
    std::fill_n(run.begin() + static_cast<ptrdiff_t>(position), head.size(), uint8_t{0xa5});
}

class BatchHeadsTest : public testing::TestWithParam<bool> {};

TEST_P(BatchHeadsTest, ASecondProjectionReadsNoHead) {
  const Schema schema = TwoColumns();
  Bytes run = MakeRun(schema, kRows, GetParam());
  const Bytes expected = Projected(schema, run, nullptr);
  KeptHeads heads;
  EXPECT_EQ(Projected(schema, run, &heads), expected);
  ASSERT_EQ(heads.heads_.size(), static_cast<size_t>(kBatches));
  if (!GetParam()) {
    // What is stored there is not looked at again.
    ScrambleHeads(run, heads);
    EXPECT_EQ(Projected(schema, run, &heads), expected);
  } else {
    // Many change types leave from where they are stored, whatever becomes of the kept head.
    ProjectedBytes out;
    ASSERT_TRUE(ProjectRun(run, &heads, PlansOf(schema, {1}), uint64_t{1} << 30, true, out));
    heads.heads_.clear();
    EXPECT_EQ(Flat(out), expected);
  }
}
INSTANTIATE_TEST_SUITE_P(ChangelogOrNot, BatchHeadsTest, testing::Bool());

TEST(BatchHeads, SmallBatchesKeepNone) {
  const Schema schema = TwoColumns();
  const Bytes run = MakeRun(schema, 20, false);
  KeptHeads heads;
  Projected(schema, run, &heads);
  EXPECT_TRUE(heads.heads_.empty());
}

TEST(BatchHeads, AFilterKeepsHeadsOfWhatItLeavesOut) {
  const Schema schema = TwoColumns();
  Bytes run = MakeRun(schema, kRows, false);
  // Nothing matches a > 2^40 by what the ranges say.
  const auto filtered = [&](KeptHeads* heads) {
    Predicate predicate;
    predicate.function = LeafFunction::kGreaterThan;
    predicate.column_id = schema.columns[0].id;
    predicate.type = schema.columns[0].type;
    predicate.literals = {Value{kHuge}};
    BatchFilter filter(std::move(predicate), [&](SchemaId) { return &schema; });
    const ColumnRange range{0, Value{int64_t{0}}, Value{int64_t{kBatches} * kRows}};
    ProjectedBytes out;
    const auto done = FilterRun(
        run, heads, filter, [&](uint64_t, size_t) { return &range; }, nullptr, INT32_MAX, out);
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_FALSE(done->kept_any);
    return *done;
  };
  KeptHeads heads;
  const FilteredRun first = filtered(&heads);
  EXPECT_EQ(first.skipped_bytes, run.size());
  ASSERT_EQ(heads.heads_.size(), static_cast<size_t>(kBatches));
  ScrambleHeads(run, heads);
  EXPECT_EQ(filtered(&heads).skipped_bytes, run.size());
}

TEST(BatchHeads, ABatchThatGotShorterIsNotReadBeyondItsRun) {
  const Schema schema = TwoColumns();
  const Bytes run = MakeRun(schema, kRows, false);
  KeptHeads heads;
  Projected(schema, run, &heads);
  ProjectedBytes out;
  const auto done = ProjectRun(ByteView(run).first(run.size() - 1), &heads, PlansOf(schema, {1}),
                               uint64_t{1} << 30, true, out);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->batches, uint64_t{kBatches - 1});
}

}  // namespace
}  // namespace strom::format
