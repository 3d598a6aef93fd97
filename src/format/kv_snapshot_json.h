// The `_METADATA` document of a snapshot of a primary-key bucket (spec 03, 12.3): which files make
// it up and which offset of the changelog it stands for. One line of JSON; the same text travels in
// COMMIT_KV_SNAPSHOT and lies beside the files. Members that are unknown are ignored; everything
// else is checked, and errors are kStorage and name what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace strom::format {

struct KvSnapshotFile {
  std::string path;  // where it was uploaded to
  int64_t size_bytes = 0;
  std::string local_name;  // in the store: a bare file name

  friend bool operator==(const KvSnapshotFile&, const KvSnapshotFile&) = default;
};

// The ids that the bucket may still give to an auto-increment column: next and last, 0 and -1 when
// it has taken none yet (spec 03, 13).
struct AutoIncrementRange {
  int32_t column_id = 0;
  int64_t start = 0;
  int64_t end = -1;

  friend bool operator==(const AutoIncrementRange&, const AutoIncrementRange&) = default;
};

struct KvSnapshotMetadata {
  TableBucket bucket;
  int64_t snapshot_id = 0;                    // counts from 0 for each bucket
  std::string location;                       // the snapshot's directory
  std::vector<KvSnapshotFile> shared_files;   // SSTs, which later snapshots may share
  std::vector<KvSnapshotFile> private_files;  // the others
  int64_t uploaded_bytes = 0;                 // for this snapshot, without what was there already
  Offset log_offset;                          // the first one that is not contained
  std::optional<int64_t> row_count;
  std::vector<AutoIncrementRange> auto_increment_ranges;
  // Ours: the identity of the store that it is a copy of (kv/store.h); empty in others' snapshots.
  std::string store_identity;

  friend bool operator==(const KvSnapshotMetadata&, const KvSnapshotMetadata&) = default;
};

std::string WriteKvSnapshotMetadata(const KvSnapshotMetadata& snapshot);
Result<KvSnapshotMetadata> ReadKvSnapshotMetadata(std::string_view json);

}  // namespace strom::format
