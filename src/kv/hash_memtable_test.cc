#include "kv/hash_memtable.h"

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include "runtime/test_runtime.h"

namespace strom::kv {
namespace {

using Model = std::map<std::string, std::string>;

// A database whose rows stay in the memtable until it is flushed.
class HashMemtableTest : public testing::Test {
 protected:
  HashMemtableTest() {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.memtable_factory = MakeHashMemtableFactory();
    options.allow_concurrent_memtable_write = false;
    options.disable_auto_compactions = true;
    rocksdb::DB* opened = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(options, folder_.path() + "/db", &opened).ok());
    db_.reset(opened);
  }

  void Put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(db_->Put({}, key, value).ok());
  }
  std::string Get(const std::string& key, const rocksdb::Snapshot* at = nullptr) {
    rocksdb::ReadOptions options;
    options.snapshot = at;
    std::string value;
    const auto status = db_->Get(options, key, &value);
    return status.ok() ? value : status.IsNotFound() ? "(none)" : status.ToString();
  }
  std::unique_ptr<rocksdb::Iterator> Scan() {
    return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator({}));
  }
  Model Forward() {
    Model rows;
    const auto it = Scan();
    std::string last;
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      EXPECT_TRUE(rows.empty() || last < it->key().ToString());
      last = it->key().ToString();
      rows[last] = it->value().ToString();
    }
    EXPECT_TRUE(it->status().ok());
    return rows;
  }
  Model Backward() {
    Model rows;
    const auto it = Scan();
    for (it->SeekToLast(); it->Valid(); it->Prev())
      rows[it->key().ToString()] = it->value().ToString();
    return rows;
  }

  runtime::TemporaryFolder folder_;
  std::unique_ptr<rocksdb::DB> db_;
};

// Keys that share prefixes, are prefixes of each other and hold zeros.
std::string RandomKey(std::mt19937_64& random) {
  std::string key;
  for (size_t length = random() % 12; length > 0; --length)
    key.push_back("\0ab\xff"[random() % 4]);
  return key;
}

TEST_F(HashMemtableTest, ReadsAndWalksAreThoseOfASortedMap) {
  std::mt19937_64 random(7);
  Model model;
  for (int step = 0; step < 60'000; ++step) {
    const std::string key = RandomKey(random);
    if (random() % 4 == 0) {
      ASSERT_TRUE(db_->Delete({}, key).ok());
      model.erase(key);
    } else {
      Put(key, std::to_string(step));
      model[key] = std::to_string(step);
    }
    const std::string asked = RandomKey(random);
    const auto expected = model.find(asked);
    ASSERT_EQ(Get(asked), expected == model.end() ? "(none)" : expected->second);
    if (step % 500 != 0) continue;
    // Seek, then some steps forth and back.
    const auto it = Scan();
    it->Seek(asked);
    auto at = model.lower_bound(asked);
    for (int move = 0; move < 30; ++move) {
      ASSERT_EQ(it->Valid(), at != model.end());
      if (at == model.end()) break;
      ASSERT_EQ(it->key().ToString(), at->first);
      ASSERT_EQ(it->value().ToString(), at->second);
      if (random() % 3 == 0 && at != model.begin()) {
        it->Prev();
        --at;
      } else {
        it->Next();
        ++at;
      }
    }
    it->SeekForPrev(asked);
    auto before = model.upper_bound(asked);
    ASSERT_EQ(it->Valid(), before != model.begin());
    if (it->Valid()) ASSERT_EQ(it->key().ToString(), std::prev(before)->first);
  }
  EXPECT_EQ(Forward(), model);
  EXPECT_EQ(Backward(), model);
  ASSERT_TRUE(db_->Flush({}).ok());
  EXPECT_EQ(Forward(), model);
}

TEST_F(HashMemtableTest, AnOlderMomentSeesTheVersionOfThen) {
  std::mt19937_64 random(11);
  std::vector<std::pair<const rocksdb::Snapshot*, Model>> moments;
  Model model;
  for (int step = 0; step < 5000; ++step) {
    const std::string key = std::to_string(random() % 50);
    Put(key, std::to_string(step));
    model[key] = std::to_string(step);
    if (step % 500 == 250) moments.emplace_back(db_->GetSnapshot(), model);
  }
  for (const auto& [snapshot, then] : moments) {
    for (int key = 0; key < 50; ++key) {
      const auto expected = then.find(std::to_string(key));
      EXPECT_EQ(Get(std::to_string(key), snapshot),
                expected == then.end() ? "(none)" : expected->second);
    }
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    Model rows;
    for (it->SeekToFirst(); it->Valid(); it->Next())
      rows[it->key().ToString()] = it->value().ToString();
    EXPECT_EQ(rows, then);
    db_->ReleaseSnapshot(snapshot);
  }
}

TEST_F(HashMemtableTest, AnIteratorShowsTheMomentItWasMade) {
  Model model;
  for (int i = 0; i < 1000; ++i) {
    Put(std::to_string(i), "before");
    model[std::to_string(i)] = "before";
  }
  const auto it = Scan();
  for (int i = 500; i < 2000; ++i)
    Put(std::to_string(i), "after");
  Model rows;
  for (it->SeekToFirst(); it->Valid(); it->Next())
    rows[it->key().ToString()] = it->value().ToString();
  EXPECT_EQ(rows, model);
}

// For ThreadSanitizer: readers meet a table that grows and runs that are merged.
TEST_F(HashMemtableTest, OthersReadWhileOneWrites) {
  constexpr int kKeys = 20'000;
  std::atomic<int> written = 0;
  std::atomic<bool> wrong = false;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      std::mt19937_64 random(static_cast<uint64_t>(reader));
      while (written < kKeys) {
        const int below = written;
        if (below == 0) continue;
        const int key = static_cast<int>(random() % static_cast<uint64_t>(below));
        if (Get(std::to_string(key)) != std::to_string(key)) wrong = true;
        if (random() % 1000 != 0) continue;
        const auto it = Scan();
        int rows = 0;
        for (it->SeekToFirst(); it->Valid(); it->Next())
          ++rows;
        if (rows < below) wrong = true;
      }
    });
  }
  for (int key = 0; key < kKeys; ++key) {
    Put(std::to_string(key), std::to_string(key));
    written = key + 1;
  }
  for (std::thread& reader : readers)
    reader.join();
  EXPECT_FALSE(wrong);
  EXPECT_EQ(Forward().size(), static_cast<size_t>(kKeys));
}

}  // namespace
}  // namespace strom::kv
