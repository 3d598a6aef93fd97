#include "runtime/real_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "base/check.h"
#include "runtime/errno_text.h"
#include "runtime/shard.h"
#include "runtime/unique_fd.h"

namespace strom::runtime::internal {
namespace {

constexpr size_t kMaxRangesPerCall = 1024;  // IOV_MAX of Linux
constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

// Repeats a call that a signal interrupted.
template <class F>
auto Retry(F call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class RealMapping final : public Mapping {
 public:
  RealMapping(const uint8_t* data, uint64_t size) : data_(data), size_(size) {}
  ~RealMapping() override { ::munmap(const_cast<uint8_t*>(data_), size_); }

  uint64_t size() const override { return size_; }
  ByteView View(uint64_t offset, uint64_t length) const override {
    STROM_CHECK(offset <= size_ && length <= size_ - offset);
    return {data_ + offset, static_cast<size_t>(length)};
  }

 private:
  const uint8_t* data_;
  uint64_t size_;
};

class RealFile final : public File {
 public:
  RealFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) override;
  Result<size_t> ReadAt(uint64_t offset, MutableByteView out) const override;
  Result<uint64_t> Size() const override;
  Status Truncate(uint64_t size) override;
  Task<Status> Sync() override {
    return OnBlockingPool([this] { return SyncNow(); });
  }
  Status SyncNow() override;
  Result<std::shared_ptr<const Mapping>> Map(uint64_t capacity_bytes) override;

 private:
  UniqueFd fd_;
  std::string path_;
};

Status RealFile::WriteAt(uint64_t offset, std::span<const ByteView> pieces) {
  std::array<iovec, kMaxRangesPerCall> ranges;
  size_t skip = 0;  // bytes of the first piece that are written already
  while (!pieces.empty()) {
    size_t count = 0;
    for (; count < std::min(pieces.size(), ranges.size()); ++count) {
      const ByteView piece = count == 0 ? pieces[0].subspan(skip) : pieces[count];
      ranges[count] = {const_cast<uint8_t*>(piece.data()), piece.size()};
    }
    const ssize_t written = Retry([&] {
      return ::pwritev(fd_.get(), ranges.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (written < 0) return CannotDo("write to", path_, errno);
    offset += static_cast<uint64_t>(written);
    size_t left = static_cast<size_t>(written);
    while (!pieces.empty() && left >= pieces[0].size() - skip) {
      left -= pieces[0].size() - skip;
      skip = 0;
      pieces = pieces.subspan(1);
    }
    skip += left;
    if (written == 0 && !pieces.empty()) return CannotDo("write to", path_, ENOSPC);
  }
  return {};
}

Result<size_t> RealFile::ReadAt(uint64_t offset, MutableByteView out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = Retry([&] {
      return ::pread(fd_.get(), out.data() + done, out.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) return CannotDo("read", path_, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Result<uint64_t> RealFile::Size() const {
  struct stat info{};
  if (::fstat(fd_.get(), &info) != 0) return CannotDo("stat", path_, errno);
  return static_cast<uint64_t>(info.st_size);
}

Status RealFile::Truncate(uint64_t size) {
  if (Retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
    return CannotDo("truncate", path_, errno);
  }
  return {};
}

Status RealFile::SyncNow() {
  if (Retry([&] { return ::fdatasync(fd_.get()); }) != 0) return CannotDo("sync", path_, errno);
  return {};
}

Result<std::shared_ptr<const Mapping>> RealFile::Map(uint64_t capacity_bytes) {
  if (capacity_bytes == 0) return CannotDo("map", path_, EINVAL);
  void* data = ::mmap(nullptr, capacity_bytes, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (data == MAP_FAILED) return CannotDo("map", path_, errno);
  return std::make_shared<RealMapping>(static_cast<const uint8_t*>(data), capacity_bytes);
}

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;  // closing it gives the lock back
};

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<std::optional<uint64_t>> SizeOf(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& directory) override;
  Status CreateDirectories(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& directory) override;
  Status SyncDirectory(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<DiskUsage> Usage(const std::string& path) override;
};

int OpenFlags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateTruncate:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

Result<std::unique_ptr<File>> RealFileSystem::Open(const std::string& path, OpenMode mode) {
  UniqueFd fd(Retry([&] { return ::open(path.c_str(), OpenFlags(mode) | O_CLOEXEC, kFileMode); }));
  if (!fd.valid()) return CannotDo("open", path, errno);
  return std::make_unique<RealFile>(std::move(fd), path);
}

Result<std::optional<uint64_t>> RealFileSystem::SizeOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? 0 : static_cast<uint64_t>(info.st_size);
  }
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return CannotDo("stat", path, errno);
}

Result<std::vector<DirectoryEntry>> RealFileSystem::List(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(directory.c_str()), ::closedir);
  if (!handle) return CannotDo("list", directory, errno);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(handle.get());
    if (entry == nullptr) {
      if (errno != 0) return CannotDo("list", directory, errno);
      break;
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    // One that went away meanwhile is not there; a dangling link is an entry without a size.
    if (::fstatat(::dirfd(handle.get()), name.c_str(), &info, 0) != 0 &&
        ::fstatat(::dirfd(handle.get()), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    const bool is_directory = S_ISDIR(info.st_mode);
    entries.push_back({.name = name,
                       .is_directory = is_directory,
                       .size_bytes = is_directory ? 0 : static_cast<uint64_t>(info.st_size)});
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Status RealFileSystem::CreateDirectories(const std::string& directory) {
  for (size_t end = 0; end < directory.size();) {
    end = std::min(directory.find('/', end + 1), directory.size());
    const std::string prefix = directory.substr(0, end);
    if (::mkdir(prefix.c_str(), kDirectoryMode) == 0) {
      const size_t slash = prefix.rfind('/');
      STROM_TRY_VOID(SyncDirectory(slash == std::string::npos ? "."
                                   : slash == 0               ? "/"
                                                              : prefix.substr(0, slash)));
      continue;
    }
    const int error = errno;
    struct stat info{};
    if (::stat(prefix.c_str(), &info) != 0) return CannotDo("create directory", prefix, error);
    if (!S_ISDIR(info.st_mode)) return CannotDo("create directory", prefix, ENOTDIR);
  }
  return {};
}

Status RealFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return Fail(ErrorCode::kStorage, "Cannot rename '{}' to '{}': {}.", from, to, ReasonOf(errno));
}

Status RealFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return CannotDo("remove", path, errno);
  return {};
}

Status RealFileSystem::RemoveAll(const std::string& directory) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) return CannotDo("remove", directory, error.value());
  return {};
}

Status RealFileSystem::SyncDirectory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return CannotDo("open directory", directory, errno);
  if (Retry([&] { return ::fsync(fd.get()); }) != 0) {
    return CannotDo("sync directory", directory, errno);
  }
  return {};
}

Result<std::unique_ptr<FileLock>> RealFileSystem::Lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (!fd.valid()) return CannotDo("open", path, errno);
  if (Retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return CannotDo("lock", path, errno);
    return Fail(ErrorCode::kOperationNotAttempted,
                "Cannot lock '{}': another process holds it. Stop that one or use another folder.",
                path);
  }
  return std::make_unique<RealFileLock>(std::move(fd));
}

Result<DiskUsage> RealFileSystem::Usage(const std::string& path) {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return CannotDo("get the disk usage of", path, errno);
  return DiskUsage{.total_bytes = info.f_blocks * info.f_frsize,
                   .available_bytes = info.f_bavail * info.f_frsize};
}

}  // namespace

std::unique_ptr<FileSystem> MakeRealFileSystem() {
  return std::make_unique<RealFileSystem>();
}

}  // namespace strom::runtime::internal
