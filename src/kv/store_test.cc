#include "kv/store.h"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "kv/memory_store.h"
#include "kv/rocks_store.h"
#include "runtime/real_file.h"
#include "runtime/sim.h"
#include "runtime/test_runtime.h"

namespace strom::kv {
namespace {

namespace fs = std::filesystem;

std::string In(const runtime::TemporaryFolder& folder, const std::string& name) {
  return folder.path() + "/" + name;
}

ByteView View(std::string_view text) {
  return AsBytes(text);
}

// The contract, on both engines.
class StoreTest : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<StoreEngine> MakeEngine() {
    if (GetParam()) return MakeRocksEngine({});
    return MakeMemoryEngine(*files_);
  }
  std::unique_ptr<Store> Open(StoreEngine& engine, const std::string& name = "db") {
    auto opened = engine.Open(In(folder_, name));
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  static std::string Get(const Store& store, std::string_view key) {
    const ByteView keys[] = {View(key)};
    auto found = store.Get(keys);
    if (!found) return found.error().message;
    const auto value = (*found)->values()[0];
    return value ? std::string(AsText(*value)) : "(none)";
  }

  runtime::TemporaryFolder folder_;
  std::unique_ptr<runtime::FileSystem> files_ = runtime::internal::MakeRealFileSystem();
};

TEST_P(StoreTest, GivesBackValuesBehindTheirSchemaId) {
  const auto engine = MakeEngine();
  const auto store = Open(*engine);
  const StoreChange changes[] = {{View("a"), SchemaId(1), View("one")},
                                 {View("b"), SchemaId(258), View("two")},
                                 {.key = View("a"), .deleted = true}};
  ASSERT_TRUE(store->Write(changes, {Offset(3), 1}));
  EXPECT_EQ(Get(*store, "a"), "(none)");
  EXPECT_EQ(Get(*store, "b"), std::string("\x02\x01two"));
  const ByteView keys[] = {View("b"), View("x"), View("b")};
  const auto found = store->Get(keys);
  ASSERT_TRUE(found);
  EXPECT_TRUE((*found)->values()[0]);
  EXPECT_FALSE((*found)->values()[1]);
  EXPECT_TRUE((*found)->values()[2]);
  EXPECT_EQ(store->position(), (StorePosition{Offset(3), 1}));
}

TEST_P(StoreTest, KeepsRowsAndPositionTogether) {
  const auto engine = MakeEngine();
  {
    const auto store = Open(*engine);
    const StoreChange first[] = {{View("k"), SchemaId(1), View("1")}};
    ASSERT_TRUE(store->Write(first, {Offset(10), 1}));
    ASSERT_TRUE(store->Flush());
    const StoreChange second[] = {{View("k"), SchemaId(1), View("2")}};
    ASSERT_TRUE(store->Write(second, {Offset(20), 1}));
    // Dropped without a flush, as by a crash. (Closing RocksDB cleanly does not flush either.)
  }
  const auto store = Open(*engine);
  EXPECT_EQ(store->position(), (StorePosition{Offset(10), 1}));
  EXPECT_EQ(Get(*store, "k"), std::string("\x01\0"
                                          "1",
                                          3));
}

TEST_P(StoreTest, ScansOneMomentInByteOrder) {
  const auto engine = MakeEngine();
  const auto store = Open(*engine);
  const StoreChange changes[] = {{View("\xff"), SchemaId(1), View("z")},
                                 {View("\x01"), SchemaId(1), View("a")},
                                 {View("\x7f"), SchemaId(1), View("m")}};
  ASSERT_TRUE(store->Write(changes, {Offset(3), 3}));
  const auto cursor = store->Scan();
  const StoreChange later[] = {{View("\x02"), SchemaId(1), View("new")}};
  ASSERT_TRUE(store->Write(later, {Offset(4), 4}));
  std::string keys;
  for (cursor->Seek({}); cursor->valid(); cursor->Next())
    keys += AsText(cursor->key());
  EXPECT_TRUE(cursor->status());
  EXPECT_EQ(keys, "\x01\x7f\xff");
}

TEST_P(StoreTest, ACheckpointHoldsOneMomentAndOpensAsAStore) {
  const auto engine = MakeEngine();
  const auto store = Open(*engine);
  const StoreChange changes[] = {{View("k"), SchemaId(1), View("v")}};
  ASSERT_TRUE(store->Write(changes, {Offset(7), 1}));
  const auto position = store->Checkpoint(In(folder_, "copy"));
  ASSERT_TRUE(position) << position.error().message;
  EXPECT_EQ(*position, (StorePosition{Offset(7), 1}));
  const StoreChange later[] = {{.key = View("k"), .deleted = true}};
  ASSERT_TRUE(store->Write(later, {Offset(8), 0}));
  const auto copy = Open(*engine, "copy");
  EXPECT_EQ(Get(*copy, "k"), std::string("\x01\0v", 3));
  EXPECT_EQ(copy->position(), *position);
  EXPECT_EQ(copy->identity(), store->identity());
}

TEST_P(StoreTest, AStoreKeepsItsIdentityUntilItIsDestroyed) {
  const auto engine = MakeEngine();
  std::string identity;
  {
    const auto store = Open(*engine);
    identity = store->identity();
    const StoreChange changes[] = {{View("k"), SchemaId(1), View("v")}};
    ASSERT_TRUE(store->Write(changes, {Offset(7), 1}));
    ASSERT_TRUE(store->Flush());
  }
  EXPECT_FALSE(identity.empty());
  EXPECT_EQ(Open(*engine)->identity(), identity);
  EXPECT_NE(Open(*engine, "other")->identity(), identity);
  ASSERT_TRUE(engine->Destroy(In(folder_, "db")));
  EXPECT_NE(Open(*engine)->identity(), identity);
}

TEST_P(StoreTest, DestroyLeavesNothing) {
  const auto engine = MakeEngine();
  {
    const auto store = Open(*engine);
    const StoreChange changes[] = {{View("k"), SchemaId(1), View("v")}};
    ASSERT_TRUE(store->Write(changes, {Offset(7), 1}));
    ASSERT_TRUE(store->Flush());
  }
  ASSERT_TRUE(engine->Destroy(In(folder_, "db")));
  const auto store = Open(*engine);
  EXPECT_EQ(Get(*store, "k"), "(none)");
  EXPECT_EQ(store->position(), StorePosition{});
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Rocks" : "Memory"; });

TEST(RocksStore, OpensACheckpointThatTheReferenceWrote) {
  VectorReport report("kv/snapshot-files.json");
  const auto golden = LoadVectors("kv/snapshot-files.json");
  runtime::TemporaryFolder folder;
  fs::create_directories(In(folder, "db"));
  for (const auto& file : golden["files"]) {
    const std::string name = file["local_path"];
    const auto content = FromHex(file["content"].get<std::string>());
    if (!content) continue;  // the options file, which is not needed to open it
    std::ofstream out(In(folder, "db/" + name), std::ios::binary);
    out.write(reinterpret_cast<const char*>(content->data()),
              static_cast<std::streamsize>(content->size()));
  }
  const auto engine = MakeRocksEngine({});
  const auto store = engine->Open(In(folder, "db"));
  ASSERT_TRUE(store) << store.error().message;
  const auto cursor = (*store)->Scan();
  cursor->Seek({});
  for (const auto& entry : golden["entries"]) {
    ASSERT_TRUE(cursor->valid());
    EXPECT_EQ(ToHex(cursor->key()), entry["key"].get<std::string>());
    EXPECT_EQ(ToHex(cursor->value()), entry["value"].get<std::string>());
    cursor->Next();
    report.CaseDone(entry["key"]);
  }
  EXPECT_FALSE(cursor->valid());
}

TEST(RocksStore, DamagedFilesAreToldFromTroubleThatMayPass) {
  const auto engine = MakeRocksEngine({});
  runtime::TemporaryFolder folder;
  const std::string directory = In(folder, "db");
  const auto make = [&] {
    ASSERT_TRUE(engine->Destroy(directory));
    const auto store = engine->Open(directory);
    ASSERT_TRUE(store);
    const StoreChange changes[] = {{View("k"), SchemaId(1), View("v")}};
    ASSERT_TRUE((*store)->Write(changes, {Offset(7), 1}));
    ASSERT_TRUE((*store)->Flush());
  };
  const auto damage = [&](std::string_view suffix, bool remove) {
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename();
      if (name.find(suffix) == std::string::npos) continue;
      if (remove) {
        fs::remove(entry.path());
      } else {
        std::ofstream(entry.path(), std::ios::binary) << "this is no such file";
      }
    }
  };
  for (const std::string_view suffix : {".sst", "MANIFEST", "CURRENT"}) {
    for (const bool remove : {true, false}) {
      // Without CURRENT there is no store, so an empty one is made.
      if (remove && suffix == "CURRENT") continue;
      make();
      damage(suffix, remove);
      const auto store = engine->Open(directory);
      ASSERT_FALSE(store) << suffix;
      EXPECT_EQ(store.error().code, ErrorCode::kCorruptRecord) << store.error().message;
      EXPECT_NE(store.error().message.find(directory), std::string::npos);
    }
  }
}

TEST(MemoryStore, WhatIsDestroyedStaysGoneAfterAPowerCut) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    runtime::SimWorld world(seed);
    runtime::SimMachine& machine = world.AddMachine(1);
    const auto engine = MakeMemoryEngine(machine.files());
    EXPECT_TRUE(world.Run(machine, [&]() -> runtime::Task<void> {
      {
        const auto store = *engine->Open("/data/t-1/kv-0");
        const StoreChange changes[] = {{View("a"), SchemaId(1), View("one")}};
        EXPECT_TRUE(store->Write(changes, {Offset(3), 1}));
        EXPECT_TRUE(store->Flush());
      }
      EXPECT_TRUE(engine->Destroy("/data/t-1/kv-0"));
      machine.Crash(runtime::SimCrash::kPower);
      machine.Reboot();
      const auto store = engine->Open("/data/t-1/kv-0");
      EXPECT_TRUE(store) << store.error().message;
      if (store) EXPECT_EQ((*store)->position().offset, Offset(0)) << seed;
      co_return;
    }));
  }
}

TEST_P(StoreTest, AMarkOfUseIsTakenOnce) {
  const auto engine = MakeEngine();
  const auto store = Open(*engine);
  EXPECT_FALSE(store->TakeUsed());
  store->MarkUsed();
  store->MarkUsed();
  EXPECT_TRUE(store->TakeUsed());
  EXPECT_FALSE(store->TakeUsed());
}

TEST(RocksStore, IsNotOpenedAgainWhileACursorOfItIsLeft) {
  const runtime::TemporaryFolder folder;
  const auto engine = MakeRocksEngine({});
  auto store = *engine->Open(In(folder, "db"));
  EXPECT_FALSE(store->has_cursors());
  auto cursor = store->Scan();
  EXPECT_TRUE(store->has_cursors());
  store.reset();
  const auto refused = engine->Open(In(folder, "db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kKvStorage);
  EXPECT_NE(refused.error().message.find("still being read"), std::string::npos);
  // One that ends meanwhile is waited for.
  std::thread reader([&] { cursor.reset(); });
  const auto opened = engine->Open(In(folder, "db"));
  reader.join();
  EXPECT_TRUE(opened) << opened.error().message;
}

TEST(RocksStore, AnUnwritableDirectoryIsAnErrorThatNamesIt) {
  const auto engine = MakeRocksEngine({});
  const auto store = engine->Open("/proc/strom/db");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kKvStorage);
  EXPECT_NE(store.error().message.find("/proc/strom/db"), std::string::npos);
}

}  // namespace
}  // namespace strom::kv
