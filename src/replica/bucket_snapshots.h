// Snapshots of one primary-key bucket: taking them, and building a store from one (spec 05, 12 and
// 13). Part of PrimaryKey, on its shard; the files are in kv/snapshot_files.h, the coordinator
// keeps which snapshots there are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "format/kv_snapshot_json.h"
#include "kv/kv_bucket.h"
#include "log/log.h"
#include "metadata/snapshot_documents.h"
#include "runtime/task.h"

namespace strom::replica {

// Who knows the snapshots of all buckets. Called on any shard.
class SnapshotCatalog {
 public:
  virtual ~SnapshotCatalog() = default;
  // An id that no snapshot of the bucket has.
  virtual runtime::Task<Result<int64_t>> NextId(TableBucket bucket) = 0;
  // By ascending id: those that are kept because they are new, and those that are leased.
  virtual runtime::Task<Result<std::vector<metadata::SnapshotHandle>>> Registered(
      TableBucket bucket) = 0;
  // The snapshot counts from now on; those that it replaces are deleted. `tablet` as in
  // kv/snapshot_files.h.
  virtual runtime::Task<Status> Register(TableBucket bucket, metadata::SnapshotHandle snapshot,
                                         std::string tablet) = 0;
  virtual runtime::Task<Status> Unregister(TableBucket bucket, int64_t snapshot_id) = 0;
};

// Where the snapshots of a bucket go; `tablet` as in kv/snapshot_files.h.
struct SnapshotPlace {
  SnapshotCatalog* catalog = nullptr;
  std::string tablet;
};

class BucketSnapshots {
 public:
  // `store_directory` is where the store lives; copies are made beside it.
  BucketSnapshots(TableBucket bucket, SnapshotPlace place, std::string store_directory)
      : bucket_(bucket), place_(std::move(place)), store_directory_(std::move(store_directory)) {}

  runtime::Task<Result<bool>> Any();
  // Puts the newest usable snapshot whose offset is between `least` and `most` in the place of the
  // store, which must not be open. False: there is none. Snapshots that are gone or damaged are
  // forgotten, and those above `most`: the changelog that they came from was lost.
  runtime::Task<Result<bool>> Restore(Offset least, Offset most);
  // The store that was opened, before anything is written to it.
  void Opened(const kv::Store& store);

  // Makes one of what the store holds, which may be written meanwhile; how many bytes were copied.
  // Nothing if there is nothing new. The caller keeps bucket and log until it returns.
  runtime::Task<Result<std::optional<int64_t>>> Take(kv::KvBucket& bucket, log::Log& log);

  // Whether Take would find nothing new in a store that is so far.
  bool HasAllBelow(Offset offset) const { return newest_known_ && newest_offset_ >= offset; }

  // Readers of snapshots go on in the changelog from here; 0 while there is none.
  runtime::Task<Result<Offset>> RetainOffset();

 private:
  runtime::Task<Status> FindBase();
  runtime::Task<Status> Forget(const metadata::SnapshotHandle& snapshot, std::string_view reason);
  format::KvSnapshotMetadata Describe(kv::KvBucket& bucket, int64_t id) const;

  const TableBucket bucket_;
  const SnapshotPlace place_;
  const std::string store_directory_;
  std::string identity_;
  Offset opened_at_;
  // The newest one, and its files if the store descends from it. Looked up when first needed.
  bool newest_known_ = false;
  Offset newest_offset_{0};
  std::optional<format::KvSnapshotMetadata> base_;
};

}  // namespace strom::replica
