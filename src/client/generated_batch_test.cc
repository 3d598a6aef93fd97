#include "client/generated_batch.h"

#include <gtest/gtest.h>

#include "format/batch_check.h"
#include "format/table_descriptor.h"

namespace strom::client {
namespace {

class GeneratedBatchTest : public ::testing::TestWithParam<int> {};

TEST_P(GeneratedBatchTest, PassesTheChecksOfAServerForItsTable) {
  const int columns = GetParam();
  const auto descriptor = format::ParseTableDescriptor(GeneratedTable(columns, 3));
  ASSERT_TRUE(descriptor) << descriptor.error().message;
  EXPECT_EQ(descriptor->schema.columns.size(), static_cast<size_t>(columns));
  EXPECT_EQ(descriptor->bucket_count, 3);
  const auto schema = std::make_shared<const format::Schema>(descriptor->schema);
  const auto rules =
      format::BatchRules::Make(format::LogFormat::kArrow, false, {{SchemaId(4), schema}});
  for (const int rows : {1, 7, 1000}) {
    Bytes batch = GenerateBatch({.columns = columns, .rows = rows, .schema = SchemaId(4)});
    const auto checked = format::SplitAndCheck(batch, rules);
    ASSERT_TRUE(checked) << checked.error().message;
    ASSERT_EQ(checked->size(), 1U);
    EXPECT_EQ(checked->front().header.record_count, rows);
    EXPECT_EQ(checked->front().header.size_bytes, batch.size());
  }
}

TEST_P(GeneratedBatchTest, HasAboutTheBytesThatWereWanted) {
  for (const size_t wanted : {size_t{20'000}, size_t{1} << 20}) {
    const int rows = RowsForBytes(GetParam(), wanted);
    const size_t bytes = GenerateBatch({.columns = GetParam(), .rows = rows}).size();
    EXPECT_NEAR(static_cast<double>(bytes), static_cast<double>(wanted),
                0.05 * static_cast<double>(wanted));
  }
  EXPECT_EQ(RowsForBytes(GetParam(), 1), 1);
}

INSTANTIATE_TEST_SUITE_P(Columns, GeneratedBatchTest, ::testing::Values(1, 2, 20));

}  // namespace
}  // namespace strom::client
