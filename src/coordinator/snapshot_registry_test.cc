#include "coordinator/snapshot_registry.h"

#include <gtest/gtest.h>

#include "coordinator/test_coordinator.h"
#include "runtime/test_runtime.h"

namespace strom::coordinator {
namespace {

using metadata::SnapshotHandle;

constexpr const char* kKeyedTable =
    R"({"version":1,"schema":{"version":1,"columns":[)"
    R"({"name":"a","data_type":{"type":"INTEGER","nullable":false},"id":0},)"
    R"({"name":"b","data_type":{"type":"STRING"},"id":1}],"primary_key":["a"],"highest_field_id":1},)"
    R"("partition_key":[],"bucket_key":["a"],"bucket_count":2,"properties":{},"custom_properties":{}})";

const TablePath kKeyed{"fluss", "keyed"};

TableBucket Bucket(int32_t bucket, int64_t table = 0) {
  return {TableId(table), std::nullopt, BucketId(bucket)};
}

std::vector<int64_t> Ids(const SnapshotRegistry& registry, int32_t bucket = 0) {
  std::vector<int64_t> ids;
  for (const SnapshotHandle& handle : registry.Of(Bucket(bucket)))
    ids.push_back(handle.id);
  return ids;
}

// Registers the next snapshot of a bucket; its id, or -1.
runtime::Task<int64_t> Take(Coordinator& coordinator, int32_t bucket = 0) {
  const int64_t id = coordinator.snapshots().TakeId(Bucket(bucket));
  const auto kept = co_await coordinator.snapshots().Register(
      Bucket(bucket), {id, Offset(10 * id + 10), fmt::format("/r/snap-{}/_METADATA", id)});
  co_return kept ? id : -1;
}

// Runs on a coordinator that has the table `fluss.keyed` with id 0.
void WithTable(std::function<runtime::Task<void>(metadata::TestDisk&, TestCoordinator&)> body) {
  runtime::RunOnShard([&]() -> runtime::Task<void> {
    metadata::TestDisk disk;
    auto life = co_await TestCoordinator::Start(disk);
    EXPECT_TRUE(life);
    EXPECT_TRUE(co_await (*life)->CreateTable(kKeyed, kKeyedTable, false));
    co_await body(disk, *life);
    if (life->coordinator) co_await (*life)->Stop();
  });
}

// Ends this life and begins another on the same disk.
runtime::Task<void> Restart(metadata::TestDisk& disk, TestCoordinator& life) {
  co_await life->Stop();
  life.coordinator.reset();
  life.store.reset();
  auto next = co_await TestCoordinator::Start(disk);
  EXPECT_TRUE(next);
  life = std::move(*next);
}

TEST(SnapshotRegistry, TheNewestTwoStayAndIdsAreNeverGivenTwice) {
  WithTable([](metadata::TestDisk& disk, TestCoordinator& life) -> runtime::Task<void> {
    for (int64_t id = 0; id < 4; ++id)
      EXPECT_EQ(co_await Take(*life.coordinator), id);
    EXPECT_EQ(Ids(life->snapshots()), (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(co_await Take(*life.coordinator, 1), 0);
    co_await Restart(disk, life);
    EXPECT_EQ(Ids(life->snapshots()), (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(life->snapshots().Of(Bucket(0)).back(),
              (SnapshotHandle{3, Offset(40), "/r/snap-3/_METADATA"}));
    EXPECT_EQ(Ids(life->snapshots(), 1), std::vector<int64_t>{0});
    EXPECT_TRUE(co_await life->snapshots().Unregister(Bucket(0), 3));
    co_await Restart(disk, life);
    EXPECT_EQ(Ids(life->snapshots()), std::vector<int64_t>{2});
    EXPECT_EQ(co_await Take(*life.coordinator), 4);
  });
}

TEST(SnapshotRegistry, ALeasedSnapshotStaysUntilEveryLeaseEnds) {
  WithTable([](metadata::TestDisk& disk, TestCoordinator& life) -> runtime::Task<void> {
    (void)co_await Take(*life.coordinator);
    for (const std::string id : {"job-1", "job-2"}) {
      const auto missing =
          co_await life->snapshots().AcquireLease(id, 60'000, {{Bucket(0), 0}, {Bucket(1), 7}});
      EXPECT_TRUE(missing);
      EXPECT_EQ(*missing, (SnapshotRegistry::BucketSnapshots{{Bucket(1), 7}}));
    }
    for (int i = 0; i < 3; ++i)
      (void)co_await Take(*life.coordinator);
    EXPECT_EQ(Ids(life->snapshots()), (std::vector<int64_t>{0, 2, 3}));
    EXPECT_TRUE(co_await life->snapshots().ReleaseLease("job-1", {Bucket(0)}));
    EXPECT_EQ(life->snapshots().lease_count(), 1U);
    co_await Restart(disk, life);
    (void)co_await Take(*life.coordinator);
    EXPECT_EQ(Ids(life->snapshots()), (std::vector<int64_t>{0, 3, 4}));
    EXPECT_TRUE(co_await life->snapshots().DropLease("job-2"));
    EXPECT_TRUE(co_await life->snapshots().DropLease("job-2"));
    (void)co_await Take(*life.coordinator);
    EXPECT_EQ(Ids(life->snapshots()), (std::vector<int64_t>{4, 5}));
  });
}

TEST(SnapshotRegistry, ANewSnapshotOfABucketTakesThePlaceOfTheOldInALease) {
  WithTable([](metadata::TestDisk&, TestCoordinator& life) -> runtime::Task<void> {
    (void)co_await Take(*life.coordinator);
    EXPECT_TRUE(co_await life->snapshots().AcquireLease("job", 60'000, {{Bucket(0), 0}}));
    (void)co_await Take(*life.coordinator);
    EXPECT_TRUE(co_await life->snapshots().AcquireLease("job", 60'000, {{Bucket(0), 1}}));
    for (int i = 0; i < 3; ++i)
      (void)co_await Take(*life.coordinator);
    EXPECT_EQ(Ids(life->snapshots()), (std::vector<int64_t>{1, 3, 4}));
  });
}

TEST(SnapshotRegistry, LeasesExpire) {
  WithTable([](metadata::TestDisk&, TestCoordinator& life) -> runtime::Task<void> {
    const Timestamp now = runtime::ThisShard().WallClock();
    EXPECT_TRUE(co_await life->snapshots().AcquireLease("short", 1'000, {}));
    EXPECT_TRUE(co_await life->snapshots().AcquireLease("long", 1'000'000, {}));
    EXPECT_EQ(co_await life->snapshots().DropExpiredLeases(now), size_t{0});
    EXPECT_EQ(co_await life->snapshots().DropExpiredLeases(Timestamp(now.ms + 100'000)), size_t{1});
    EXPECT_EQ(life->snapshots().lease_count(), 1U);
  });
}

TEST(SnapshotRegistry, BadLeasesAreRefusedAndLeaseNothing) {
  WithTable([](metadata::TestDisk&, TestCoordinator& life) -> runtime::Task<void> {
    EXPECT_TRUE(co_await life->CreateTable({"fluss", "log"}, LogTableJson(), false));
    struct Case {
      std::string id;
      int64_t duration_ms;
      TableBucket bucket;
      ErrorCode code;
    };
    const std::vector<Case> cases = {{"../x", 1000, Bucket(0), ErrorCode::kInvalidProducerId},
                                     {"", 1000, Bucket(0), ErrorCode::kInvalidProducerId},
                                     {"x", 0, Bucket(0), ErrorCode::kInvalidProducerId},
                                     {"x", INT64_MAX, Bucket(0), ErrorCode::kInvalidProducerId},
                                     {"x", 1000, Bucket(0, 9), ErrorCode::kUnknownTableOrBucket},
                                     {"x", 1000, Bucket(2), ErrorCode::kUnknownTableOrBucket},
                                     {"x", 1000, Bucket(-1), ErrorCode::kUnknownTableOrBucket},
                                     {"x", 1000, Bucket(0, 1), ErrorCode::kNonPrimaryKeyTable}};
    for (const Case& bad : cases) {
      const auto refused =
          co_await life->snapshots().AcquireLease(bad.id, bad.duration_ms, {{bad.bucket, 0}});
      EXPECT_FALSE(refused);
      if (!refused) EXPECT_EQ(refused.error().code, bad.code) << refused.error().message;
    }
    EXPECT_EQ(life->snapshots().lease_count(), 0U);
  });
}

TEST(SnapshotRegistry, ADroppedTableTakesItsSnapshotsWithIt) {
  WithTable([](metadata::TestDisk& disk, TestCoordinator& life) -> runtime::Task<void> {
    (void)co_await Take(*life.coordinator);
    EXPECT_TRUE(co_await life->DropTable(kKeyed, false));
    EXPECT_EQ(co_await Take(*life.coordinator), -1);
    co_await Restart(disk, life);
    EXPECT_TRUE(Ids(life->snapshots()).empty());
    const auto left = co_await life.store->List(std::string(metadata::path::kTablets));
    EXPECT_TRUE(left && left->empty());
  });
}

TEST(ProducerRegistry, TheFirstRegistrationStaysUntilItExpires) {
  WithTable([](metadata::TestDisk& disk, TestCoordinator& life) -> runtime::Task<void> {
    using Tables = ProducerRegistry::Tables;
    const Tables first{{TableId(0), {{Bucket(1), Offset(5)}}}};
    EXPECT_EQ(co_await life->producers().Register("sink", first, std::nullopt), true);
    EXPECT_EQ(co_await life->producers().Register("sink", Tables{}, std::nullopt), false);
    co_await Restart(disk, life);
    const auto known = co_await life->producers().Get("sink");
    EXPECT_TRUE(known && *known && (*known)->tables == first);
    const Timestamp now = runtime::ThisShard().WallClock();
    EXPECT_EQ(co_await life->producers().DropExpired(now), size_t{0});
    EXPECT_EQ(co_await life->producers().DropExpired(Timestamp(now.ms + 25 * 3600 * 1000)),
              size_t{1});
    const auto gone = co_await life->producers().Get("sink");
    EXPECT_TRUE(gone && !*gone);
    EXPECT_EQ(co_await life->producers().Register("sink", Tables{}, 1000), true);
    EXPECT_TRUE(co_await life->producers().Delete("sink"));
    EXPECT_TRUE(co_await life->producers().Delete("sink"));
  });
}

}  // namespace
}  // namespace strom::coordinator
