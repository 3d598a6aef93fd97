// Stored documents of primary-key buckets' snapshots, of leases on them, and of the offsets of
// producers (spec 06, 16 and 19). The reference keeps the tables of a lease or producer in files of
// the remote directory and their paths in the document; here they are in the document itself, so
// that one transaction changes them. Errors are kStorage and name what is wrong.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace strom::metadata {

namespace path {
inline constexpr std::string_view kTablets = "/tabletservers/tables/";
inline constexpr std::string_view kLeases = "/leases/kv_snapshot/";
inline constexpr std::string_view kProducers = "/producers/";
std::string Snapshot(const TableBucket& bucket, int64_t snapshot_id);
// The next id of a bucket.
std::string SnapshotCounter(const TableBucket& bucket);
std::string Lease(std::string_view lease_id);
std::string Producer(std::string_view producer_id);
}  // namespace path

// What a key under kTablets says about snapshots.
struct SnapshotKey {
  TableBucket bucket;
  std::optional<int64_t> snapshot_id;  // none: it is the bucket's counter
};
std::optional<SnapshotKey> ParseSnapshotKey(std::string_view key);

// A snapshot that is complete: where its `_METADATA` is (format/kv_snapshot_json.h).
struct SnapshotHandle {
  int64_t id = 0;
  Offset log_offset;  // the first one that it does not contain
  std::string metadata_path;

  friend bool operator==(const SnapshotHandle&, const SnapshotHandle&) = default;
};
std::string WriteSnapshotHandle(const SnapshotHandle& handle);
Result<SnapshotHandle> ReadSnapshotHandle(std::string_view json);

struct SnapshotLease {
  Timestamp expires;
  std::map<TableBucket, int64_t> snapshots;  // never two of one bucket

  friend bool operator==(const SnapshotLease&, const SnapshotLease&) = default;
};
std::string WriteLease(const SnapshotLease& lease);
Result<SnapshotLease> ReadLease(std::string_view json);

struct ProducerOffsets {
  Timestamp expires;
  // Log end offsets by table; a table may have none.
  std::map<TableId, std::map<TableBucket, Offset>> tables;

  friend bool operator==(const ProducerOffsets&, const ProducerOffsets&) = default;
};
std::string WriteProducerOffsets(const ProducerOffsets& producer);
Result<ProducerOffsets> ReadProducerOffsets(std::string_view json);

}  // namespace strom::metadata
