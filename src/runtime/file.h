// Files. Calls block the caller for as long as the page cache takes (microseconds) unless they say
// otherwise; what waits for the device is a Task or belongs on the blocking pool.
// Errors are kStorage with the path, the call and the system's reason. After a failed Sync nobody
// may assume what is on disk: the owner re-reads the file or stops using it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/task.h"

namespace strom::runtime {

// A read-only window on a file from byte 0. It may be longer than the file is now: bytes become
// readable as the file grows. Reading past the end of the file is the caller's defect (SIGBUS);
// so is truncating below what a reader may still look at. Thread-safe to read; keep it alive by
// the shared_ptr for as long as views of it are in use (a response on its way out, say).
class Mapping {
 public:
  virtual ~Mapping() = default;
  // capacity in bytes
  virtual uint64_t size() const = 0;
  virtual ByteView View(uint64_t offset, uint64_t length) const = 0;
};

class File {
 public:
  virtual ~File() = default;  // closes; does not sync

  // Writes all pieces back to back at `offset`, or fails having written an unknown prefix.
  virtual Status WriteAt(uint64_t offset, std::span<const ByteView> pieces) = 0;
  // Fills `out` as far as the file reaches; returns the bytes read (short only at the end).
  virtual Result<size_t> ReadAt(uint64_t offset, MutableByteView out) const = 0;
  virtual Result<uint64_t> Size() const = 0;
  virtual Status Truncate(uint64_t size) = 0;
  // Makes what was written before the call durable (fdatasync). Sync runs on the blocking pool and
  // several may run side by side; SyncNow blocks the calling thread.
  virtual Task<Status> Sync() = 0;
  virtual Status SyncNow() = 0;
  virtual Result<std::shared_ptr<const Mapping>> Map(uint64_t capacity_bytes) = 0;
};

enum class OpenMode {
  kRead,            // must exist
  kReadWrite,       // must exist
  kCreate,          // read and write; made if missing
  kCreateTruncate,  // read and write; made or emptied
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  uint64_t size_bytes = 0;  // 0 for directories
};

// Held exclusively by one process (or simulated server) until destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DiskUsage {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0;
};

// Paths are text with '/'. All calls block; a rename or a new file is durable only after
// SyncDirectory of its folder.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  // Of a file in bytes, 0 of a folder; nothing if there is neither.
  virtual Result<std::optional<uint64_t>> SizeOf(const std::string& path) = 0;
  Result<bool> Exists(const std::string& path);
  // Sorted by name, without "." and "..".
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& directory) = 0;
  // With parents; success if it is there already. Syncs the parents of what it makes.
  virtual Status CreateDirectories(const std::string& directory) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;  // a file; a missing one is an error
  // A folder with everything in it; success if it is not there.
  virtual Status RemoveAll(const std::string& directory) = 0;
  virtual Status SyncDirectory(const std::string& directory) = 0;
  // kOperationNotAttempted with a message that says so when another process holds it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  virtual Result<DiskUsage> Usage(const std::string& path) = 0;
};

// The folder that a path is in; "." if it names none.
std::string ParentOf(const std::string& path);

// Whole small files. Replace writes `path`.tmp, syncs it, renames it over `path` and syncs the
// folder: after a crash either the old or the new content is there, never a mixture.
Result<Bytes> ReadFile(FileSystem& files, const std::string& path);
Status ReplaceFile(FileSystem& files, const std::string& path, ByteView content);

}  // namespace strom::runtime
