// Which snapshots of primary-key buckets there are and who leases them (spec 05, 12). Part of the
// coordinator: shard 0 only. Everything it says is durable; files are not its business.
//
// Of each bucket the newest `num_retained` snapshots are kept, and older ones for as long as a
// lease that has not expired names them. A snapshot that is freed goes when the next one is
// registered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "coordinator/statement_lock.h"
#include "metadata/catalog.h"
#include "metadata/snapshot_documents.h"
#include "metadata/store.h"
#include "runtime/task.h"

namespace strom::coordinator {

class SnapshotRegistry {
 public:
  using Handles = std::vector<metadata::SnapshotHandle>;  // by ascending id
  using BucketSnapshots = std::vector<std::pair<TableBucket, int64_t>>;

  // All outlive this; `catalog` is the coordinator's own.
  SnapshotRegistry(metadata::MetadataStore& store, const metadata::Catalog& catalog,
                   StatementLock& statements, int32_t num_retained)
      : store_(store), catalog_(catalog), statements_(statements), num_retained_(num_retained) {}

  // Before anything else. kStorage names the document that is unreadable.
  runtime::Task<Status> Load();

  const Handles& Of(const TableBucket& bucket) const;
  // An id that no registered snapshot has or had.
  int64_t TakeId(const TableBucket& bucket) { return buckets_[bucket].next_id++; }
  // Returns what is kept now. kUnknownTableOrBucket: the table was dropped.
  runtime::Task<Result<Handles>> Register(TableBucket bucket, metadata::SnapshotHandle snapshot);
  runtime::Task<Status> Unregister(TableBucket bucket, int64_t snapshot_id);

  // --- leases ---

  // Takes or renews the lease until now + `duration_ms`; a snapshot takes the place of another one
  // of its bucket. Returns those that do not exist, which are not leased. Errors:
  // kUnknownTableOrBucket, kNonPrimaryKeyTable, kInvalidProducerId for a bad id or duration;
  // nothing is leased then.
  runtime::Task<Result<BucketSnapshots>> AcquireLease(std::string id, int64_t duration_ms,
                                                      BucketSnapshots snapshots);
  // The lease ends with its last bucket. Unknown leases and buckets are no error.
  runtime::Task<Status> ReleaseLease(std::string id, std::vector<TableBucket> buckets);
  runtime::Task<Status> DropLease(std::string id);
  // How many have gone.
  runtime::Task<Result<size_t>> DropExpiredLeases(Timestamp now);
  size_t lease_count() const { return leases_.size(); }

  // Adds the documents of a table that is dropped; the caller holds the statement lock and calls
  // Forget when the transaction is committed.
  void AddDeletes(const metadata::TableInfo& table, metadata::Transaction& transaction) const;
  void Forget(const metadata::TableInfo& table);

 private:
  struct Bucket {
    int64_t next_id = 0;
    Handles handles;
  };

  Status Take(const metadata::Document& document);
  bool IsLeased(const TableBucket& bucket, int64_t snapshot_id) const;
  bool Exists(const TableBucket& bucket, int64_t snapshot_id) const;
  Status CheckTable(const TableBucket& bucket) const;
  runtime::Task<Status> Store(std::string id, metadata::SnapshotLease lease);

  metadata::MetadataStore& store_;
  const metadata::Catalog& catalog_;
  StatementLock& statements_;
  const size_t num_retained_;
  std::unordered_map<TableBucket, Bucket> buckets_;
  std::map<std::string, metadata::SnapshotLease> leases_;
};

}  // namespace strom::coordinator
