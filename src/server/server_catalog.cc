// What of the catalog lives on this server: opening replicas at start, and DDL brought to all
// shards.
#include "base/log.h"
#include "kv/snapshot_files.h"
#include "replica/kv_tables.h"
#include "replica/replica.h"
#include "server/server.h"

namespace strom::server {
namespace {

using metadata::TableInfo;
using TablePtr = std::shared_ptr<const TableInfo>;

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
  for (Status& opened : co_await OnEveryShard(
           [this, &tables](ServerShard& shard) { return OpenReplicasOn(shard, tables); })) {
    if (!opened) co_return Fail(opened.error());
  }
  directory_->ForgetFacts();
  co_return Status{};
}

runtime::Task<Status> Server::OpenReplicasOn(ServerShard& shard, std::vector<TablePtr> tables) {
  for (const TablePtr& table : tables) {
    auto rules = std::make_shared<const format::BatchRules>(
        format::BatchRules::Make(table->log_format, table->has_primary_key, table->schemas));
    log::LogOptions log_options = settings_.log;
    log_options.rules = rules;
    log_options.heads = &shard.head_cache;
    std::shared_ptr<kv::KvTable> kv_table;
    if (table->has_primary_key) {
      STROM_CO_TRY(kv_table, replica::MakeKvTable(*table));
    }
    for (int32_t b = 0; b < table->bucket_count; ++b) {
      const TableBucket bucket{table->id, std::nullopt, BucketId(b)};
      if (&shard.OwnerOf(bucket) != &shard) continue;
      STROM_CO_TRY(std::unique_ptr<log::Log> opened,
                   co_await OpenLog(shard.shard, *table, bucket, log_options));
      auto replica = std::make_shared<replica::Replica>(bucket, table, rules, std::move(opened),
                                                        shard.commit, shard.range_cache);
      if (kv_table) {
        replica->AddPrimaryKey(kv_table, *store_engine_, StoreDirectory(*table, bucket.bucket),
                               SnapshotPlaceOf(*table, bucket.bucket), settings_.store_retry);
      }
      shard.replicas.Add(std::move(replica));
      shard.metrics.buckets.Add(1);
    }
  }
  co_return Status{};
}

runtime::Task<Result<std::unique_ptr<log::Log>>> Server::OpenLog(runtime::Shard& shard,
                                                                 const TableInfo& table,
                                                                 TableBucket bucket,
                                                                 const log::LogOptions& options) {
  const std::string directory = BucketDirectory(table, bucket.bucket);
  if (const log::LogFacts* facts = directory_->Facts(bucket)) {
    STROM_CO_TRY(
        std::unique_ptr<log::Log> lazy,
        log::Log::OpenLazily(shard.files(), directory, bucket, options, *facts, shard.WallClock()));
    if (lazy) co_return lazy;
    Log(LogLevel::kWarn, "log.not_as_closed", {{"bucket", bucket}, {"directory", directory}});
  }
  STROM_CO_TRY(const Offset first_offset, co_await FirstOffsetOf(table, bucket));
  co_return log::Log::Open(shard.files(), directory, bucket, options,
                           directory_->RecoveryPoint(bucket), directory_->clean(),
                           shard.WallClock(), first_offset);
}

runtime::Task<void> Server::Publish(coordinator::CatalogChange change) {
  Log(LogLevel::kInfo, "catalog.changed", {{"change", Describe(change)}});
  auto shared = std::make_shared<const coordinator::CatalogChange>(std::move(change));
  co_await OnEveryShard([this, shared](ServerShard& shard) { return ApplyOn(shard, shared); });
  // Rows of a dropped table are of no use to anyone: the answer does not wait for the disk.
  for (const TablePtr& table : shared->dropped_tables) {
    tasks_.Spawn(DeleteDirectory(directory_->TablePath(table->path, table->id)));
    if (!table->has_primary_key || settings_.kv_snapshot_interval.count() <= 0) continue;
    if (auto remote =
            kv::LocalPathOf(KvSnapshots::TableDirectory(RemoteDirectoryOf(*table), *table))) {
      tasks_.Spawn(DeleteDirectory(*std::move(remote)));
    }
  }
}

const std::string& Server::RemoteDirectoryOf(const TableInfo& table) const {
  return table.remote_data_dir.empty() ? settings_.remote_data_dir : table.remote_data_dir;
}

std::optional<replica::SnapshotPlace> Server::SnapshotPlaceOf(const TableInfo& table,
                                                              BucketId bucket) {
  if (settings_.kv_snapshot_interval.count() <= 0) return std::nullopt;
  return replica::SnapshotPlace{
      &snapshots_, KvSnapshots::TabletDirectory(RemoteDirectoryOf(table), table, bucket)};
}

// A bucket whose directory is gone, with a new disk say, goes on from its newest snapshot; what was
// written later is lost, and its offsets are given out again.
runtime::Task<Result<Offset>> Server::FirstOffsetOf(const TableInfo& table, TableBucket bucket) {
  if (!table.has_primary_key || settings_.kv_snapshot_interval.count() <= 0) co_return Offset(0);
  runtime::FileSystem& files = runtime::ThisShard().files();
  STROM_CO_TRY(const bool exists, files.Exists(BucketDirectory(table, bucket.bucket)));
  if (exists) co_return Offset(0);
  STROM_CO_TRY(const std::vector<metadata::SnapshotHandle> handles,
               co_await snapshots_.Registered(bucket));
  if (handles.empty()) co_return Offset(0);
  Log(LogLevel::kError, "log.lost",
      {{"bucket", bucket},
       {"table", table.path},
       {"snapshot", handles.back().id},
       {"goes_on_at", handles.back().log_offset}});
  co_return handles.back().log_offset;
}

runtime::Task<bool> Server::ApplyOn(ServerShard& shard,
                                    std::shared_ptr<const coordinator::CatalogChange> change) {
  coordinator::Apply(*change, shard.catalog);
  for (const TablePtr& table : change->dropped_tables) {
    for (int32_t b = 0; b < table->bucket_count; ++b) {
      shard.known_rows.erase({table->id, std::nullopt, BucketId(b)});
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
  co_return true;
}

runtime::Task<void> Server::DeleteDirectory(std::string directory) {
  runtime::FileSystem& files = home_.files();
  Status removed = co_await runtime::OnBlockingPool(
      [&files, &directory]() -> Status { return files.RemoveAll(directory); });
  Log(removed ? LogLevel::kInfo : LogLevel::kError, "table.directory_deleted",
      {{"directory", directory}, {"result", removed ? "ok" : removed.error().message}});
}

}  // namespace strom::server
