// For tests only: a file system in memory that can fail and lose power. Every operation that
// changes something counts, so that a test can break each of them once. After Restart the disk
// holds what was synced and, sector by sector, whatever the seed chose of the rest.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "runtime/file.h"
#include "runtime/shard.h"

namespace strom::metadata {

class TestDisk final : public runtime::FileSystem {
 public:
  explicit TestDisk(uint64_t seed = 1) : random_(seed) {}

  int64_t operations() const { return operations_; }
  int64_t syncs() const { return syncs_; }
  // The operation with this number (from 0) fails once, possibly half done.
  void FailOperation(int64_t number) { fail_once_ = number; }
  // From this operation on nothing works until Restart.
  void CutPowerAt(int64_t number) { power_ends_ = number; }
  bool failed_any() const { return failed_any_; }

  // Files opened before must be gone.
  void Restart() {
    power_ends_ = fail_once_ = -1;
    failed_any_ = false;
    names_ = durable_names_;
    // Folders keep their order of changes; an unknown number of them arrived.
    const size_t arrived = random_() % (pending_names_.size() + 1);
    for (size_t i = 0; i < arrived; ++i)
      Apply(pending_names_[i], names_);
    pending_names_.clear();
    durable_names_ = names_;
    for (const auto& [path, inode] : names_)
      LosePower(*inode);
  }

  // The bytes of a file, for looking and for damaging.
  Bytes& Content(const std::string& path) {
    STROM_CHECK(names_.contains(path));
    return names_[path]->content;
  }

  Result<std::unique_ptr<runtime::File>> Open(const std::string& path,
                                              runtime::OpenMode mode) override {
    const bool create =
        mode == runtime::OpenMode::kCreate || mode == runtime::OpenMode::kCreateTruncate;
    if (!names_.contains(path)) {
      if (!create) return Fail(ErrorCode::kStorage, "Cannot open '{}': it is not there.", path);
      if (Breaks()) return Broken("open", path);
      Change({"", path, std::make_shared<Inode>()});
    }
    std::shared_ptr<Inode> inode = names_[path];
    if (mode == runtime::OpenMode::kCreateTruncate) inode->content.clear();
    return std::make_unique<OpenFile>(*this, std::move(inode), path);
  }
  Result<std::optional<uint64_t>> SizeOf(const std::string& path) override {
    const auto found = names_.find(path);
    if (found == names_.end()) return std::nullopt;
    return found->second->content.size();
  }
  Result<std::vector<runtime::DirectoryEntry>> List(const std::string& directory) override {
    std::vector<runtime::DirectoryEntry> entries;
    for (const auto& [path, inode] : names_) {
      if (runtime::ParentOf(path) != directory) continue;
      entries.push_back({path.substr(directory.size() + 1), false, inode->content.size()});
    }
    return entries;
  }
  Status CreateDirectories(const std::string& /*directory*/) override { return {}; }
  Status Rename(const std::string& from, const std::string& to) override {
    if (Breaks()) return Broken("rename", from);
    Change({from, to, names_[from]});
    return {};
  }
  Status Remove(const std::string& path) override {
    return Fail(ErrorCode::kStorage, "Cannot remove '{}': not supported here.", path);
  }
  Status RemoveAll(const std::string& directory) override { return Remove(directory); }
  Status SyncDirectory(const std::string& directory) override {
    if (Breaks()) return Broken("sync directory", directory);
    durable_names_ = names_;
    pending_names_.clear();
    return {};
  }
  Result<std::unique_ptr<runtime::FileLock>> Lock(const std::string& path) override {
    return Fail(ErrorCode::kStorage, "Cannot lock '{}': not supported here.", path);
  }
  Result<runtime::DiskUsage> Usage(const std::string& /*path*/) override {
    return runtime::DiskUsage{};
  }

 private:
  static constexpr size_t kSectorBytes = 512;

  struct Inode {
    Bytes content;
    Bytes durable;
    std::set<size_t> dirty;  // sectors that the next sync writes
  };
  // `from` empty: a new file.
  struct NameChange {
    std::string from;
    std::string to;
    std::shared_ptr<Inode> inode;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  class OpenFile final : public runtime::File {
   public:
    OpenFile(TestDisk& disk, std::shared_ptr<Inode> inode, std::string path)
        : disk_(disk), inode_(std::move(inode)), path_(std::move(path)) {}

    Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) override {
      Bytes bytes;
      for (const ByteView piece : pieces)
        Append(bytes, piece);
      const bool breaks = disk_.Breaks();
      if (breaks && disk_.random_() % 4 != 0) bytes.resize(disk_.random_() % (bytes.size() + 1));
      Bytes& content = inode_->content;
      content.resize(std::max<size_t>(content.size(), offset + bytes.size()));
      std::ranges::copy(bytes, content.begin() + static_cast<ptrdiff_t>(offset));
      for (size_t at = offset; at < offset + bytes.size(); ++at)
        inode_->dirty.insert(at / kSectorBytes);
      if (disk_.random_() % 4 == 0) WriteBack();  // a system may do so at any time
      if (breaks) return disk_.Broken("write to", path_);
      return {};
    }
    Result<size_t> ReadAt(uint64_t offset, MutableByteView out) const override {
      const Bytes& content = inode_->content;
      if (offset >= content.size()) return 0;
      const size_t count = std::min(out.size(), content.size() - static_cast<size_t>(offset));
      std::copy_n(content.begin() + static_cast<ptrdiff_t>(offset), count, out.begin());
      return count;
    }
    Result<uint64_t> Size() const override { return inode_->content.size(); }
    Status Truncate(uint64_t size) override {
      if (disk_.Breaks()) return disk_.Broken("truncate", path_);
      inode_->content.resize(size);
      return {};
    }
    runtime::Task<Status> Sync() override {
      co_await runtime::Yield{};
      co_return SyncNow();
    }
    // As with Linux, a sync that fails leaves its sectors clean: no later one writes them.
    Status SyncNow() override {
      const bool breaks = disk_.Breaks();
      if (!breaks) {
        ++disk_.syncs_;
        WriteBack();
      }
      inode_->dirty.clear();
      if (breaks) return disk_.Broken("sync", path_);
      return {};
    }
    Result<std::shared_ptr<const runtime::Mapping>> Map(uint64_t /*capacity_bytes*/) override {
      return disk_.Broken("map", path_);
    }

   private:
    void WriteBack() {
      inode_->durable.resize(inode_->content.size());
      for (const size_t sector : inode_->dirty)
        CopySector(inode_->content, inode_->durable, sector * kSectorBytes);
      inode_->dirty.clear();
    }

    TestDisk& disk_;
    const std::shared_ptr<Inode> inode_;
    const std::string path_;
  };

  static void Apply(const NameChange& change, Names& names) {
    names[change.to] = change.inode;
    if (!change.from.empty()) names.erase(change.from);
  }
  void Change(NameChange change) {
    Apply(change, names_);
    pending_names_.push_back(std::move(change));
  }

  bool Breaks() {
    const int64_t number = operations_++;
    const bool breaks = number == fail_once_ || (power_ends_ >= 0 && number >= power_ends_);
    failed_any_ |= breaks;
    return breaks;
  }
  std::unexpected<Error> Broken(std::string_view call, std::string_view path) {
    return Fail(ErrorCode::kStorage, "Cannot {} '{}': input/output error.", call, path);
  }

  // What `from` does not have is zero.
  static void CopySector(const Bytes& from, Bytes& to, size_t at) {
    for (size_t i = at; i < std::min(to.size(), at + kSectorBytes); ++i)
      to[i] = i < from.size() ? from[i] : 0;
  }

  void LosePower(Inode& inode) {
    Bytes found = inode.content;
    if (found.size() != inode.durable.size()) {
      const auto [low, high] = std::minmax(found.size(), inode.durable.size());
      found.resize(random_() % 3 == 0 ? inode.durable.size() : low + random_() % (high - low + 1));
    }
    for (size_t at = 0; at < found.size(); at += kSectorBytes) {
      if (random_() % 2 == 0) CopySector(inode.durable, found, at);
    }
    inode.content = inode.durable = std::move(found);
    inode.dirty.clear();
  }

  std::mt19937_64 random_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_names_;
  int64_t operations_ = 0;
  int64_t syncs_ = 0;
  int64_t fail_once_ = -1;
  int64_t power_ends_ = -1;
  bool failed_any_ = false;
};

}  // namespace strom::metadata
