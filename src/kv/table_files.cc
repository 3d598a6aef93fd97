#include "kv/table_files.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rocksdb/file_system.h>

#include "kv/memory_reads.h"

namespace strom::kv {
namespace {

rocksdb::IOStatus ErrorOf(const std::string& path, int error) {
  return error == ENOENT ? rocksdb::IOStatus::PathNotFound(path, std::strerror(error))
                         : rocksdb::IOStatus::IOError(path, std::strerror(error));
}

class TableFile final : public rocksdb::FSRandomAccessFile {
 public:
  TableFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~TableFile() override { ::close(fd_); }

  rocksdb::IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions&,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext*) const override {
    size_t got = 0;
    while (got < n) {
      const ssize_t read = ReadSome(scratch + got, n - got, static_cast<off_t>(offset + got));
      if (read == 0) break;
      if (read < 0) {
        if (errno == EINTR) continue;
        *result = rocksdb::Slice();
        if (errno == EAGAIN && MemoryReads::AreWanted()) {
          MemoryReads::Miss();
          return rocksdb::IOStatus::IOError(path_, "not in memory");
        }
        return ErrorOf(path_, errno);
      }
      got += static_cast<size_t>(read);
    }
    *result = rocksdb::Slice(scratch, got);
    return rocksdb::IOStatus::OK();
  }

  rocksdb::IOStatus Prefetch(uint64_t offset, size_t n, const rocksdb::IOOptions&,
                             rocksdb::IODebugContext*) override {
    if (::readahead(fd_, static_cast<off64_t>(offset), n) != 0) return ErrorOf(path_, errno);
    return rocksdb::IOStatus::OK();
  }

  void Hint(AccessPattern pattern) override {
    const int advice = pattern == kRandom       ? POSIX_FADV_RANDOM
                       : pattern == kSequential ? POSIX_FADV_SEQUENTIAL
                       : pattern == kWillNeed   ? POSIX_FADV_WILLNEED
                       : pattern == kWontNeed   ? POSIX_FADV_DONTNEED
                                                : POSIX_FADV_NORMAL;
    (void)::posix_fadvise(fd_, 0, 0, advice);
  }

  rocksdb::IOStatus InvalidateCache(size_t offset, size_t length) override {
    (void)::posix_fadvise(fd_, static_cast<off_t>(offset), static_cast<off_t>(length),
                          POSIX_FADV_DONTNEED);
    return rocksdb::IOStatus::OK();
  }

 private:
  ssize_t ReadSome(char* to, size_t n, off_t offset) const {
    iovec part{to, n};
    if (MemoryReads::AreWanted()) {
      const ssize_t read = ::preadv2(fd_, &part, 1, offset, RWF_NOWAIT);
      // Not every file system can say whether it would wait.
      if (read >= 0 || errno != EOPNOTSUPP) return read;
    }
    return ::preadv2(fd_, &part, 1, offset, 0);
  }

  const std::string path_;
  const int fd_;
};

class TableFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  TableFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "StromTableFiles"; }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override {
    if (options.use_mmap_reads || options.use_direct_reads) {
      return FileSystemWrapper::NewRandomAccessFile(path, options, result, debug);
    }
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ErrorOf(path, errno);
    *result = std::make_unique<TableFile>(path, fd);
    return rocksdb::IOStatus::OK();
  }
};

}  // namespace

rocksdb::Env* TableFilesEnv() {
  static rocksdb::Env* const env =
      rocksdb::NewCompositeEnv(std::make_shared<TableFileSystem>()).release();
  return env;
}

}  // namespace strom::kv
