#include "runtime/file.h"

#include <array>

namespace strom::runtime {

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<bool> FileSystem::Exists(const std::string& path) {
  STROM_TRY(const std::optional<uint64_t> size, SizeOf(path));
  return size.has_value();
}

Result<Bytes> ReadFile(FileSystem& files, const std::string& path) {
  STROM_TRY(auto file, files.Open(path, OpenMode::kRead));
  STROM_TRY(const uint64_t size, file->Size());
  Bytes content(size);
  STROM_TRY(const size_t got, file->ReadAt(0, content));
  content.resize(got);
  return content;
}

Status ReplaceFile(FileSystem& files, const std::string& path, ByteView content) {
  const std::string temporary = path + ".tmp";
  {
    STROM_TRY(auto file, files.Open(temporary, OpenMode::kCreateTruncate));
    const std::array pieces{content};
    STROM_TRY_VOID(file->WriteAt(0, pieces));
    STROM_TRY_VOID(file->SyncNow());
  }
  STROM_TRY_VOID(files.Rename(temporary, path));
  return files.SyncDirectory(ParentOf(path));
}

}  // namespace strom::runtime
