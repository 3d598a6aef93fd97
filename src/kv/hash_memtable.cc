#include "kv/hash_memtable.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <mutex>
#include <vector>

#include <db/lookup_key.h>
#include <memory/arena.h>
#include <util/coding.h>
#include <util/hash.h>

#include "base/check.h"

namespace strom::kv {
namespace {

using rocksdb::Slice;
using KeyComparator = rocksdb::MemTableRep::KeyComparator;

constexpr size_t kTagBytes = 8;  // sequence number and type, behind the user key
constexpr size_t kFirstSlots = 64;

// An entry of the memtable: varint length of the internal key, that key, and the value.
struct Node {
  uint64_t hash;
  const Node* older;  // version of the same key
  const char* entry() const { return reinterpret_cast<const char*>(this + 1); }
  char* entry() { return reinterpret_cast<char*>(this + 1); }
};

Slice UserKeyOf(const char* entry) {
  Slice key = rocksdb::GetLengthPrefixedSlice(entry);
  key.remove_suffix(kTagBytes);
  return key;
}

// Newer versions of a key have larger tags.
uint64_t TagOf(const char* entry) {
  const Slice key = rocksdb::GetLengthPrefixedSlice(entry);
  return rocksdb::DecodeFixed64(key.data() + key.size() - kTagBytes);
}

uint64_t HashOf(const Slice& user_key) {
  return rocksdb::NPHash64(user_key.data(), user_key.size());
}

// A pointer to a node with 16 bits of its hash where addresses have none: most probes of other
// keys end without a look at the node.
class Slot {
 public:
  static uint64_t Pack(const Node* node) {
    const auto address = reinterpret_cast<uint64_t>(node);
    STROM_CHECK(address >> 48 == 0);
    return address | (node->hash & ~kAddress);
  }
  static const Node* Unpack(uint64_t packed) {
    return reinterpret_cast<const Node*>(packed & kAddress);
  }
  static bool MayBe(uint64_t packed, uint64_t hash) {
    return (packed & ~kAddress) == (hash & ~kAddress);
  }

 private:
  static constexpr uint64_t kAddress = (uint64_t{1} << 48) - 1;
};

// Insertion by one thread, search by any. Tables that were outgrown stay until the arena goes, as
// readers may be in them.
class Index {
 public:
  explicit Index(rocksdb::Allocator& allocator)
      : allocator_(allocator), table_(MakeTable(kFirstSlots)) {}

  void Insert(Node* node) {
    Table& table = *table_.load(std::memory_order_relaxed);
    const Slice key = UserKeyOf(node->entry());
    for (size_t at = node->hash & table.mask;; at = (at + 1) & table.mask) {
      std::atomic<uint64_t>& slot = table.slots()[at];
      const uint64_t packed = slot.load(std::memory_order_relaxed);
      if (packed != 0 && !Is(packed, node->hash, key)) continue;
      node->older = Slot::Unpack(packed);
      slot.store(Slot::Pack(node), std::memory_order_release);
      if (packed == 0 && ++used_ * 2 > table.mask) Grow();
      return;
    }
  }

  // The newest version; null if the key is not there.
  const Node* Find(const Slice& key) const {
    const uint64_t hash = HashOf(key);
    const Table& table = *table_.load(std::memory_order_acquire);
    for (size_t at = hash & table.mask;; at = (at + 1) & table.mask) {
      const uint64_t packed = table.slots()[at].load(std::memory_order_acquire);
      if (packed == 0) return nullptr;
      if (Is(packed, hash, key)) return Slot::Unpack(packed);
    }
  }

 private:
  struct Table {
    size_t mask;
    std::atomic<uint64_t>* slots() { return reinterpret_cast<std::atomic<uint64_t>*>(this + 1); }
    const std::atomic<uint64_t>* slots() const {
      return reinterpret_cast<const std::atomic<uint64_t>*>(this + 1);
    }
  };

  static bool Is(uint64_t packed, uint64_t hash, const Slice& key) {
    if (!Slot::MayBe(packed, hash)) return false;
    const Node* node = Slot::Unpack(packed);
    return node->hash == hash && UserKeyOf(node->entry()) == key;
  }

  Table* MakeTable(size_t slots) {
    char* memory =
        allocator_.AllocateAligned(sizeof(Table) + slots * sizeof(std::atomic<uint64_t>));
    auto* table = new (memory) Table{slots - 1};
    for (size_t i = 0; i < slots; ++i)
      new (&table->slots()[i]) std::atomic<uint64_t>(0);
    return table;
  }

  void Grow() {
    const Table& old = *table_.load(std::memory_order_relaxed);
    Table& grown = *MakeTable((old.mask + 1) * 2);
    for (size_t i = 0; i <= old.mask; ++i) {
      const uint64_t packed = old.slots()[i].load(std::memory_order_relaxed);
      if (packed == 0) continue;
      size_t at = Slot::Unpack(packed)->hash & grown.mask;
      while (grown.slots()[at].load(std::memory_order_relaxed) != 0)
        at = (at + 1) & grown.mask;
      grown.slots()[at].store(packed, std::memory_order_relaxed);
    }
    table_.store(&grown, std::memory_order_release);
  }

  rocksdb::Allocator& allocator_;
  std::atomic<Table*> table_;
  size_t used_ = 0;
};

// An entry of a run, with the first bytes of its key beside it: most comparisons end there.
struct Sorted {
  uint64_t prefix;  // big-endian, zeros behind a shorter key
  const char* entry;
};
using Run = std::vector<Sorted>;

uint64_t PrefixOf(const Slice& user_key) {
  uint64_t prefix = 0;
  std::memcpy(&prefix, user_key.data(), std::min(user_key.size(), sizeof(prefix)));
  return __builtin_bswap64(prefix);
}

struct Before {
  const KeyComparator& compare;
  bool operator()(const Sorted& a, const Sorted& b) const {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return compare(a.entry, b.entry) < 0;
  }
};

// Merges runs. Behind each change of direction all of them are searched again.
class RunsIterator final : public rocksdb::MemTableRep::Iterator {
 public:
  RunsIterator(std::vector<std::shared_ptr<const Run>> runs, const KeyComparator& compare)
      : runs_(std::move(runs)), at_(runs_.size()), before_{compare} {}

  bool Valid() const override { return current_ != nullptr; }
  const char* key() const override { return current_->entry; }

  void Next() override {
    const Sorted from = *current_;
    if (forward_) {
      ++at_[current_run_];
    } else {
      for (size_t i = 0; i < runs_.size(); ++i)
        at_[i] = static_cast<size_t>(std::ranges::upper_bound(*runs_[i], from, before_) -
                                     runs_[i]->begin());
      forward_ = true;
    }
    TakeLeast();
  }

  // Going back, at_ is the position behind the candidate of each run.
  void Prev() override {
    const Sorted from = *current_;
    if (!forward_) {
      --at_[current_run_];
    } else {
      for (size_t i = 0; i < runs_.size(); ++i)
        at_[i] = LowerBound(i, from);
      forward_ = false;
    }
    TakeGreatest();
  }

  void Seek(const Slice& internal_key, const char* memtable_key) override {
    std::string encoded;
    const Sorted target = TargetOf(internal_key, memtable_key, encoded);
    for (size_t i = 0; i < runs_.size(); ++i)
      at_[i] = LowerBound(i, target);
    forward_ = true;
    TakeLeast();
  }

  void SeekForPrev(const Slice& internal_key, const char* memtable_key) override {
    std::string encoded;
    const Sorted target = TargetOf(internal_key, memtable_key, encoded);
    for (size_t i = 0; i < runs_.size(); ++i)
      at_[i] = static_cast<size_t>(std::ranges::upper_bound(*runs_[i], target, before_) -
                                   runs_[i]->begin());
    forward_ = false;
    TakeGreatest();
  }

  void SeekToFirst() override {
    std::ranges::fill(at_, 0);
    forward_ = true;
    TakeLeast();
  }
  void SeekToLast() override {
    for (size_t i = 0; i < runs_.size(); ++i)
      at_[i] = runs_[i]->size();
    forward_ = false;
    TakeGreatest();
  }

 private:
  static Sorted TargetOf(const Slice& internal_key, const char* memtable_key,
                         std::string& encoded) {
    if (memtable_key == nullptr) {
      rocksdb::PutLengthPrefixedSlice(&encoded, internal_key);
      memtable_key = encoded.data();
    }
    return {PrefixOf(UserKeyOf(memtable_key)), memtable_key};
  }
  size_t LowerBound(size_t run, const Sorted& target) const {
    return static_cast<size_t>(std::ranges::lower_bound(*runs_[run], target, before_) -
                               runs_[run]->begin());
  }
  void Take(size_t run, const Sorted* candidate) {
    current_ = candidate;
    current_run_ = run;
  }
  void TakeLeast() {
    current_ = nullptr;
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (at_[i] == runs_[i]->size()) continue;
      const Sorted* candidate = &(*runs_[i])[at_[i]];
      if (current_ == nullptr || before_(*candidate, *current_)) Take(i, candidate);
    }
  }
  void TakeGreatest() {
    current_ = nullptr;
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (at_[i] == 0) continue;
      const Sorted* candidate = &(*runs_[i])[at_[i] - 1];
      if (current_ == nullptr || before_(*current_, *candidate)) Take(i, candidate);
    }
  }

  const std::vector<std::shared_ptr<const Run>> runs_;
  std::vector<size_t> at_;
  const Before before_;
  const Sorted* current_ = nullptr;
  size_t current_run_ = 0;
  bool forward_ = true;
};

class HashMemtable final : public rocksdb::MemTableRep {
 public:
  HashMemtable(const KeyComparator& compare, rocksdb::Allocator* allocator)
      : MemTableRep(allocator), compare_(compare), index_(*allocator) {}

  rocksdb::KeyHandle Allocate(size_t length, char** buffer) override {
    auto* node = new (allocator_->AllocateAligned(sizeof(Node) + length)) Node{};
    *buffer = node->entry();
    return node;
  }

  void Insert(rocksdb::KeyHandle handle) override {
    auto* node = static_cast<Node*>(handle);
    node->hash = HashOf(UserKeyOf(node->entry()));
    index_.Insert(node);
    const std::scoped_lock lock(mutex_);
    unsorted_.push_back(node->entry());
  }

  bool Contains(const char* key) const override {
    const uint64_t tag = TagOf(key);
    const Node* node = index_.Find(UserKeyOf(key));
    while (node != nullptr && TagOf(node->entry()) > tag)
      node = node->older;
    return node != nullptr && TagOf(node->entry()) == tag;
  }

  void Get(const rocksdb::LookupKey& key, void* argument,
           bool (*use)(void* argument, const char* entry)) override {
    const Slice internal = key.internal_key();
    const uint64_t tag = rocksdb::DecodeFixed64(internal.data() + internal.size() - kTagBytes);
    for (const Node* node = index_.Find(key.user_key()); node != nullptr; node = node->older) {
      if (TagOf(node->entry()) <= tag && !use(argument, node->entry())) return;
    }
  }

  // What lies outside of the arena.
  size_t ApproximateMemoryUsage() override {
    const std::scoped_lock lock(mutex_);
    size_t bytes = unsorted_.capacity() * sizeof(const char*);
    for (const auto& run : runs_)
      bytes += run->capacity() * sizeof(Sorted);
    return bytes;
  }

  Iterator* GetIterator(rocksdb::Arena* arena) override {
    std::vector<std::shared_ptr<const Run>> runs;
    {
      const std::scoped_lock lock(mutex_);
      Sort();
      runs = runs_;
    }
    if (arena == nullptr) return new RunsIterator(std::move(runs), compare_);
    return new (arena->AllocateAligned(sizeof(RunsIterator)))
        RunsIterator(std::move(runs), compare_);
  }

 private:
  // Under the lock: makes a run of what is unsorted, and keeps few of them.
  void Sort() {
    if (unsorted_.empty()) return;
    auto run = std::make_shared<Run>();
    run->reserve(unsorted_.size());
    for (const char* entry : unsorted_)
      run->push_back({PrefixOf(UserKeyOf(entry)), entry});
    unsorted_.clear();
    std::ranges::sort(*run, Before{compare_});
    while (!runs_.empty() && runs_.back()->size() < 2 * run->size()) {
      auto merged = std::make_shared<Run>();
      merged->reserve(run->size() + runs_.back()->size());
      std::ranges::merge(*runs_.back(), *run, std::back_inserter(*merged), Before{compare_});
      runs_.pop_back();
      run = std::move(merged);
    }
    runs_.push_back(std::move(run));
  }

  const KeyComparator& compare_;
  Index index_;
  std::mutex mutex_;  // of what follows
  std::vector<const char*> unsorted_;
  std::vector<std::shared_ptr<const Run>> runs_;  // the longest first
};

class HashMemtableFactory final : public rocksdb::MemTableRepFactory {
 public:
  using MemTableRepFactory::CreateMemTableRep;
  rocksdb::MemTableRep* CreateMemTableRep(const KeyComparator& compare,
                                          rocksdb::Allocator* allocator,
                                          const rocksdb::SliceTransform* /*prefix*/,
                                          rocksdb::Logger* /*logger*/) override {
    return new HashMemtable(compare, allocator);
  }
  const char* Name() const override { return "strom.HashMemtable"; }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> MakeHashMemtableFactory() {
  return std::make_shared<HashMemtableFactory>();
}

}  // namespace strom::kv
