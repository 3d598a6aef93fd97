#include "metadata/snapshot_documents.h"

#include <gtest/gtest.h>

namespace strom::metadata {
namespace {

TableBucket Bucket(int64_t table, int32_t bucket) {
  return {TableId(table), std::nullopt, BucketId(bucket)};
}

TEST(SnapshotKeys, AreReadAsTheyAreWritten) {
  const auto handle = ParseSnapshotKey(path::Snapshot(Bucket(7, 2), 5));
  ASSERT_TRUE(handle);
  EXPECT_EQ(handle->bucket, Bucket(7, 2));
  EXPECT_EQ(handle->snapshot_id, 5);
  const auto counter = ParseSnapshotKey(path::SnapshotCounter(Bucket(7, 2)));
  ASSERT_TRUE(counter);
  EXPECT_EQ(counter->bucket, Bucket(7, 2));
  EXPECT_EQ(counter->snapshot_id, std::nullopt);
  for (const std::string_view other :
       {"/tabletservers/tables/7", "/tabletservers/tables/7/buckets/2",
        "/tabletservers/tables/7/buckets/2/leader_isr",
        "/tabletservers/tables/x/buckets/2/snapshots/1",
        "/tabletservers/tables/7/buckets/2/snapshots/1x",
        "/tabletservers/tables/7/buckets/2/snapshots/",
        "/tabletservers/tables/7/buckets/99999999999/snapshots/1", ""}) {
    EXPECT_FALSE(ParseSnapshotKey(other)) << other;
  }
}

SnapshotLease ExampleLease() {
  SnapshotLease lease{Timestamp(1735538268000), {{Bucket(7, 0), 1}, {Bucket(7, 2), 3}}};
  lease.snapshots[{TableId(8), PartitionId(11), BucketId(0)}] = 5;
  return lease;
}

ProducerOffsets ExampleProducer() {
  ProducerOffsets producer{Timestamp(1735538268000), {}};
  producer.tables[TableId(100)][Bucket(100, 1)] = Offset(9);
  producer.tables[TableId(100)][{TableId(100), PartitionId(4), BucketId(0)}] = Offset(10);
  producer.tables[TableId(101)] = {};
  return producer;
}

TEST(SnapshotDocuments, AreReadAsTheyAreWritten) {
  const SnapshotHandle handle{5, Offset(42), "file:///r/kv/snap-5/_METADATA"};
  EXPECT_EQ(ReadSnapshotHandle(WriteSnapshotHandle(handle)), handle);
  EXPECT_EQ(ReadLease(WriteLease(ExampleLease())), ExampleLease());
  EXPECT_EQ(ReadLease(WriteLease({})), SnapshotLease{});
  EXPECT_EQ(ReadProducerOffsets(WriteProducerOffsets(ExampleProducer())), ExampleProducer());
}

// Every prefix, and every document with one byte changed, is read or is an error.
template <class Read>
void ExpectDamageIsNoCrash(const std::string& text, Read read) {
  for (size_t size = 0; size < text.size(); ++size) {
    const auto result = read(text.substr(0, size));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kStorage);
  }
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char with : {'x', '0', '-', '{', '\0'}) {
      std::string changed = text;
      changed[at] = with;
      const auto result = read(changed);
      if (!result) EXPECT_EQ(result.error().code, ErrorCode::kStorage);
    }
  }
}

TEST(SnapshotDocuments, DamageIsAnErrorOfStorage) {
  ExpectDamageIsNoCrash(WriteSnapshotHandle({5, Offset(42), "/r"}), ReadSnapshotHandle);
  ExpectDamageIsNoCrash(WriteLease(ExampleLease()), ReadLease);
  ExpectDamageIsNoCrash(WriteProducerOffsets(ExampleProducer()), ReadProducerOffsets);
  EXPECT_FALSE(
      ReadSnapshotHandle(R"({"version":2,"snapshot_id":1,"log_offset":1,"metadata_path":""})"));
  EXPECT_FALSE(
      ReadSnapshotHandle(R"({"version":1,"snapshot_id":-1,"log_offset":1,"metadata_path":""})"));
  EXPECT_FALSE(ReadLease(R"({"version":1,"expiration_time":1,"tables":[[]]})"));
}

}  // namespace
}  // namespace strom::metadata
