#include "server/server.h"

#include "base/log.h"
#include "replica/replica.h"
#include "server/session.h"

namespace strom::server {
namespace {

bool IsWildcard(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

runtime::Task<bool> StopCommit(ServerShard& shard) {
  co_await shard.commit.Stop();
  co_return true;
}

// On the shard's own thread.
runtime::Task<bool> Destroy(std::unique_ptr<ServerShard>& shard) {
  shard.reset();
  co_return true;
}

}  // namespace

ServerShard::ServerShard(Server& owner, runtime::Shard& own_shard)
    : server(owner),
      shard(own_shard),
      commit(owner.settings().commit),
      head_cache(owner.settings().head_cache_bytes),
      range_cache(owner.settings().range_cache_bytes),
      scans(owner.settings().scans),
      buffers(owner.settings().buffer_pool_bytes) {}

ServerShard::~ServerShard() {
  STROM_CHECK(sessions.empty());
}

const ServerSettings& ServerShard::settings() const {
  return server.settings();
}

ServerShard& ServerShard::OwnerOf(const TableBucket& bucket) {
  return server.shard(replica::OwnerOf(bucket, static_cast<int>(server.shard_count())));
}

ServerShard& ServerShard::ShardOf(runtime::ShardId id) {
  return server.shard(id);
}

Server::Server(ServerSettings settings)
    : settings_(std::move(settings)), home_(runtime::ThisShard()), snapshots_(*this) {}

Server::~Server() = default;

runtime::Task<Result<std::unique_ptr<Server>>> Server::Start(ServerSettings settings) {
  std::unique_ptr<Server> server(new Server(std::move(settings)));
  Status opened = co_await server->Open();
  if (!opened) {
    // Nothing was served: what is open is closed without a marker.
    co_await server->Abandon();
    co_return Fail(opened.error());
  }
  co_return server;
}

runtime::Task<Status> Server::Open() {
  runtime::FileSystem& files = home_.files();
  STROM_CO_TRY(directory_, log::LogDirectory::Open(files, settings_.data_dir));
  store_engine_ =
      settings_.store_engine ? settings_.store_engine : kv::MakeRocksEngine(settings_.rocks);
  STROM_CO_TRY_VOID(co_await OpenMetadata());
  for (int i = 0; i < home_.shard_count(); ++i) {
    runtime::Shard& shard = home_.peer(runtime::ShardId(i));
    shards_.push_back(co_await runtime::CallOn(shard, [this, &shard] { return MakeShard(shard); }));
  }
  STROM_CO_TRY_VOID(co_await OpenReplicas());
  STROM_CO_TRY_VOID(Listen());
  STROM_CO_TRY_VOID(ListenHttp());
  for (auto& shard : shards_) {
    shard->shard.Post([this, shard = shard.get()] {
      shard->background.Spawn(ShardUpkeep(*shard));
      if (settings_.kv_snapshot_interval.count() > 0) shard->background.Spawn(SnapshotLoop(*shard));
    });
  }
  tasks_.Spawn(CheckpointLoop());
  tasks_.Spawn(CoordinatorUpkeep());
  if (settings_.disk_write_limit < 1) tasks_.Spawn(DiskGuard());
  for (size_t i = 0; i < listeners_.size(); ++i)
    tasks_.Spawn(AcceptLoop(i));
  ready_ = true;
  co_return Status{};
}

runtime::Task<std::unique_ptr<ServerShard>> Server::MakeShard(runtime::Shard& shard) {
  auto made = std::make_unique<ServerShard>(*this, shard);
  made->catalog = coordinator_->catalog();
  co_return made;
}

runtime::Task<Status> Server::OpenMetadata() {
  STROM_CO_TRY(store_, metadata::JournalStore::Open(home_.files(), MetadataPath()));
  coordinator::CoordinatorSettings settings;
  settings.cluster = settings_.cluster;
  settings.remote_data_dir = settings_.remote_data_dir;
  settings.snapshots_retained = settings_.kv_snapshots_retained;
  settings.producer_offsets_ttl = settings_.producer_offsets_ttl;
  settings.tablet_servers = {settings_.server_id};
  STROM_CO_TRY(coordinator_,
               co_await coordinator::Coordinator::Start(*store_, std::move(settings),
                                                        [this](coordinator::CatalogChange change) {
                                                          return Publish(std::move(change));
                                                        }));
  co_return Status{};
}

std::string Server::MetadataPath() const {
  return fmt::format("{}/{}", settings_.data_dir, log::kMetadataFolder);
}

std::string Server::StoreDirectory(const metadata::TableInfo& table, BucketId bucket) const {
  return fmt::format("{}/kv-{}", directory_->TablePath(table.path, table.id), bucket);
}

std::string Server::BucketDirectory(const metadata::TableInfo& table, BucketId bucket) const {
  return directory_->BucketPath(table.path, table.id, bucket);
}

Status Server::Listen() {
  for (const ListenerSettings& settings : settings_.listeners) {
    STROM_TRY(std::unique_ptr<runtime::Listener> listener, home_.network().Listen(settings.bind));
    Log(LogLevel::kInfo, "server.listening",
        {{"listener", settings.name}, {"address", runtime::ToString(listener->endpoint())}});
    endpoints_.push_back(listener->endpoint());
    listeners_.push_back(std::move(listener));
  }
  return {};
}

Status Server::ListenHttp() {
  if (!settings_.http) return {};
  STROM_TRY(std::unique_ptr<runtime::Listener> listener, home_.network().Listen(*settings_.http));
  Log(LogLevel::kInfo, "http.listening", {{"address", runtime::ToString(listener->endpoint())}});
  http_ = std::make_unique<HttpServer>(
      std::move(listener),
      std::vector<HttpRoute>{
          {"/health/live", [] { return HttpAnswer{200, "text/plain", "live\n"}; }},
          {"/health/ready",
           [this] {
             return ready_ && !stopping_ ? HttpAnswer{200, "text/plain", "ready\n"}
                                         : HttpAnswer{503, "text/plain", "not ready\n"};
           }},
          {"/metrics",
           [this] {
             return HttpAnswer{200, "text/plain; version=0.0.4; charset=utf-8",
                               RenderMetrics(*this)};
           }},
      });
  http_->Start();
  return {};
}

std::optional<runtime::Endpoint> Server::http_endpoint() const {
  return http_ ? std::optional(http_->endpoint()) : std::nullopt;
}

runtime::Task<void> Server::AcceptLoop(size_t listener) {
  for (;;) {
    auto pending = co_await listeners_[listener]->Accept();
    if (!pending) co_return;
    if (connection_count_ >= settings_.max_connections) {
      Log(LogLevel::kWarn, "connection.refused",
          {{"reason", "server.max-connections are open"}, {"limit", settings_.max_connections}});
      continue;
    }
    ++connection_count_;
    Hand(listener, std::move(*pending));
  }
}

// Connections go round the shards: few connections would not spread by themselves.
void Server::Hand(size_t listener, std::unique_ptr<runtime::PendingConnection> pending) {
  ServerShard& shard = *shards_[next_shard_++ % shards_.size()];
  shard.shard.Post([this, &shard, listener, pending = std::move(pending)]() mutable {
    auto connection = shard.shard.network().Attach(std::move(pending));
    auto serve = [](Server* server, ServerShard* home, size_t on,
                    std::unique_ptr<runtime::Connection> taken) -> runtime::Task<void> {
      {
        Session session(*home, std::move(taken), on);
        home->sessions.push_back(&session);
        home->metrics.connections.Add(1);
        home->metrics.connections_total.Add();
        if (home->stopping) session.Close("the server stops");
        co_await session.Run();
        std::erase(home->sessions, &session);
        home->metrics.connections.Add(-1);
      }
      server->home_.Post([server] { --server->connection_count_; });
    };
    shard.connections.Spawn(serve(this, &shard, listener, std::move(connection)));
  });
}

coordinator::ClusterNodes Server::NodesFor(const Session& session) const {
  const size_t at = session.listener();
  const ListenerSettings& listener = settings_.listeners[at];
  runtime::Endpoint told = listener.advertised.value_or(endpoints_[at]);
  if (!listener.advertised) {
    told.host =
        IsWildcard(listener.bind.host) ? session.connection().local_address() : listener.bind.host;
  }
  const coordinator::NodeEndpoint node{settings_.server_id, told.host, told.port, std::nullopt};
  coordinator::ClusterNodes nodes;
  nodes.coordinator = coordinator::NodeEndpoint{ServerId(0), told.host, told.port, std::nullopt};
  nodes.tablet_servers = {node};
  return nodes;
}

runtime::Task<Status> Server::CloseShard(ServerShard& shard) {
  shard.stopping = true;
  shard.stop.Notify();
  for (Session* session : std::vector(shard.sessions)) {
    session->Close("the server stops");
  }
  co_await shard.connections.Join();
  co_await shard.background.Join();
  shard.known_rows.clear();
  Status result;
  for (const auto& [bucket, replica] : shard.replicas.all()) {
    Status closed = co_await replica->Close();
    if (!closed && result) result = std::move(closed);
  }
  co_await shard.commit.Stop();
  co_return result;
}

runtime::Task<Status> Server::Stop() {
  Log(LogLevel::kInfo, "server.stopping", {});
  stopping_ = true;
  stop_.Notify();
  for (auto& listener : listeners_)
    listener->Close();
  if (coordinator_) co_await coordinator_->Stop();
  Status result;
  for (Status& closed :
       co_await OnEveryShard([this](ServerShard& shard) { return CloseShard(shard); })) {
    if (!closed && result) result = std::move(closed);
  }
  co_await tasks_.Join();
  if (result) result = co_await Checkpoint();
  if (result) result = co_await MarkClean();
  if (http_) co_await http_->Stop();
  co_await DestroyShards();
  Log(result ? LogLevel::kInfo : LogLevel::kError, "server.stopped",
      {{"result", result ? "clean" : result.error().message}});
  co_return result;
}

runtime::Task<void> Server::Abandon() {
  if (coordinator_) co_await coordinator_->Stop();
  if (http_) co_await http_->Stop();
  for (auto& shard : shards_) {
    co_await runtime::CallOn(shard->shard, [shard = shard.get()] { return StopCommit(*shard); });
  }
  co_await DestroyShards();
}

runtime::Task<void> Server::DestroyShards() {
  for (auto& shard : shards_) {
    co_await runtime::CallOn(shard->shard, [&shard] { return Destroy(shard); });
  }
  shards_.clear();
}

}  // namespace strom::server
