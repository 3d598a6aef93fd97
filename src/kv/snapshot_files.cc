#include "kv/snapshot_files.h"

#include <algorithm>
#include <set>

namespace strom::kv {
namespace {

using format::KvSnapshotFile;
using format::KvSnapshotMetadata;

constexpr std::string_view kMetadataName = "_METADATA";
constexpr std::string_view kShared = "shared";
constexpr size_t kCopyBytes = size_t{1} << 20;

std::unexpected<Error> StorageError(const Error& error) {
  return Fail(ErrorCode::kKvStorage, "{}", error.message);
}

std::unexpected<Error> Gone(std::string_view path, std::string_view why) {
  return Fail(ErrorCode::kKvSnapshotNotExist, "The snapshot file {} {}.", path, why);
}

Result<std::string> RequireLocal(std::string_view path) {
  if (auto local = LocalPathOf(path)) return *std::move(local);
  return Fail(ErrorCode::kKvStorage,
              "Snapshots cannot be kept in {}: remote.data.dir must be a local directory.", path);
}

std::string DirectoryOf(std::string_view tablet, int64_t id) {
  return fmt::format("{}/snap-{}", tablet, id);
}

bool IsSst(std::string_view name) {
  return name.ends_with(".sst");
}

// A checkpoint that was looked into holds a log of that, too.
bool BelongsToSnapshot(std::string_view name) {
  return IsSst(name) || name == "CURRENT" || name.starts_with("MANIFEST-") ||
         name.starts_with("OPTIONS-");
}

Status CopyFile(runtime::FileSystem& files, const std::string& from, const std::string& to) {
  STROM_TRY(const auto source, files.Open(from, runtime::OpenMode::kRead));
  STROM_TRY(const auto target, files.Open(to, runtime::OpenMode::kCreateTruncate));
  Bytes buffer(kCopyBytes);
  for (uint64_t at = 0;;) {
    STROM_TRY(const size_t got, source->ReadAt(at, buffer));
    if (got == 0) break;
    const ByteView piece = ByteView(buffer).first(got);
    STROM_TRY_VOID(target->WriteAt(at, std::span(&piece, 1)));
    at += got;
  }
  return target->SyncNow();
}

const KvSnapshotFile* FindLocal(const KvSnapshotMetadata* base, const std::string& name,
                                uint64_t size) {
  if (base == nullptr) return nullptr;
  const auto found = std::ranges::find(base->shared_files, name, &KvSnapshotFile::local_name);
  const bool same =
      found != base->shared_files.end() && found->size_bytes == static_cast<int64_t>(size);
  return same ? &*found : nullptr;
}

// Copies what is new; remembers it for a clean-up.
class Uploader {
 public:
  Uploader(runtime::FileSystem& files, std::string tablet, uint64_t random)
      : files_(files), tablet_(std::move(tablet)), random_(random) {}

  Status Upload(const std::string& checkpoint, const KvSnapshotMetadata* base,
                KvSnapshotMetadata& snapshot) {
    const std::string shared = fmt::format("{}/{}", tablet_, kShared);
    STROM_TRY(const std::string shared_local, RequireLocal(shared));
    STROM_TRY(const std::string own_local, RequireLocal(snapshot.location));
    STROM_TRY_VOID(files_.RemoveAll(own_local));
    STROM_TRY_VOID(files_.CreateDirectories(shared_local));
    STROM_TRY_VOID(files_.CreateDirectories(own_local));
    STROM_TRY(const auto entries, files_.List(checkpoint));
    for (const runtime::DirectoryEntry& entry : entries) {
      if (entry.is_directory || !BelongsToSnapshot(entry.name)) continue;
      const bool sst = IsSst(entry.name);
      auto& listed = sst ? snapshot.shared_files : snapshot.private_files;
      const KvSnapshotFile* known = sst ? FindLocal(base, entry.name, entry.size_bytes) : nullptr;
      if (known != nullptr) {
        listed.push_back(*known);
        continue;
      }
      const std::string name = fmt::format("{:016x}-{:04x}", random_, ++count_);
      const std::string path = fmt::format("{}/{}", sst ? shared : snapshot.location, name);
      const std::string local = fmt::format("{}/{}", sst ? shared_local : own_local, name);
      copied_.push_back(local);
      STROM_TRY_VOID(CopyFile(files_, checkpoint + "/" + entry.name, local));
      listed.push_back({path, static_cast<int64_t>(entry.size_bytes), entry.name});
      snapshot.uploaded_bytes += static_cast<int64_t>(entry.size_bytes);
    }
    STROM_TRY_VOID(files_.SyncDirectory(shared_local));
    const std::string text = WriteKvSnapshotMetadata(snapshot);
    return runtime::ReplaceFile(files_, fmt::format("{}/{}", own_local, kMetadataName),
                                AsBytes(text));
  }

  void TakeBack(const std::string& location) {
    for (const std::string& path : copied_)
      (void)files_.Remove(path);
    if (const auto local = LocalPathOf(location)) (void)files_.RemoveAll(*local);
  }

 private:
  runtime::FileSystem& files_;
  const std::string tablet_;
  const uint64_t random_;
  int count_ = 0;
  std::vector<std::string> copied_;
};

Status DownloadInto(runtime::FileSystem& files, const std::vector<KvSnapshotFile>& listed,
                    const std::string& directory) {
  for (const KvSnapshotFile& file : listed) {
    STROM_TRY(const std::string local, RequireLocal(file.path));
    const auto exists = files.Exists(local);
    if (!exists) return StorageError(exists.error());
    if (!*exists) return Gone(file.path, "is missing");
    const std::string target = directory + "/" + file.local_name;
    if (Status copied = CopyFile(files, local, target); !copied)
      return StorageError(copied.error());
    const auto opened = files.Open(target, runtime::OpenMode::kRead);
    const auto size = opened ? (*opened)->Size() : Result<uint64_t>(Fail(opened.error()));
    if (!size) return StorageError(size.error());
    if (static_cast<int64_t>(*size) != file.size_bytes) {
      return Gone(file.path, fmt::format("has {} bytes instead of {}", *size, file.size_bytes));
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> LocalPathOf(std::string_view path) {
  constexpr std::string_view kScheme = "file:";
  if (path.starts_with(kScheme)) {
    path.remove_prefix(kScheme.size());
    // file:/x and file:///x; a host between the slashes is another machine.
    if (path.starts_with("//")) path.remove_prefix(2);
    if (!path.starts_with('/')) return std::nullopt;
    return std::string(path);
  }
  if (path.empty() || path.find("://") != std::string_view::npos) return std::nullopt;
  return std::string(path);
}

std::string SnapshotMetadataPath(std::string_view tablet, int64_t snapshot_id) {
  return fmt::format("{}/{}", DirectoryOf(tablet, snapshot_id), kMetadataName);
}

Result<KvSnapshotMetadata> UploadSnapshot(runtime::FileSystem& files, const std::string& checkpoint,
                                          const std::string& tablet, KvSnapshotMetadata about,
                                          const KvSnapshotMetadata* base, uint64_t random) {
  about.location = DirectoryOf(tablet, about.snapshot_id);
  Uploader uploader(files, tablet, random);
  const Status uploaded = uploader.Upload(checkpoint, base, about);
  if (uploaded) return about;
  uploader.TakeBack(about.location);
  return StorageError(uploaded.error());
}

Result<KvSnapshotMetadata> ReadSnapshotMetadata(runtime::FileSystem& files,
                                                const std::string& metadata_path) {
  STROM_TRY(const std::string local, RequireLocal(metadata_path));
  const auto exists = files.Exists(local);
  if (!exists) return StorageError(exists.error());
  if (!*exists) return Gone(metadata_path, "is missing");
  const auto content = runtime::ReadFile(files, local);
  if (!content) return StorageError(content.error());
  auto snapshot = format::ReadKvSnapshotMetadata(AsText(*content));
  if (!snapshot) return Gone(metadata_path, "is damaged: " + snapshot.error().message);
  return snapshot;
}

Status DownloadSnapshot(runtime::FileSystem& files, const KvSnapshotMetadata& snapshot,
                        const std::string& directory) {
  // Under another name first: half of a store must not look like one.
  const std::string partial = directory + ".restore";
  Status made = files.RemoveAll(partial);
  if (made) made = files.CreateDirectories(partial);
  if (!made) return StorageError(made.error());
  STROM_TRY_VOID(DownloadInto(files, snapshot.private_files, partial));
  STROM_TRY_VOID(DownloadInto(files, snapshot.shared_files, partial));
  Status moved = files.SyncDirectory(partial);
  if (moved) moved = files.RemoveAll(directory);
  if (moved) moved = files.Rename(partial, directory);
  return moved ? Status{} : StorageError(moved.error());
}

Status SweepSnapshots(runtime::FileSystem& files, const std::string& tablet,
                      std::span<const std::string> kept_metadata_paths) {
  STROM_TRY(const std::string root, RequireLocal(tablet));
  const std::string shared = fmt::format("{}/{}", root, kShared);
  std::set<std::string> kept;
  for (const std::string& path : kept_metadata_paths) {
    STROM_TRY(const KvSnapshotMetadata snapshot, ReadSnapshotMetadata(files, path));
    STROM_TRY(const std::string location, RequireLocal(snapshot.location));
    kept.insert(location);
    for (const KvSnapshotFile& file : snapshot.shared_files) {
      STROM_TRY(std::string local, RequireLocal(file.path));
      kept.insert(std::move(local));
    }
  }
  const auto entries = files.List(root);
  if (!entries) return StorageError(entries.error());
  for (const runtime::DirectoryEntry& entry : *entries) {
    const std::string path = root + "/" + entry.name;
    if (!entry.name.starts_with("snap-") || kept.contains(path)) continue;
    if (Status gone = files.RemoveAll(path); !gone) return StorageError(gone.error());
  }
  const auto tables = files.List(shared);
  if (!tables) return StorageError(tables.error());
  for (const runtime::DirectoryEntry& entry : *tables) {
    const std::string path = shared + "/" + entry.name;
    if (kept.contains(path)) continue;
    if (Status gone = files.Remove(path); !gone) return StorageError(gone.error());
  }
  return {};
}

}  // namespace strom::kv
