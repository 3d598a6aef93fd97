#include "server/kv_snapshots.h"

#include "base/log.h"
#include "kv/snapshot_files.h"
#include "server/server.h"

namespace strom::server {

using coordinator::SnapshotRegistry;
using metadata::SnapshotHandle;

runtime::Task<Result<int64_t>> KvSnapshots::NextId(TableBucket bucket) {
  return runtime::CallOn(server_.coordinator_shard(),
                         [this, bucket]() -> runtime::Task<Result<int64_t>> {
                           co_return server_.coordinator().snapshots().TakeId(bucket);
                         });
}

runtime::Task<Result<std::vector<SnapshotHandle>>> KvSnapshots::Registered(TableBucket bucket) {
  return runtime::CallOn(server_.coordinator_shard(),
                         [this, bucket]() -> runtime::Task<Result<std::vector<SnapshotHandle>>> {
                           co_return server_.coordinator().snapshots().Of(bucket);
                         });
}

runtime::Task<Status> KvSnapshots::Register(TableBucket bucket, SnapshotHandle snapshot,
                                            std::string tablet) {
  const auto kept = co_await runtime::CallOn(server_.coordinator_shard(), [&] {
    return server_.coordinator().snapshots().Register(bucket, snapshot);
  });
  if (!kept) co_return Fail(kept.error());
  runtime::FileSystem& files = runtime::ThisShard().files();
  const Status swept = co_await runtime::OnBlockingPool([&] {
    std::vector<std::string> paths;
    for (const SnapshotHandle& handle : *kept)
      paths.push_back(handle.metadata_path);
    return kv::SweepSnapshots(files, tablet, paths);
  });
  if (!swept) {
    Log(LogLevel::kWarn, "kv.snapshots_not_swept",
        {{"bucket", bucket}, {"directory", tablet}, {"reason", swept.error().message}});
  }
  co_return Status{};
}

runtime::Task<Status> KvSnapshots::Unregister(TableBucket bucket, int64_t snapshot_id) {
  return runtime::CallOn(server_.coordinator_shard(), [this, bucket, snapshot_id] {
    return server_.coordinator().snapshots().Unregister(bucket, snapshot_id);
  });
}

std::string KvSnapshots::TableDirectory(std::string_view remote_data_dir,
                                        const metadata::TableInfo& table) {
  return fmt::format("{}/kv/{}/{}-{}", remote_data_dir, table.path.database, table.path.table,
                     table.id);
}

std::string KvSnapshots::TabletDirectory(std::string_view remote_data_dir,
                                         const metadata::TableInfo& table, BucketId bucket) {
  return fmt::format("{}/{}", TableDirectory(remote_data_dir, table), bucket);
}

}  // namespace strom::server
