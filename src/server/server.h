// A whole server in one process: coordinator and tablet server, on the shards of one runtime. Made,
// stopped and destroyed on shard 0; runs unchanged on the real and on the simulated runtime.
//
// Start order: lock the data directory, load the metadata, make every shard's state, open and
// recover the bucket logs, delete what belongs to no table, listen. Nothing is accepted before all
// of that is done. Stop is the reverse and leaves the clean-shutdown marker if every log closed
// well.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/ddl.h"
#include "coordinator/metadata_view.h"
#include "log/log_directory.h"
#include "log/log_options.h"
#include "metadata/journal_store.h"
#include "runtime/network.h"
#include "runtime/shard.h"
#include "runtime/sync.h"
#include "server/http.h"
#include "server/kv_snapshots.h"
#include "server/server_shard.h"
#include "server/settings.h"

namespace strom::server {

class Session;

class Server {
 public:
  static runtime::Task<Result<std::unique_ptr<Server>>> Start(ServerSettings settings);
  // Stop must have returned.
  ~Server();

  // SIGTERM: no new connections, the open ones end, logs are closed and checkpointed.
  runtime::Task<Status> Stop();

  const ServerSettings& settings() const { return settings_; }
  runtime::Shard& coordinator_shard() { return home_; }
  // On the coordinator's shard only.
  coordinator::Coordinator& coordinator() { return *coordinator_; }
  ServerShard& shard(runtime::ShardId id) { return *shards_[static_cast<size_t>(id.value)]; }
  size_t shard_count() const { return shards_.size(); }

  // Where the listener of a session says that this server is. Any shard.
  coordinator::ClusterNodes NodesFor(const Session& session) const;
  // Bound addresses, with the real ports, in the order of the settings.
  const std::vector<runtime::Endpoint>& endpoints() const { return endpoints_; }
  std::optional<runtime::Endpoint> http_endpoint() const;

 private:
  explicit Server(ServerSettings settings);

  runtime::Task<Status> Open();
  runtime::Task<Status> OpenMetadata();
  runtime::Task<std::unique_ptr<ServerShard>> MakeShard(runtime::Shard& shard);
  // What `visit` gives back on each shard, called there with its ServerShard.
  template <class Visit>
  auto OnEveryShard(Visit visit) {
    std::vector<std::invoke_result_t<Visit, ServerShard&>> visits;
    for (auto& shard : shards_) {
      visits.push_back(runtime::CallOn(
          shard->shard, [visit, shard = shard.get()]() mutable { return visit(*shard); }));
    }
    return runtime::WhenAll(std::move(visits));
  }
  runtime::Task<Status> OpenReplicas();
  runtime::Task<Status> OpenReplicasOn(ServerShard& shard,
                                       std::vector<std::shared_ptr<const metadata::TableInfo>>);
  // One that was closed well is opened when it is first needed.
  runtime::Task<Result<std::unique_ptr<log::Log>>> OpenLog(runtime::Shard& shard,
                                                           const metadata::TableInfo& table,
                                                           TableBucket bucket,
                                                           const log::LogOptions& options);
  Status Listen();
  Status ListenHttp();
  runtime::Task<void> AcceptLoop(size_t listener);
  void Hand(size_t listener, std::unique_ptr<runtime::PendingConnection> pending);
  runtime::Task<void> ShardUpkeep(ServerShard& shard);  // one on each shard
  void RollOldSegments(ServerShard& shard);
  // Upkeep of one bucket; on every one of a shard through ForEachReplica.
  using Upkeep = runtime::Task<void> (Server::*)(ServerShard&, std::shared_ptr<replica::Replica>);
  runtime::Task<void> ForEachReplica(ServerShard& shard, Upkeep upkeep);
  runtime::Task<void> CloseIdleLog(ServerShard& shard, std::shared_ptr<replica::Replica> replica);
  runtime::Task<void> CloseIdleStore(ServerShard& shard, std::shared_ptr<replica::Replica> replica);
  runtime::Task<void> ApplyRetention(ServerShard& shard, std::shared_ptr<replica::Replica> replica);
  // Snapshots of primary-key buckets, one after the other on each shard.
  runtime::Task<void> SnapshotLoop(ServerShard& shard);
  runtime::Task<void> TakeSnapshot(ServerShard& shard, std::shared_ptr<replica::Replica> replica);
  // What the coordinator forgets by the clock.
  runtime::Task<void> CoordinatorUpkeep();
  // Looks at the data disk now and then, and tells every shard whether it may write.
  runtime::Task<void> DiskGuard();
  runtime::Task<void> CheckpointLoop();
  runtime::Task<Status> Checkpoint();
  // What the closed logs are, for the next start.
  runtime::Task<Status> MarkClean();
  runtime::Task<Status> CloseShard(ServerShard& shard);
  runtime::Task<void> DestroyShards();
  // Takes down what a failed start left.
  runtime::Task<void> Abandon();

  // Brings a DDL change to every shard: catalogs, new replicas, dropped ones.
  runtime::Task<void> Publish(coordinator::CatalogChange change);
  runtime::Task<bool> ApplyOn(ServerShard& shard,
                              std::shared_ptr<const coordinator::CatalogChange> change);
  runtime::Task<void> DeleteDirectory(std::string directory);

  std::string MetadataPath() const;
  std::string BucketDirectory(const metadata::TableInfo& table, BucketId bucket) const;
  std::string StoreDirectory(const metadata::TableInfo& table, BucketId bucket) const;
  // Where snapshots of the table go, if they can be taken.
  std::optional<replica::SnapshotPlace> SnapshotPlaceOf(const metadata::TableInfo& table,
                                                        BucketId bucket);
  const std::string& RemoteDirectoryOf(const metadata::TableInfo& table) const;
  // Where the log of a bucket begins that is not there: behind its newest snapshot.
  runtime::Task<Result<Offset>> FirstOffsetOf(const metadata::TableInfo& table, TableBucket bucket);

  ServerSettings settings_;
  runtime::Shard& home_;
  std::shared_ptr<kv::StoreEngine> store_engine_;  // outlives the replicas
  KvSnapshots snapshots_;                          // outlives the replicas
  std::unique_ptr<log::LogDirectory> directory_;
  std::unique_ptr<metadata::JournalStore> store_;
  std::unique_ptr<coordinator::Coordinator> coordinator_;
  std::vector<std::unique_ptr<ServerShard>> shards_;
  std::vector<std::unique_ptr<runtime::Listener>> listeners_;
  std::vector<runtime::Endpoint> endpoints_;
  std::unique_ptr<HttpServer> http_;
  runtime::TaskGroup tasks_;
  size_t next_shard_ = 0;
  size_t connection_count_ = 0;
  bool ready_ = false;
  bool stopping_ = false;
  bool disk_full_ = false;
  runtime::Event stop_;
};

}  // namespace strom::server
