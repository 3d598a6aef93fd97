#include "replica/bucket_snapshots.h"

#include <ranges>

#include "base/log.h"
#include "kv/snapshot_files.h"
#include "runtime/shard.h"

namespace strom::replica {

using format::KvSnapshotMetadata;
using metadata::SnapshotHandle;

runtime::Task<Result<bool>> BucketSnapshots::Any() {
  STROM_CO_TRY(const std::vector<SnapshotHandle> handles,
               co_await place_.catalog->Registered(bucket_));
  co_return !handles.empty();
}

runtime::Task<Result<Offset>> BucketSnapshots::RetainOffset() {
  STROM_CO_TRY(const std::vector<SnapshotHandle> handles,
               co_await place_.catalog->Registered(bucket_));
  Offset least(handles.empty() ? 0 : INT64_MAX);
  for (const SnapshotHandle& handle : handles)
    least = std::min(least, handle.log_offset);
  co_return least;
}

runtime::Task<Status> BucketSnapshots::Forget(const SnapshotHandle& snapshot,
                                              std::string_view reason) {
  Log(LogLevel::kError, "kv.snapshot_forgotten",
      {{"bucket", bucket_}, {"snapshot", snapshot.id}, {"reason", reason}});
  co_return co_await place_.catalog->Unregister(bucket_, snapshot.id);
}

runtime::Task<Result<bool>> BucketSnapshots::Restore(Offset least, Offset most) {
  STROM_CO_TRY(const std::vector<SnapshotHandle> handles,
               co_await place_.catalog->Registered(bucket_));
  runtime::FileSystem& files = runtime::ThisShard().files();
  for (const SnapshotHandle& handle : std::views::reverse(handles)) {
    if (handle.log_offset > most) {
      STROM_CO_TRY_VOID(co_await Forget(
          handle, fmt::format("it reaches offset {}, the log only {}", handle.log_offset, most)));
      continue;
    }
    if (handle.log_offset < least) continue;
    const auto restored = co_await runtime::OnBlockingPool([&]() -> Result<KvSnapshotMetadata> {
      STROM_TRY(KvSnapshotMetadata snapshot, kv::ReadSnapshotMetadata(files, handle.metadata_path));
      STROM_TRY_VOID(kv::DownloadSnapshot(files, snapshot, store_directory_));
      return snapshot;
    });
    if (restored) {
      Log(LogLevel::kInfo, "kv.restored",
          {{"bucket", bucket_}, {"snapshot", handle.id}, {"log_offset", handle.log_offset}});
      co_return true;
    }
    // Trouble that may pass must not cost a snapshot.
    if (restored.error().code != ErrorCode::kKvSnapshotNotExist) co_return Fail(restored.error());
    STROM_CO_TRY_VOID(co_await Forget(handle, restored.error().message));
  }
  co_return false;
}

void BucketSnapshots::Opened(const kv::Store& store) {
  identity_ = store.identity();
  opened_at_ = store.position().offset;
  newest_known_ = false;
}

// Files of one name are one file only if the store is the one that the snapshot was taken of, and
// not behind it.
runtime::Task<Status> BucketSnapshots::FindBase() {
  STROM_CO_TRY(const std::vector<SnapshotHandle> handles,
               co_await place_.catalog->Registered(bucket_));
  base_.reset();
  newest_offset_ = handles.empty() ? Offset(0) : handles.back().log_offset;
  if (!handles.empty() && newest_offset_ <= opened_at_) {
    runtime::FileSystem& files = runtime::ThisShard().files();
    const std::string path = handles.back().metadata_path;
    auto read =
        co_await runtime::OnBlockingPool([&] { return kv::ReadSnapshotMetadata(files, path); });
    if (read && read->store_identity == identity_) base_ = std::move(*read);
  }
  newest_known_ = true;
  co_return Status{};
}

KvSnapshotMetadata BucketSnapshots::Describe(kv::KvBucket& bucket, int64_t id) const {
  KvSnapshotMetadata about;
  about.bucket = bucket_;
  about.snapshot_id = id;
  about.store_identity = identity_;
  const kv::TableLayout& layout = bucket.table().layout();
  if (layout.auto_increment_column) {
    const auto [next, last] = bucket.NextIds();
    about.auto_increment_ranges.push_back(
        {layout.latest().schema->columns[*layout.auto_increment_column].id, next, last});
  }
  return about;
}

runtime::Task<Result<std::optional<int64_t>>> BucketSnapshots::Take(kv::KvBucket& bucket,
                                                                    log::Log& log) {
  if (!newest_known_) STROM_CO_TRY_VOID(co_await FindBase());
  if (bucket.position().offset <= newest_offset_) co_return std::nullopt;
  STROM_CO_TRY(const int64_t id, co_await place_.catalog->NextId(bucket_));
  KvSnapshotMetadata about = Describe(bucket, id);
  const bool counts_rows = bucket.table().layout().full_image;
  runtime::FileSystem& files = runtime::ThisShard().files();
  const uint64_t random = runtime::ThisShard().Random();
  const std::string checkpoint = store_directory_ + ".checkpoint";
  kv::Store& store = bucket.store();
  auto made = co_await runtime::OnBlockingPool([&]() -> Result<kv::StorePosition> {
    STROM_TRY_VOID(files.RemoveAll(checkpoint));
    return store.Checkpoint(checkpoint);
  });
  if (!made) co_return Fail(made.error());
  // The log must never end before a snapshot does.
  if (log.synced_offset() < made->offset) STROM_CO_TRY_VOID(co_await log.Sync());
  about.log_offset = made->offset;
  if (counts_rows) about.row_count = made->row_count;
  auto uploaded = co_await runtime::OnBlockingPool([&] {
    auto result = kv::UploadSnapshot(files, checkpoint, place_.tablet, std::move(about),
                                     base_ ? &*base_ : nullptr, random);
    (void)files.RemoveAll(checkpoint);
    return result;
  });
  if (!uploaded) co_return Fail(uploaded.error());
  STROM_CO_TRY_VOID(co_await place_.catalog->Register(
      bucket_, {id, made->offset, kv::SnapshotMetadataPath(place_.tablet, id)}, place_.tablet));
  newest_offset_ = made->offset;
  base_ = std::move(*uploaded);
  co_return base_->uploaded_bytes;
}

}  // namespace strom::replica
