// Where the server's buckets find the snapshots that the coordinator knows. Any shard; outlives the
// replicas.
#pragma once

#include "metadata/catalog.h"
#include "replica/bucket_snapshots.h"

namespace strom::server {

class Server;

class KvSnapshots final : public replica::SnapshotCatalog {
 public:
  explicit KvSnapshots(Server& server) : server_(server) {}

  runtime::Task<Result<int64_t>> NextId(TableBucket bucket) override;
  runtime::Task<Result<std::vector<metadata::SnapshotHandle>>> Registered(
      TableBucket bucket) override;
  // Files that no snapshot needs any more are deleted; failing at that is logged, no error.
  runtime::Task<Status> Register(TableBucket bucket, metadata::SnapshotHandle snapshot,
                                 std::string tablet) override;
  runtime::Task<Status> Unregister(TableBucket bucket, int64_t snapshot_id) override;

  // {tablet} of kv/snapshot_files.h.
  static std::string TabletDirectory(std::string_view remote_data_dir,
                                     const metadata::TableInfo& table, BucketId bucket);
  // That of all buckets of a table.
  static std::string TableDirectory(std::string_view remote_data_dir,
                                    const metadata::TableInfo& table);

 private:
  Server& server_;
};

}  // namespace strom::server
