#include "metadata/journal_store.h"

#include <gtest/gtest.h>

#include "metadata/journal_format.h"
#include "metadata/test_disk.h"
#include "runtime/test_runtime.h"

namespace strom::metadata {
namespace {

using runtime::RunOnShard;
using runtime::Task;

constexpr const char* kFolder = "/data/metadata";
constexpr const char* kJournal = "/data/metadata/journal";

using Contents = std::map<std::string, std::string>;

std::unique_ptr<JournalStore> Opened(TestDisk& disk, const JournalOptions& options = {}) {
  auto store = JournalStore::Open(disk, kFolder, options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

Task<Status> Put(JournalStore& store, std::string key, std::string content) {
  Transaction transaction;
  transaction.puts.push_back({std::move(key), std::move(content)});
  co_return co_await store.Commit(std::move(transaction));
}

Task<Status> Delete(JournalStore& store, std::string key) {
  Transaction transaction;
  transaction.deletes.push_back(std::move(key));
  co_return co_await store.Commit(std::move(transaction));
}

Task<Contents> ContentsOf(JournalStore& store, std::string prefix = "") {
  Contents contents;
  auto documents = co_await store.List(std::move(prefix));
  EXPECT_TRUE(documents);
  for (const Document& document : *documents)
    contents[document.key] = document.content;
  co_return contents;
}

// A journal with three frames; the second deletes, the third is long enough for several sectors.
Task<void> WriteThreeFrames(TestDisk& disk) {
  const auto store = Opened(disk);
  EXPECT_TRUE(co_await Put(*store, "/a", "1"));
  EXPECT_TRUE(co_await Delete(*store, "/a"));
  EXPECT_TRUE(co_await Put(*store, "/b", std::string(1500, 'x')));
}

TEST(JournalStore, AnEmptyFolderMakesAnEmptyStore) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    const auto store = Opened(disk);
    EXPECT_TRUE(store->created());
    EXPECT_EQ((co_await ContentsOf(*store)).size(), 0U);
    EXPECT_FALSE((co_await store->Get("/a"))->has_value());
    EXPECT_FALSE(Opened(disk)->created());
  });
}

TEST(JournalStore, DocumentsAndTheirVersionsSurviveReopening) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    auto store = Opened(disk);
    EXPECT_TRUE(co_await Put(*store, "/a/1", "one"));
    EXPECT_TRUE(co_await Put(*store, "/a/2", "two"));
    EXPECT_TRUE(co_await Put(*store, "/b", ""));
    EXPECT_TRUE(co_await Put(*store, "/a/1", "new"));
    EXPECT_TRUE(co_await Delete(*store, "/a/2"));
    store = Opened(disk);
    EXPECT_EQ(co_await ContentsOf(*store), (Contents{{"/a/1", "new"}, {"/b", ""}}));
    EXPECT_EQ(co_await ContentsOf(*store, "/a/"), (Contents{{"/a/1", "new"}}));
    EXPECT_EQ((**co_await store->Get("/a/1")).version, 4);
    EXPECT_EQ((**co_await store->Get("/b")).version, 3);
    EXPECT_TRUE(co_await Put(*store, "/c", "x"));
    EXPECT_EQ((**co_await store->Get("/c")).version, 6);
  });
}

TEST(JournalStore, AFailedConditionChangesNothing) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    const auto store = Opened(disk);
    EXPECT_TRUE(co_await Put(*store, "/a", "1"));
    Transaction transaction;
    transaction.conditions.push_back({"/a", 7});
    transaction.puts.push_back({"/b", "x"});
    transaction.deletes.push_back("/a");
    const Status refused = co_await store->Commit(transaction);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidUpdateVersion);
    EXPECT_NE(refused.error().message.find("'/a' has version 1 instead of 7"), std::string::npos);
    EXPECT_EQ(co_await ContentsOf(*store), (Contents{{"/a", "1"}}));
    transaction.conditions = {{"/a", 1}, {"/b", 0}};
    EXPECT_TRUE(co_await store->Commit(transaction));
    EXPECT_EQ(co_await ContentsOf(*store), (Contents{{"/b", "x"}}));
    EXPECT_FALSE(co_await store->Commit(transaction));
  });
}

TEST(JournalStore, TransactionsThatArriveTogetherShareASyncAndSeeEachOther) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    const auto store = Opened(disk);
    const int64_t before = disk.syncs();
    std::vector<Task<Status>> tasks;
    for (int i = 0; i < 50; ++i) {
      // Whoever comes first makes /once; the others must see it though it is not durable yet.
      Transaction transaction;
      transaction.conditions.push_back({"/once", 0});
      transaction.puts.push_back({"/once", std::to_string(i)});
      tasks.push_back(store->Commit(std::move(transaction)));
      tasks.push_back(Put(*store, fmt::format("/n/{}", i), "x"));
    }
    const std::vector<Status> outcomes = co_await runtime::WhenAll(std::move(tasks));
    for (size_t i = 0; i < outcomes.size(); ++i)
      EXPECT_EQ(outcomes[i].has_value(), i == 0 || i % 2 == 1) << i;
    EXPECT_EQ(disk.syncs() - before, 2);
    EXPECT_EQ((co_await ContentsOf(*Opened(disk))).size(), 51U);
  });
}

TEST(JournalStore, ATransactionOverTheLimitIsRefused) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    const auto store = Opened(disk, {.max_transaction_bytes = 100});
    const Status refused = co_await Put(*store, "/a", std::string(100, 'x'));
    EXPECT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("limit of 100"), std::string::npos);
    EXPECT_TRUE(co_await Put(*store, "/a", std::string(90, 'x')));
  });
}

TEST(JournalStore, ALastFrameThatIsCutShortGoesAndTheRestStays) {
  RunOnShard([]() -> Task<void> {
    TestDisk whole;
    co_await WriteThreeFrames(whole);
    const Bytes content = whole.Content(kJournal);
    const size_t last = journal::Read(content, [](const journal::Change&) {})->last_frame;
    for (size_t size = last; size < content.size(); size += size < last + 80 ? 1 : 37) {
      TestDisk disk;
      co_await WriteThreeFrames(disk);
      disk.Content(kJournal).resize(size);
      auto store = Opened(disk);
      EXPECT_EQ((co_await ContentsOf(*store)).size(), 0U) << size;
      EXPECT_EQ(disk.Content(kJournal).size(), last) << size;
      EXPECT_TRUE(co_await Put(*store, "/c", "again"));
      store = Opened(disk);
      EXPECT_EQ(co_await ContentsOf(*store), (Contents{{"/c", "again"}})) << size;
    }
  });
}

TEST(JournalStore, EveryFlippedBitIsFoundAndNamed) {
  RunOnShard([]() -> Task<void> {
    TestDisk whole;
    co_await WriteThreeFrames(whole);
    const size_t size = whole.Content(kJournal).size();
    for (size_t at = 0; at < size; ++at) {
      whole.Content(kJournal)[at] ^= static_cast<uint8_t>(1U << (at % 8));
      const auto store = JournalStore::Open(whole, kFolder);
      EXPECT_FALSE(store) << "byte " << at;
      if (!store) {
        EXPECT_EQ(store.error().code, ErrorCode::kStorage);
        EXPECT_TRUE(store.error().message.starts_with(
            "The metadata journal '/data/metadata/journal' cannot be used: "))
            << store.error().message;
      }
      whole.Content(kJournal)[at] ^= static_cast<uint8_t>(1U << (at % 8));
    }
    EXPECT_EQ((co_await ContentsOf(*Opened(whole))).size(), 1U);
  });
}

TEST(JournalStore, ALostFrameInTheMiddleIsFound) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    std::vector<size_t> ends;
    {
      const auto store = Opened(disk);
      for (const char* key : {"/a", "/b", "/c"}) {
        EXPECT_TRUE(co_await Put(*store, key, "x"));
        ends.push_back(store->journal_bytes());
      }
    }
    Bytes& content = disk.Content(kJournal);
    content.erase(content.begin() + static_cast<ptrdiff_t>(ends[0]),
                  content.begin() + static_cast<ptrdiff_t>(ends[1]));
    const auto store = JournalStore::Open(disk, kFolder);
    EXPECT_FALSE(store);
    EXPECT_NE(store.error().message.find("holds the versions 3 to 3 where 2 should follow"),
              std::string::npos)
        << store.error().message;
  });
}

TEST(JournalStore, SomethingElseInItsPlaceIsRefused) {
  TestDisk disk;
  ASSERT_TRUE(runtime::ReplaceFile(disk, kJournal, AsBytes("hello")));
  const auto store = JournalStore::Open(disk, kFolder);
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("it is no metadata journal"), std::string::npos);
}

TEST(JournalStore, AJournalThatGrewIsRewrittenWithoutLosingAnything) {
  RunOnShard([]() -> Task<void> {
    TestDisk disk;
    const JournalOptions options{.compact_min_bytes = 2000, .compact_factor = 4};
    Contents expected;
    auto store = Opened(disk, options);
    for (int i = 0; i < 400; ++i) {
      const std::string key = fmt::format("/k{}", i % 7);
      expected[key] = std::to_string(i);
      EXPECT_TRUE(co_await Put(*store, key, expected[key]));
      EXPECT_LT(store->journal_bytes(), 2200U) << i;
    }
    EXPECT_EQ(co_await ContentsOf(*store), expected);
    EXPECT_EQ((**co_await store->Get("/k0")).version, 400);  // 399 is the last multiple of 7
    store = Opened(disk, options);
    EXPECT_EQ(co_await ContentsOf(*store), expected);
    EXPECT_EQ((**co_await store->Get("/k0")).version, 400);
    // A damaged snapshot is damage too.
    disk.Content(kJournal)[journal::kFileHeaderBytes + journal::kFrameHeaderBytes + 3] ^= 1;
    const auto damaged = JournalStore::Open(disk, kFolder);
    EXPECT_FALSE(damaged);
    EXPECT_NE(damaged.error().message.find("snapshot frame 1 of 1 at byte 24 is damaged"),
              std::string::npos);
  });
}

TEST(JournalStore, AFullDiskIsAnErrorAndNotTheEnd) {
  RunOnShard([]() -> Task<void> {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      TestDisk disk(seed);
      auto store = Opened(disk);
      EXPECT_TRUE(co_await Put(*store, "/a", "1"));
      disk.FailOperation(disk.operations());  // the write
      const Status refused = co_await Put(*store, "/b", "2");
      EXPECT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
      EXPECT_NE(refused.error().message.find("Nothing was changed"), std::string::npos);
      if (seed % 2 == 0) {
        EXPECT_TRUE(co_await Put(*store, "/c", "3"));
      }
      store.reset();
      disk.Restart();
      store = Opened(disk);
      EXPECT_EQ(co_await ContentsOf(*store, "/a"), (Contents{{"/a", "1"}}));
      EXPECT_EQ((co_await ContentsOf(*store, "/b")).size(), 0U) << "seed " << seed;
      EXPECT_EQ((co_await ContentsOf(*store, "/c")).size(), seed % 2 == 0 ? 1U : 0U);
    }
  });
}

TEST(JournalStore, AfterAFailedSyncNothingIsAcceptedUntilItIsOpenedAgain) {
  RunOnShard([]() -> Task<void> {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      TestDisk disk(seed);
      auto store = Opened(disk);
      EXPECT_TRUE(co_await Put(*store, "/a", "1"));
      disk.FailOperation(disk.operations() + 1);  // the sync behind the write
      const Status unknown = co_await Put(*store, "/b", std::string(3000, 'x'));
      EXPECT_FALSE(unknown);
      EXPECT_NE(unknown.error().message.find("shows after a restart"), std::string::npos);
      EXPECT_FALSE(co_await Put(*store, "/c", "3"));
      EXPECT_EQ(co_await ContentsOf(*store), (Contents{{"/a", "1"}}));

      // The cache still has it, so it is there; from now on it must stay.
      store = Opened(disk);
      EXPECT_EQ((co_await ContentsOf(*store)).size(), 2U);
      EXPECT_TRUE(co_await Put(*store, "/d", "4"));
      store.reset();
      disk.Restart();
      store = Opened(disk);
      if (!store) co_return;
      EXPECT_EQ((co_await ContentsOf(*store)).size(), 3U) << "seed " << seed;
    }
  });
}

// --- power cuts and single faults at every operation ---

constexpr int kWriters = 3;
constexpr int kSteps = 12;

// What a writer of the workload did: step i makes `/w/i` and deletes `/w/(i-1)` in one transaction.
struct Progress {
  int acknowledged = 0;  // steps
  int issued = 0;
};

Task<Status> RunWriter(JournalStore& store, int writer, Progress& progress) {
  for (int step = 0; step < kSteps; ++step) {
    Transaction transaction;
    transaction.puts.push_back({fmt::format("/{}/{}", writer, step), std::string(step * 60, 'v')});
    if (step > 0) transaction.deletes.push_back(fmt::format("/{}/{}", writer, step - 1));
    progress.issued = step + 1;
    STROM_CO_TRY_VOID(co_await store.Commit(std::move(transaction)));
    progress.acknowledged = step + 1;
  }
  co_return Status{};
}

Task<std::array<Progress, kWriters>> RunWorkload(TestDisk& disk) {
  std::array<Progress, kWriters> progress{};
  // Small enough for several compactions.
  auto store = JournalStore::Open(disk, kFolder, {.compact_min_bytes = 3000, .compact_factor = 2});
  if (!store) co_return progress;
  std::vector<Task<Status>> writers;
  for (int writer = 0; writer < kWriters; ++writer)
    writers.push_back(RunWriter(**store, writer, progress[static_cast<size_t>(writer)]));
  co_await runtime::WhenAll(std::move(writers));
  co_return progress;
}

// Every writer finds exactly the document of one step: the last acknowledged, or the one under way.
Task<void> ExpectProgress(TestDisk& disk, const std::array<Progress, kWriters>& progress,
                          std::string_view where) {
  const auto store = Opened(disk);
  EXPECT_NE(store, nullptr) << where;
  if (!store) co_return;
  for (int writer = 0; writer < kWriters; ++writer) {
    const auto [acknowledged, issued] = progress[static_cast<size_t>(writer)];
    const Contents found = co_await ContentsOf(*store, fmt::format("/{}/", writer));
    EXPECT_LE(found.size(), 1U) << where;
    const int step = found.empty() ? -1 : std::stoi(found.begin()->first.substr(3));
    EXPECT_GE(step + 1, acknowledged) << where;
    EXPECT_LE(step + 1, issued) << where;
    if (step < 0) continue;
    EXPECT_EQ(found.begin()->second.size(), static_cast<size_t>(step * 60)) << where;
  }
}

TEST(JournalStore, WhatWasAcknowledgedSurvivesAPowerCutAtAnyMoment) {
  RunOnShard([]() -> Task<void> {
    TestDisk measured;
    co_await RunWorkload(measured);
    const int64_t operations = measured.operations();
    EXPECT_GT(operations, 40);
    for (int64_t cut = 0; cut < operations; ++cut) {
      for (uint64_t seed = 1; seed <= 12; ++seed) {
        TestDisk disk(seed);
        disk.CutPowerAt(cut);
        const auto progress = co_await RunWorkload(disk);
        disk.Restart();
        co_await ExpectProgress(disk, progress, fmt::format("cut {} seed {}", cut, seed));
        if (testing::Test::HasFailure()) co_return;
      }
    }
  });
}

TEST(JournalStore, AnyOperationMayFailOnce) {
  RunOnShard([]() -> Task<void> {
    TestDisk measured;
    co_await RunWorkload(measured);
    for (int64_t number = 0; number < measured.operations(); ++number) {
      TestDisk disk(static_cast<uint64_t>(number) + 1);
      disk.FailOperation(number);
      const auto progress = co_await RunWorkload(disk);
      EXPECT_TRUE(disk.failed_any());
      co_await ExpectProgress(disk, progress, fmt::format("operation {}", number));
      // And what is there now stays.
      disk.Restart();
      co_await ExpectProgress(disk, progress, fmt::format("operation {}, restarted", number));
      if (testing::Test::HasFailure()) co_return;
    }
  });
}

}  // namespace
}  // namespace strom::metadata
