// What one shard of a server owns: its copy of the catalog, its bucket replicas and their group
// commit, its connections and their memory. Made, used and destroyed on its own shard.
#pragma once

#include <cstdint>
#include <memory>

#include "log/group_commit.h"
#include "log/head_cache.h"
#include "metadata/catalog.h"
#include "replica/replica_set.h"
#include "runtime/shard.h"
#include "runtime/sync.h"
#include "server/frame_buffer.h"
#include "server/metrics.h"
#include "server/scan_sessions.h"
#include "server/settings.h"

namespace strom::server {

class Server;
class Session;

struct KnownRows {
  std::weak_ptr<const kv::Store> store;
  std::shared_ptr<const metadata::TableInfo> table;
};

struct ServerShard {
  ServerShard(Server& server, runtime::Shard& shard);
  ~ServerShard();

  const ServerSettings& settings() const;
  // The shard that owns `bucket`.
  ServerShard& OwnerOf(const TableBucket& bucket);
  ServerShard& ShardOf(runtime::ShardId id);

  Server& server;
  runtime::Shard& shard;
  metadata::Catalog catalog;
  log::GroupCommit commit;
  // Both outlive the replicas.
  log::HeadCache head_cache;
  replica::RangeCache range_cache;
  replica::ReplicaSet replicas;
  // Rows of buckets, of all shards, that were looked up here: lookups cross to no other shard. Of a
  // store that its owner has closed meanwhile, nothing is left.
  std::unordered_map<TableBucket, KnownRows> known_rows;
  ScanSessions scans;
  FrameBufferPool buffers;
  std::vector<Session*> sessions;
  runtime::TaskGroup connections;  // one task per connection
  runtime::TaskGroup background;   // upkeep of this shard
  uint64_t fetch_turn = 0;         // rotates which bucket of a fetch is read first
  bool writes_refused = false;     // the data disk is too full
  bool stopping = false;
  runtime::Event stop;
  ShardMetrics metrics;
};

}  // namespace strom::server
