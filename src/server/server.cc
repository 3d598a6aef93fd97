#include "server/server.h"

#include "base/log.h"
#include "replica/replica.h"
#include "server/session.h"

namespace strom::server {
namespace {

using metadata::TableInfo;
using TablePtr = std::shared_ptr<const TableInfo>;

constexpr std::chrono::seconds kStaleSweepInterval{1};
constexpr std::chrono::seconds kRollCheckInterval{60};

bool IsWildcard(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

// The data a catalog change concerns, for one log line.
std::string Describe(const coordinator::CatalogChange& change) {
  std::string text;
  for (const auto& table : change.created_tables)
    text += fmt::format(" +{}", table->path);
  for (const auto& table : change.dropped_tables)
    text += fmt::format(" -{}", table->path);
  for (const auto& database : change.databases)
    text += fmt::format(" +{}", database->name);
  for (const auto& database : change.dropped_databases)
    text += fmt::format(" -{}", database);
  return text.empty() ? text : text.substr(1);
}

}  // namespace

ServerShard::ServerShard(Server& owner, runtime::Shard& own_shard)
    : server(owner),
      shard(own_shard),
      commit(owner.settings().commit),
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

Server::Server(ServerSettings settings)
    : settings_(std::move(settings)), home_(runtime::ThisShard()) {}

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
  STROM_CO_TRY_VOID(co_await OpenMetadata());
  for (int i = 0; i < home_.shard_count(); ++i) {
    runtime::Shard& shard = home_.peer(runtime::ShardId(i));
    shards_.push_back(co_await runtime::CallOn(
        shard, [this, &shard]() -> runtime::Task<std::unique_ptr<ServerShard>> {
          auto made = std::make_unique<ServerShard>(*this, shard);
          made->catalog = coordinator_->catalog();
          co_return made;
        }));
  }
  STROM_CO_TRY_VOID(co_await OpenReplicas());
  STROM_CO_TRY_VOID(Listen());
  STROM_CO_TRY_VOID(ListenHttp());
  for (auto& shard : shards_) {
    shard->shard.Post(
        [this, shard = shard.get()] { shard->background.Spawn(ShardUpkeep(*shard)); });
  }
  tasks_.Spawn(CheckpointLoop());
  for (size_t i = 0; i < listeners_.size(); ++i)
    tasks_.Spawn(AcceptLoop(i));
  ready_ = true;
  co_return Status{};
}

runtime::Task<Status> Server::OpenMetadata() {
  STROM_CO_TRY(store_, metadata::JournalStore::Open(home_.files(), MetadataPath()));
  coordinator::CoordinatorSettings settings;
  settings.cluster = settings_.cluster;
  settings.remote_data_dir = settings_.remote_data_dir;
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

std::string Server::BucketDirectory(const TableInfo& table, BucketId bucket) const {
  return directory_->BucketPath(table.path, table.id, bucket);
}

runtime::Task<Status> Server::OpenReplicas() {
  const metadata::Catalog& catalog = coordinator_->catalog();
  std::vector<TablePtr> tables;
  for (const std::string& database : catalog.DatabaseNames()) {
    for (const std::string& name : catalog.TableNames(database)) {
      tables.push_back(catalog.FindTable(TablePath{database, name}));
    }
  }
  for (const log::FoundTable& found : directory_->found_tables()) {
    if (catalog.FindTable(found.table) != nullptr) continue;
    if (store_->created()) {
      // The metadata is gone, not the table: deleting its data would turn a lost file into lost
      // rows.
      co_return Fail(ErrorCode::kStorage,
                     "{} holds data of a table, but the metadata in {} is missing; restore it, or "
                     "move the data away to start empty.",
                     found.directory, MetadataPath());
    }
    co_await DeleteDirectory(found.directory);
  }
  std::vector<runtime::Task<Status>> opens;
  for (auto& shard : shards_) {
    opens.push_back(runtime::CallOn(shard->shard, [this, shard = shard.get(), &tables] {
      return OpenReplicasOn(*shard, tables);
    }));
  }
  for (Status& opened : co_await runtime::WhenAll(std::move(opens))) {
    if (!opened) co_return Fail(opened.error());
  }
  co_return Status{};
}

runtime::Task<Status> Server::OpenReplicasOn(ServerShard& shard, std::vector<TablePtr> tables) {
  for (const TablePtr& table : tables) {
    auto rules = std::make_shared<const format::BatchRules>(
        format::BatchRules::Make(table->log_format, table->has_primary_key, table->schemas));
    for (int32_t b = 0; b < table->bucket_count; ++b) {
      const TableBucket bucket{table->id, std::nullopt, BucketId(b)};
      if (&shard.OwnerOf(bucket) != &shard) continue;
      STROM_CO_TRY(std::unique_ptr<log::Log> opened,
                   log::Log::Open(shard.shard.files(), BucketDirectory(*table, bucket.bucket),
                                  bucket, settings_.log, directory_->RecoveryPoint(bucket),
                                  directory_->clean(), shard.shard.WallClock()));
      shard.replicas.Add(std::make_shared<replica::Replica>(bucket, table, rules, std::move(opened),
                                                            shard.commit));
      shard.metrics.buckets.Add(1);
    }
  }
  co_return Status{};
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
        home->sessions.insert(&session);
        home->metrics.connections.Add(1);
        home->metrics.connections_total.Add();
        if (home->stopping) session.Close("the server stops");
        co_await session.Run();
        home->sessions.erase(&session);
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

// --- DDL ---

runtime::Task<void> Server::Publish(coordinator::CatalogChange change) {
  Log(LogLevel::kInfo, "catalog.changed", {{"change", Describe(change)}});
  auto shared = std::make_shared<const coordinator::CatalogChange>(std::move(change));
  std::vector<runtime::Task<bool>> visits;
  for (auto& shard : shards_) {
    visits.push_back(
        runtime::CallOn(shard->shard, [this, shard = shard.get(), shared]() -> runtime::Task<bool> {
          co_await ApplyOn(*shard, shared);
          co_return true;
        }));
  }
  co_await runtime::WhenAll(std::move(visits));
  // Rows of a dropped table are of no use to anyone: the answer does not wait for the disk.
  for (const TablePtr& table : shared->dropped_tables) {
    tasks_.Spawn(DeleteDirectory(directory_->TablePath(table->path, table->id)));
  }
}

runtime::Task<void> Server::ApplyOn(ServerShard& shard,
                                    std::shared_ptr<const coordinator::CatalogChange> change) {
  coordinator::Apply(*change, shard.catalog);
  for (const TablePtr& table : change->dropped_tables) {
    for (int32_t b = 0; b < table->bucket_count; ++b) {
      auto replica = shard.replicas.Remove({table->id, std::nullopt, BucketId(b)});
      if (!replica) continue;
      shard.metrics.buckets.Add(-1);
      replica->Drop();
      co_await replica->Close();
    }
  }
  Status opened = co_await OpenReplicasOn(shard, change->created_tables);
  if (!opened) {
    // The table exists; its buckets here answer 12 until the server can open them.
    Log(LogLevel::kError, "replica.open_failed", {{"reason", opened.error().message}});
  }
}

runtime::Task<void> Server::DeleteDirectory(std::string directory) {
  runtime::FileSystem& files = home_.files();
  Status removed = co_await runtime::OnBlockingPool(
      [&files, &directory]() -> Status { return files.RemoveAll(directory); });
  Log(removed ? LogLevel::kInfo : LogLevel::kError, "table.directory_deleted",
      {{"directory", directory}, {"result", removed ? "ok" : removed.error().message}});
}

// --- upkeep ---

void Server::RollOldSegments(ServerShard& shard) {
  for (const auto& [bucket, replica] : shard.replicas.all()) {
    if (replica->log().failure()) continue;
    Status rolled = replica->log().RollIfOlderThan(settings_.segment_max_age.count(),
                                                   shard.shard.WallClock());
    if (!rolled) {
      Log(LogLevel::kError, "log.roll_failed",
          {{"bucket", bucket}, {"reason", rolled.error().message}});
    }
  }
}

runtime::Task<void> Server::ShardUpkeep(ServerShard& shard) {
  runtime::Instant next_expiry = shard.shard.Now() + settings_.writer_expiration_check_interval;
  runtime::Instant next_roll = shard.shard.Now() + kRollCheckInterval;
  while (!shard.stopping) {
    co_await shard.stop.WaitUntil(shard.shard.Now() + kStaleSweepInterval);
    const runtime::Instant now = shard.shard.Now();
    for (Session* session : shard.sessions)
      session->CloseIfStale(now);
    if (now >= next_roll) {
      next_roll = now + kRollCheckInterval;
      RollOldSegments(shard);
    }
    if (now < next_expiry) continue;
    next_expiry = now + settings_.writer_expiration_check_interval;
    for (const auto& [bucket, replica] : shard.replicas.all()) {
      replica->log().ExpireWriters(shard.shard.WallClock());
    }
  }
}

runtime::Task<void> Server::CheckpointLoop() {
  while (!stopping_) {
    const bool stopped = co_await stop_.WaitUntil(home_.Now() + settings_.checkpoint_interval);
    if (stopped || stopping_) co_return;
    Status written = co_await Checkpoint();
    if (!written) {
      Log(LogLevel::kError, "checkpoint.failed", {{"reason", written.error().message}});
    }
  }
}

runtime::Task<Status> Server::Checkpoint() {
  struct Offsets {
    log::OffsetMap recovery_points;
    log::OffsetMap high_watermarks;
  };
  std::vector<runtime::Task<Offsets>> visits;
  for (auto& shard : shards_) {
    visits.push_back(
        runtime::CallOn(shard->shard, [shard = shard.get()]() -> runtime::Task<Offsets> {
          Offsets offsets;
          for (const auto& [bucket, replica] : shard->replicas.all()) {
            offsets.recovery_points[bucket] = replica->log().recovery_point();
            offsets.high_watermarks[bucket] = replica->high_watermark();
          }
          co_return offsets;
        }));
  }
  Offsets all;
  for (Offsets& offsets : co_await runtime::WhenAll(std::move(visits))) {
    all.recovery_points.merge(offsets.recovery_points);
    all.high_watermarks.merge(offsets.high_watermarks);
  }
  log::LogDirectory& directory = *directory_;
  co_return co_await runtime::OnBlockingPool([&directory, &all]() -> Status {
    STROM_TRY_VOID(directory.WriteRecoveryPoints(all.recovery_points));
    return directory.WriteHighWatermarks(all.high_watermarks);
  });
}

// --- stop ---

runtime::Task<Status> Server::CloseShard(ServerShard& shard) {
  shard.stopping = true;
  shard.stop.Notify();
  for (Session* session : std::vector<Session*>(shard.sessions.begin(), shard.sessions.end())) {
    session->Close("the server stops");
  }
  co_await shard.connections.Join();
  co_await shard.background.Join();
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
  std::vector<runtime::Task<Status>> visits;
  for (auto& shard : shards_) {
    visits.push_back(
        runtime::CallOn(shard->shard, [this, shard = shard.get()] { return CloseShard(*shard); }));
  }
  Status result;
  for (Status& closed : co_await runtime::WhenAll(std::move(visits))) {
    if (!closed && result) result = std::move(closed);
  }
  co_await tasks_.Join();
  if (result) result = co_await Checkpoint();
  if (result) result = directory_->MarkClean();
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
    co_await runtime::CallOn(shard->shard, [shard = shard.get()]() -> runtime::Task<bool> {
      co_await shard->commit.Stop();
      co_return true;
    });
  }
  co_await DestroyShards();
}

runtime::Task<void> Server::DestroyShards() {
  for (auto& shard : shards_) {
    co_await runtime::CallOn(shard->shard, [&shard]() -> runtime::Task<bool> {
      shard.reset();
      co_return true;
    });
  }
  shards_.clear();
}

}  // namespace strom::server
