#include "runtime/sim_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/check.h"
#include "base/crc32c.h"
#include "runtime/errno_text.h"

namespace strom::runtime::internal {
namespace {

constexpr Duration kMaxSyncTime = std::chrono::milliseconds(3);

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<SimNode> node, std::string path, bool writable)
      : disk_(disk),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(writable),
        life_(disk.life()) {}

  Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) override;
  Result<size_t> ReadAt(uint64_t offset, MutableByteView out) const override;
  Result<uint64_t> Size() const override;
  Status Truncate(uint64_t size) override;
  Task<Status> Sync() override;
  Status SyncNow() override { return SyncUpTo(changes()); }
  Result<std::shared_ptr<const Mapping>> Map(uint64_t capacity_bytes) override;

 private:
  bool dead() const { return disk_.down() || disk_.life() != life_; }
  // All changes of the file's life so far.
  uint64_t changes() const { return node_->synced_changes + node_->pending.size(); }
  Status SyncUpTo(uint64_t change);

  SimDisk& disk_;
  const std::shared_ptr<SimNode> node_;
  const std::string path_;
  const bool writable_;
  const uint64_t life_;
};

Status SimFile::WriteAt(uint64_t offset, std::span<const ByteView> pieces) {
  if (!writable_) return CannotDo("write to", path_, EBADF);
  if (dead()) return CannotDo("write to", path_, EIO);
  Bytes bytes;
  for (const ByteView piece : pieces)
    Append(bytes, piece);
  int error = disk_.BeforeChange(disk_.faults().write_error);
  if (dead()) return CannotDo("write to", path_, EIO);
  const uint64_t end = disk_.Grow(node_->content.size(), offset + bytes.size());
  if (error == 0 && end < offset + bytes.size()) {
    error = ENOSPC;
    bytes.resize(end > offset ? end - offset : 0);
  } else if (error != 0) {
    bytes.resize(disk_.world().random().Below(bytes.size() + 1));
  }
  disk_.world().Record(Crc32c(bytes));
  node_->Write(offset, bytes);
  if (error != 0) return CannotDo("write to", path_, error);
  return {};
}

Result<size_t> SimFile::ReadAt(uint64_t offset, MutableByteView out) const {
  if (const int error = dead() ? EIO : disk_.BeforeRead(); error != 0) {
    return CannotDo("read", path_, error);
  }
  if (node_->is_directory) return CannotDo("read", path_, EISDIR);
  const Bytes& content = node_->content;
  if (offset >= content.size()) return 0;
  const size_t count = std::min<size_t>(out.size(), content.size() - offset);
  std::copy_n(content.begin() + static_cast<ptrdiff_t>(offset), count, out.begin());
  return count;
}

Result<uint64_t> SimFile::Size() const {
  if (dead()) return CannotDo("stat", path_, EIO);
  return node_->content.size();
}

Status SimFile::Truncate(uint64_t size) {
  if (!writable_) return CannotDo("truncate", path_, EINVAL);
  if (dead()) return CannotDo("truncate", path_, EIO);
  if (const int error = disk_.BeforeChange(disk_.faults().write_error); error != 0) {
    return CannotDo("truncate", path_, error);
  }
  node_->Truncate(size);
  return {};
}

Task<Status> SimFile::Sync() {
  const uint64_t covered = changes();
  co_await Sleep{disk_.world().RandomDelay(kMaxSyncTime)};
  co_return SyncUpTo(covered);
}

Status SimFile::SyncUpTo(uint64_t change) {
  if (dead()) return CannotDo("sync", path_, EIO);
  const int error = disk_.BeforeChange(disk_.faults().sync_error);
  if (dead()) return CannotDo("sync", path_, EIO);
  // Another sync may have covered some of it meanwhile.
  const size_t count = change - std::min(change, node_->synced_changes);
  if (error != 0) {
    // Clean in the page cache, whatever reached the disk.
    const size_t arrived = disk_.world().random().Below(count + 1);
    node_->MakeSafe(arrived);
    const auto begin = node_->pending.begin();
    node_->pending.erase(begin, begin + static_cast<ptrdiff_t>(count - arrived));
    node_->synced_changes += count - arrived;
    return CannotDo("sync", path_, error);
  }
  node_->MakeSafe(count);
  return {};
}

Result<std::shared_ptr<const Mapping>> SimFile::Map(uint64_t capacity_bytes) {
  if (capacity_bytes == 0) return CannotDo("map", path_, EINVAL);
  if (const int error = dead() ? EIO : disk_.BeforeRead(); error != 0) {
    return CannotDo("map", path_, error);
  }
  auto mapping = std::make_shared<SimMapping>(capacity_bytes);
  mapping->CopyFrom(node_->content, 0, node_->content.size());
  node_->mappings.push_back(mapping);
  return mapping;
}

class SimLock final : public FileLock {
 public:
  SimLock(SimDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)), life_(disk.life()) {}
  ~SimLock() override {
    if (disk_.life() == life_) disk_.locks().erase(path_);
  }

 private:
  SimDisk& disk_;
  const std::string path_;
  const uint64_t life_;
};

}  // namespace

SimMapping::SimMapping(uint64_t capacity)
    : capacity_(capacity), bytes_(static_cast<uint8_t*>(std::calloc(capacity, 1))) {
  STROM_CHECK(bytes_ != nullptr);
}

SimMapping::~SimMapping() {
  std::free(bytes_);
}

ByteView SimMapping::View(uint64_t offset, uint64_t length) const {
  STROM_CHECK(offset <= capacity_ && length <= capacity_ - offset);
  return {bytes_ + offset, static_cast<size_t>(length)};
}

void SimMapping::CopyFrom(const Bytes& content, uint64_t from, uint64_t to) {
  to = std::min<uint64_t>({to, content.size(), capacity_});
  if (from < to)
    std::copy(content.begin() + static_cast<ptrdiff_t>(from),
              content.begin() + static_cast<ptrdiff_t>(to), bytes_ + from);
}

std::unique_ptr<File> MakeSimFile(SimDisk& disk, std::shared_ptr<SimNode> node, std::string path,
                                  bool writable) {
  return std::make_unique<SimFile>(disk, std::move(node), std::move(path), writable);
}

std::unique_ptr<FileLock> MakeSimLock(SimDisk& disk, std::string path) {
  return std::make_unique<SimLock>(disk, std::move(path));
}

}  // namespace strom::runtime::internal
