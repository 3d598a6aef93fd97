#include "kv/rocks_store.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <unordered_set>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/check.h"
#include "kv/hash_memtable.h"
#include "kv/table_files.h"
#include "runtime/file.h"

namespace strom::kv {
namespace {

using rocksdb::Slice;

constexpr const char* kOwnFamily = "strom";
constexpr const char* kPositionKey = "position";
constexpr const char* kIdentityKey = "identity";
constexpr size_t kPositionBytes = 16;
// Small arenas: a bucket that holds little costs little.
constexpr size_t kArenaBlockBytes = size_t{64} << 10;

Slice ToSlice(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
ByteView ToView(const Slice& slice) {
  return {reinterpret_cast<const uint8_t*>(slice.data()), slice.size()};
}

std::unexpected<Error> StorageError(const std::string& directory, const char* doing,
                                    const rocksdb::Status& status) {
  return Fail(ErrorCode::kKvStorage, "The key-value store in {} failed while {}: {}.", directory,
              doing, status.ToString());
}

class RocksValues final : public FoundValues {
 public:
  explicit RocksValues(size_t count) : pinned_(count) {}

  std::vector<rocksdb::PinnableSlice>& pinned() { return pinned_; }
  void Found(size_t i) { values_[i] = ToView(pinned_[i]); }
  void Prepare() { values_.resize(pinned_.size()); }

 private:
  std::vector<rocksdb::PinnableSlice> pinned_;
};

class RocksCursor final : public StoreCursor {
 public:
  RocksCursor(std::unique_ptr<rocksdb::Iterator> iterator, std::shared_ptr<rocksdb::DB> db,
              const std::string& directory)
      : db_(std::move(db)), iterator_(std::move(iterator)), directory_(directory) {}

  void Seek(ByteView key) override { iterator_->Seek(ToSlice(key)); }
  bool valid() const override { return iterator_->Valid(); }
  void Next() override { iterator_->Next(); }
  ByteView key() const override { return ToView(iterator_->key()); }
  ByteView value() const override { return ToView(iterator_->value()); }
  Status status() const override {
    if (iterator_->status().ok()) return {};
    return StorageError(directory_, "scanning", iterator_->status());
  }

 private:
  std::shared_ptr<rocksdb::DB> db_;  // outlives the iterator
  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::string directory_;
};

struct Shared {
  RocksOptions options;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers;
  std::shared_ptr<rocksdb::RateLimiter> limiter;
};

// RocksDB's recovery by itself from a full disk can wait for ever inside an atomic flush, and
// whoever flushes or closes the store waits with it. Without it a store that failed stays so until
// it is opened again, which replays the log.
class NoRecoveryByItself final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* by_itself) override {
    *by_itself = false;
  }
};

// Directories that a database has open. Who still reads a store that its owner has closed keeps it
// open, and the directory locked.
class OpenDirectories {
 public:
  void Add(const std::string& directory) {
    const std::scoped_lock lock(mutex_);
    open_.insert(directory);
  }
  void Remove(const std::string& directory) {
    const std::scoped_lock lock(mutex_);
    open_.erase(directory);
    closed_.notify_all();
  }
  bool AwaitClosed(const std::string& directory) {
    std::unique_lock lock(mutex_);
    return closed_.wait_for(lock, kLongestWait, [&] { return !open_.contains(directory); });
  }

 private:
  static constexpr std::chrono::seconds kLongestWait{2};

  std::mutex mutex_;
  std::condition_variable closed_;
  std::unordered_set<std::string> open_;
};

class RocksStore final : public Store {
 public:
  RocksStore(std::string directory, std::shared_ptr<rocksdb::DB> db,
             std::vector<rocksdb::ColumnFamilyHandle*> families, const RocksOptions& options)
      : directory_(std::move(directory)),
        db_(std::move(db)),
        families_(std::move(families)),
        load_{.level0_limit = options.level0_slowdown_trigger,
              .level0_signal = options.level0_signal,
              .write_buffer_bytes = options.write_buffer_bytes,
              .write_buffer_count = options.write_buffer_count} {
    write_options_.disableWAL = true;
    write_options_.no_slowdown = true;
  }
  ~RocksStore() override {
    for (rocksdb::ColumnFamilyHandle* family : families_)
      (void)db_->DestroyColumnFamilyHandle(family);
  }

  Status LoadPosition() {
    std::string text;
    const rocksdb::Status read =
        db_->Get(rocksdb::ReadOptions(), families_[1], kPositionKey, &text);
    if (read.IsNotFound()) return {};
    if (!read.ok()) return StorageError(directory_, "reading its position", read);
    if (text.size() != kPositionBytes) {
      return Fail(ErrorCode::kKvStorage, "The key-value store in {} has a damaged position.",
                  directory_);
    }
    position_ = {Offset(LoadLittle<int64_t>(text.data())), LoadLittle<int64_t>(text.data() + 8)};
    return {};
  }

  // A store without one was made just now.
  Status LoadIdentity() {
    const rocksdb::Status read =
        db_->Get(rocksdb::ReadOptions(), families_[1], kIdentityKey, &identity_);
    if (read.ok()) return {};
    if (!read.IsNotFound()) return StorageError(directory_, "reading its identity", read);
    identity_ = rocksdb::Env::Default()->GenerateUniqueId();
    std::erase_if(identity_, [](char c) { return c == '\n'; });
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    const rocksdb::Status put = db_->Put(options, families_[1], kIdentityKey, identity_);
    return put.ok() ? Status{} : StorageError(directory_, "writing its identity", put);
  }

  const StorePosition& position() const override { return position_; }
  const std::string& identity() const override { return identity_; }

  Result<std::unique_ptr<FoundValues>> Get(std::span<const ByteView> keys) const override {
    auto found = std::make_unique<RocksValues>(keys.size());
    found->Prepare();
    if (keys.size() == 1) {
      const rocksdb::Status read =
          db_->Get(read_options_, families_[0], ToSlice(keys[0]), &found->pinned()[0]);
      if (read.ok()) {
        found->Found(0);
      } else if (!read.IsNotFound()) {
        return StorageError(directory_, "reading", read);
      }
      return found;
    }
    std::vector<Slice> slices;
    slices.reserve(keys.size());
    for (ByteView key : keys)
      slices.push_back(ToSlice(key));
    std::vector<rocksdb::Status> statuses(keys.size());
    db_->MultiGet(read_options_, families_[0], slices.size(), slices.data(), found->pinned().data(),
                  statuses.data());
    for (size_t i = 0; i < statuses.size(); ++i) {
      if (statuses[i].ok()) {
        found->Found(i);
      } else if (!statuses[i].IsNotFound()) {
        return StorageError(directory_, "reading", statuses[i]);
      }
    }
    return found;
  }

  Status Write(std::span<const StoreChange> changes, const StorePosition& after) override {
    batch_.Clear();
    for (const StoreChange& change : changes) {
      const Slice key = ToSlice(change.key);
      if (change.deleted) {
        (void)batch_.Delete(families_[0], key);
        continue;
      }
      char id[2];
      StoreLittle(id, static_cast<int16_t>(change.schema_id.value));
      const Slice parts[] = {Slice(id, sizeof(id)), ToSlice(change.row)};
      (void)batch_.Put(families_[0], rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(parts, 2));
    }
    char position[kPositionBytes];
    StoreLittle(position, after.offset.value);
    StoreLittle(position + 8, after.row_count);
    (void)batch_.Put(families_[1], kPositionKey, Slice(position, sizeof(position)));
    const rocksdb::Status written = db_->Write(write_options_, &batch_);
    if (written.IsIncomplete() || written.IsBusy() || written.IsTryAgain()) {
      return Fail(ErrorCode::kStorageBackpressure,
                  "The key-value store in {} cannot keep up with its writes ({}).", directory_,
                  written.ToString());
    }
    if (!written.ok()) return StorageError(directory_, "writing", written);
    position_ = after;
    return {};
  }

  std::unique_ptr<StoreCursor> Scan() const override {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    return std::make_unique<RocksCursor>(
        std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, families_[0])), db_,
        directory_);
  }

  StoreLoad load() const override {
    static const std::string kFiles = rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0";
    StoreLoad load = load_;
    std::string text;
    if (db_->GetProperty(families_[0], kFiles, &text)) load.level0_files = std::atoi(text.c_str());
    return load;
  }

  bool has_cursors() const override { return db_.use_count() > 1; }

  Status Flush() override {
    const rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions(), families_);
    return flushed.ok() ? Status{} : StorageError(directory_, "flushing", flushed);
  }

  Result<StorePosition> Checkpoint(const std::string& directory) override {
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    // 0: flush the memtables first, whatever their size; there is no WAL to copy instead.
    if (status.ok()) status = checkpoint->CreateCheckpoint(directory, 0);
    if (!status.ok()) return StorageError(directory_, "making a checkpoint", status);
    return PositionOf(directory);
  }

 private:
  // Writes go on while a checkpoint is made: what it holds is what it says itself.
  Result<StorePosition> PositionOf(const std::string& directory) const {
    rocksdb::DBOptions options;
    std::vector<rocksdb::ColumnFamilyDescriptor> families = {
        {rocksdb::kDefaultColumnFamilyName, {}}, {kOwnFamily, {}}};
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::OpenForReadOnly(options, directory, families, &handles, &opened);
    if (!status.ok()) return StorageError(directory, "reading a checkpoint", status);
    RocksStore store(directory, std::shared_ptr<rocksdb::DB>(opened), std::move(handles), {});
    STROM_TRY_VOID(store.LoadPosition());
    return store.position();
  }

  const std::string directory_;
  std::shared_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  // default, strom
  const StoreLoad load_;                                // without the number of files
  rocksdb::ReadOptions read_options_;
  rocksdb::WriteOptions write_options_;
  rocksdb::WriteBatch batch_;
  StorePosition position_;
  std::string identity_;
};

rocksdb::ColumnFamilyOptions DataOptions(const Shared& shared) {
  const RocksOptions& given = shared.options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = shared.cache;
  table.block_size = given.block_bytes;
  // What 6.20 can read (spec 03, 12.4); library upgrades change these defaults.
  table.checksum = rocksdb::kCRC32c;
  table.format_version = 5;
  // Lookups are of single keys.
  table.block_restart_interval = 4;
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  if (given.bloom_bits_per_key > 0) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(given.bloom_bits_per_key, false));
  }
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = given.write_buffer_bytes;
  options.memtable_factory = MakeHashMemtableFactory();
  options.arena_block_size = kArenaBlockBytes;
  options.max_write_buffer_number = given.write_buffer_count;
  options.min_write_buffer_number_to_merge = given.write_buffers_to_merge;
  options.target_file_size_base = given.target_file_bytes;
  options.max_bytes_for_level_base = given.level_base_bytes;
  options.level0_slowdown_writes_trigger = given.level0_slowdown_trigger;
  options.level0_stop_writes_trigger = given.level0_slowdown_trigger + 16;
  options.compression_per_level = {rocksdb::kLZ4Compression,
                                   rocksdb::kLZ4Compression,
                                   rocksdb::kLZ4Compression,
                                   rocksdb::kLZ4Compression,
                                   rocksdb::kLZ4Compression,
                                   rocksdb::kZSTD,
                                   rocksdb::kZSTD};
  return options;
}

rocksdb::DBOptions DatabaseOptions(const Shared& shared) {
  rocksdb::DBOptions options;
  options.env = TableFilesEnv();
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.atomic_flush = true;
  // Who closes a store that is wanted again flushes it; one that is dropped needs no flush.
  options.avoid_flush_during_shutdown = true;
  options.allow_concurrent_memtable_write = false;  // one shard writes; the memtable relies on it
  options.max_open_files = shared.options.max_open_files;
  options.max_file_opening_threads = 1;
  options.max_background_jobs = shared.options.background_threads;
  options.write_buffer_manager = shared.buffers;
  options.rate_limiter = shared.limiter;
  // Without these an idle instance costs 76 MB of disk and several threads.
  options.manifest_preallocation_size = size_t{64} << 10;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = size_t{1} << 20;
  options.keep_log_file_num = 2;
  options.persist_stats_to_disk = false;
  options.max_bgerror_resume_count = 0;
  options.listeners = {std::make_shared<NoRecoveryByItself>()};
  return options;
}

class RocksEngine final : public StoreEngine {
 public:
  explicit RocksEngine(const RocksOptions& options) {
    shared_.options = options;
    shared_.cache = rocksdb::NewLRUCache(options.block_cache_bytes);
    shared_.buffers = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffers_bytes);
    if (options.rate_limit_bytes > 0) {
      shared_.limiter.reset(
          rocksdb::NewGenericRateLimiter(static_cast<int64_t>(options.rate_limit_bytes)));
    }
    rocksdb::Env* env = rocksdb::Env::Default();
    env->SetBackgroundThreads(options.background_threads, rocksdb::Env::LOW);
    env->SetBackgroundThreads(1, rocksdb::Env::HIGH);
  }

  Result<std::unique_ptr<Store>> Open(const std::string& directory) override {
    if (!directories_->AwaitClosed(directory)) {
      return Fail(ErrorCode::kKvStorage,
                  "The key-value store in {} was closed and is still being read; try again.",
                  directory);
    }
    const rocksdb::ColumnFamilyOptions data = DataOptions(shared_);
    rocksdb::ColumnFamilyOptions own = data;
    own.write_buffer_size = size_t{1} << 20;
    std::vector<rocksdb::ColumnFamilyDescriptor> families = {
        {rocksdb::kDefaultColumnFamilyName, data}, {kOwnFamily, own}};
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    rocksdb::Env::Default()
        ->CreateDirIfMissing(runtime::ParentOf(directory))
        .PermitUncheckedError();
    const bool is_new = !std::filesystem::exists(directory);
    const rocksdb::Status status =
        rocksdb::DB::Open(DatabaseOptions(shared_), directory, families, &handles, &opened);
    const bool exists = std::filesystem::exists(directory + "/CURRENT");
    if (status.IsCorruption() || (status.IsPathNotFound() && exists)) {
      return Fail(ErrorCode::kCorruptRecord, "The key-value store in {} is damaged: {}.", directory,
                  status.ToString());
    }
    if (!status.ok()) return StorageError(directory, "opening", status);
    directories_->Add(directory);
    std::shared_ptr<rocksdb::DB> database(
        opened, [directories = directories_, directory](rocksdb::DB* closing) {
          delete closing;
          directories->Remove(directory);
        });
    auto store = std::make_unique<RocksStore>(directory, std::move(database), std::move(handles),
                                              shared_.options);
    if (is_new) STROM_TRY_VOID(SyncParentOf(directory));
    STROM_TRY_VOID(store->LoadPosition());
    STROM_TRY_VOID(store->LoadIdentity());
    return store;
  }

  Status Destroy(const std::string& directory) override {
    // The files first, then what a damaged manifest does not name.
    rocksdb::DestroyDB(directory, rocksdb::Options()).PermitUncheckedError();
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    if (error) {
      return StorageError(directory, "being deleted", rocksdb::Status::IOError(error.message()));
    }
    return SyncParentOf(directory);
  }

 private:
  // Makes durable that the directory is there, or that it is not.
  static Status SyncParentOf(const std::string& directory) {
    const std::string parent = runtime::ParentOf(directory);
    std::error_code error;
    if (!std::filesystem::exists(parent, error)) return {};
    std::unique_ptr<rocksdb::FSDirectory> folder;
    rocksdb::IOStatus synced = rocksdb::FileSystem::Default()->NewDirectory(
        parent, rocksdb::IOOptions(), &folder, nullptr);
    if (synced.ok()) synced = folder->Fsync(rocksdb::IOOptions(), nullptr);
    if (!synced.ok()) return StorageError(directory, "syncing the folder it is in", synced);
    return {};
  }

  Shared shared_;
  const std::shared_ptr<OpenDirectories> directories_ = std::make_shared<OpenDirectories>();
};

}  // namespace

std::unique_ptr<StoreEngine> MakeRocksEngine(const RocksOptions& options) {
  return std::make_unique<RocksEngine>(options);
}

}  // namespace strom::kv
