// Snapshots of a primary-key bucket in the remote data directory (spec 05, 12):
//
//   {tablet}/shared/{random}         SSTs; a later snapshot that has the same one refers to it
//   {tablet}/snap-{id}/{random}      the other files of snapshot `id`
//   {tablet}/snap-{id}/_METADATA     which files make it up (format/kv_snapshot_json.h), written
//   last
//
// {tablet} is {remote.data.dir}/kv/{db}/{table}-{tableId}/{bucket}. Paths in documents keep the
// form of the configuration ("file:///data" or "/data"); the directory is a local one. A snapshot
// counts from when the coordinator has registered it, so what a crash leaves half done is swept
// away later.
//
// All functions block; one at a time for a bucket. Errors: kKvStorage names the path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/kv_snapshot_json.h"
#include "runtime/file.h"

namespace strom::kv {

// The path on this machine; nothing for a scheme that is not served ("s3://…").
std::optional<std::string> LocalPathOf(std::string_view path);

std::string SnapshotMetadataPath(std::string_view tablet, int64_t snapshot_id);

// Copies the files of `checkpoint` (Store::Checkpoint) and writes `_METADATA`. `about` says
// everything but location, files and sizes. SSTs that `base` has are not copied: it must be a
// snapshot of the same store, or null. `random` makes file names. After an error nothing is left.
Result<format::KvSnapshotMetadata> UploadSnapshot(
    runtime::FileSystem& files, const std::string& checkpoint, const std::string& tablet,
    format::KvSnapshotMetadata about, const format::KvSnapshotMetadata* base, uint64_t random);

// kKvSnapshotNotExist: the document or a file of the snapshot is certainly gone, or damaged.
Result<format::KvSnapshotMetadata> ReadSnapshotMetadata(runtime::FileSystem& files,
                                                        const std::string& metadata_path);
// Puts all files into `directory`, which is made, or made anew. Errors as above.
Status DownloadSnapshot(runtime::FileSystem& files, const format::KvSnapshotMetadata& snapshot,
                        const std::string& directory);

// Deletes everything in {tablet} that belongs to none of the snapshots whose `_METADATA` are given.
// Deletes nothing if one of these cannot be read.
Status SweepSnapshots(runtime::FileSystem& files, const std::string& tablet,
                      std::span<const std::string> kept_metadata_paths);

}  // namespace strom::kv
