#include "format/record_walk.h"

#include "format/batch_vectors.h"

namespace strom::format {
namespace {

Parsed<std::vector<RawRecord>> Walk(ByteView records, int32_t count) {
  std::vector<RawRecord> read;
  for (RecordWalk walk(records, count); !walk.done();) {
    const Parsed<RawRecord> record = walk.Next();
    if (!record) return std::unexpected(record.error());
    read.push_back(*record);
  }
  return read;
}

Bytes Framed(std::initializer_list<Bytes> records) {
  Bytes framed;
  for (const Bytes& record : records) {
    AppendLittle(framed, static_cast<int32_t>(record.size()));
    Append(framed, record);
  }
  return framed;
}

TEST(RecordWalkTest, FindsTheRecordsOfIndexedAndCompactedBatches) {
  const std::vector<std::string> names = {"+A", "+I", "-U", "+U", "-D"};
  size_t walked = 0;
  for (const char* file : {"indexed_batches.json", "compacted_batches.json"}) {
    for (const vectors::StoredBatch& batch : vectors::LoadBatches(file)) {
      SCOPED_TRACE(batch.name);
      const BatchHeader header = batch.header();
      const auto records =
          Walk(ByteView(batch.bytes).subspan(header.records_position()), header.record_count);
      ASSERT_TRUE(records) << records.error();
      const auto& expected = batch.expected["records"];
      ASSERT_EQ(records->size(), expected.size());
      size_t bytes = header.records_position();
      for (size_t i = 0; i < records->size(); ++i) {
        const RawRecord& record = (*records)[i];
        EXPECT_EQ(names[static_cast<size_t>(record.change_type)],
                  expected[i]["change"].get<std::string>());
        bytes += 5 + record.row.size();
        ++walked;
      }
      EXPECT_EQ(bytes, header.size_bytes);
    }
  }
  EXPECT_GT(walked, 20U);
}

TEST(RecordWalkTest, AnEmptyRowIsARecord) {
  const Bytes records = Framed({{0}, {4, 0xaa}});
  const auto read = Walk(records, 2);
  ASSERT_TRUE(read);
  EXPECT_TRUE((*read)[0].row.empty());
  EXPECT_EQ((*read)[1].change_type, ChangeType::kDelete);
  EXPECT_EQ(Bytes((*read)[1].row.begin(), (*read)[1].row.end()), Bytes{0xaa});
}

TEST(RecordWalkTest, RecordsHaveToFillTheBatchExactly) {
  const Bytes records = Framed({{0, 1}, {0, 2}});
  EXPECT_TRUE(Walk(records, 2));
  EXPECT_FALSE(Walk(records, 1));
  EXPECT_FALSE(Walk(records, 3));
  for (size_t size = 0; size < records.size(); ++size) {
    const Bytes cut(records.begin(), records.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(Walk(cut, 2)) << size;
  }
}

TEST(RecordWalkTest, HostileLengthsStopTheWalk) {
  for (const int32_t length : {0, -1, INT32_MIN, INT32_MAX, 3}) {
    Bytes records = Framed({{0, 1}});
    StoreLittle(records.data(), length);
    RecordWalk walk(records, INT32_MAX);
    EXPECT_FALSE(walk.Next()) << length;
    EXPECT_TRUE(walk.done());
  }
}

TEST(RecordWalkTest, UnknownChangeTypesStopTheWalk) {
  EXPECT_FALSE(Walk(Framed({{5, 1}}), 1));
  EXPECT_FALSE(Walk(Framed({{0x10, 1}}), 1));
}

}  // namespace
}  // namespace strom::format
