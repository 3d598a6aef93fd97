// The coordinator: creates, alters and drops databases and tables and gives out ids (spec 06, 3, 5,
// 8, 9). Lives on shard 0 and is called there only (other shards use runtime::CallOn). It owns the
// authoritative catalog; statements run one at a time, reads of the catalog go on meanwhile.
//
// A statement answers when its documents are durable and the publisher has returned, that is when
// every shard of the process sees the change: clients read their own writes on any connection. A
// statement whose transaction fails changes nothing and publishes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "coordinator/catalog_change.h"
#include "coordinator/producer_offsets.h"
#include "coordinator/snapshot_registry.h"
#include "coordinator/statement_lock.h"
#include "metadata/catalog.h"
#include "metadata/store.h"
#include "metadata/table_validation.h"
#include "runtime/async_mutex.h"
#include "runtime/task.h"

namespace strom::coordinator {

inline constexpr std::string_view kDefaultDatabase = "fluss";

struct CoordinatorSettings {
  metadata::ClusterSettings cluster;
  // Recorded with new tables and told to clients; empty: none.
  std::string remote_data_dir;
  // Servers that take bucket replicas.
  std::vector<ServerId> tablet_servers;
  // What later parts of the server switch on. A table of such a kind is validated completely and
  // then refused.
  bool serves_partitioned_tables = false;
  int32_t snapshots_retained = 2;
  std::chrono::milliseconds producer_offsets_ttl{std::chrono::hours(24)};
  // Writer ids are reserved durably in blocks of this many; a restart skips the rest of a block.
  int64_t writer_id_block = 1000;
};

// Brings a change to all other shards (catalogs, bucket replicas); awaited before DDL answers.
// The coordinator's own catalog has it already.
using Publisher = std::function<runtime::Task<void>(CatalogChange)>;

// One entry of config_changes (spec 06, 3 and 7).
struct ConfigChange {
  enum class Op : int32_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

  std::string key;
  std::optional<std::string> value;
  int32_t op = 0;  // as sent; see Op
};

class Coordinator {
 public:
  // Reads the catalog, takes the next coordinator epoch and creates the database `fluss` if there
  // is no database at all. `store` outlives the coordinator.
  static runtime::Task<Result<std::unique_ptr<Coordinator>>> Start(metadata::MetadataStore& store,
                                                                   CoordinatorSettings settings,
                                                                   Publisher publisher);
  // After Stop, or when no call is under way.
  ~Coordinator();

  // Refuses new calls and waits for the ones under way.
  runtime::Task<void> Stop();

  const metadata::Catalog& catalog() const { return catalog_; }
  CoordinatorEpoch epoch() const { return epoch_; }

  // `database_json` absent: an empty descriptor.
  runtime::Task<Status> CreateDatabase(std::string name, std::optional<std::string> database_json,
                                       bool ignore_if_exists);
  // `comment` absent: kept; empty: removed.
  runtime::Task<Status> AlterDatabase(std::string name, std::vector<ConfigChange> changes,
                                      std::optional<std::string> comment,
                                      bool ignore_if_not_exists);
  runtime::Task<Status> DropDatabase(std::string name, bool ignore_if_not_exists, bool cascade);

  runtime::Task<Status> CreateTable(TablePath path, std::string table_json, bool ignore_if_exists);
  runtime::Task<Status> DropTable(TablePath path, bool ignore_if_not_exists);

  // For InitWriter. Never repeats, not even after a crash.
  runtime::Task<Result<WriterId>> NextWriterId();

  SnapshotRegistry& snapshots() { return snapshots_; }
  ProducerRegistry& producers() { return producers_; }

  // `count` numbers for an auto-increment column: the first of them. Never repeats.
  runtime::Task<Result<int64_t>> TakeIds(TableId table, int32_t column_id, int64_t count);

 private:
  Coordinator(metadata::MetadataStore& store, CoordinatorSettings settings, Publisher publisher);

  runtime::Task<Status> Load();
  runtime::Task<Status> TakeEpoch();
  // Callers hold ddl_.
  runtime::Task<Status> StoreDatabase(std::shared_ptr<const metadata::DatabaseInfo> database);
  Result<std::vector<std::vector<ServerId>>> Place(const format::TableDescriptor& descriptor) const;
  runtime::Task<Status> StoreNewTable(TablePath path, format::TableDescriptor descriptor,
                                      std::vector<std::vector<ServerId>> assignment);
  runtime::Task<Status> DropTables(std::vector<std::shared_ptr<const metadata::TableInfo>> tables,
                                   std::optional<std::string> database);
  // Applies to the own catalog, then to all others.
  runtime::Task<void> Publish(CatalogChange change);
  Status CheckServed(const TablePath& path, const format::TableDescriptor& descriptor) const;
  Status CheckRunning() const { return ddl_.CheckRunning(); }

  metadata::MetadataStore& store_;
  const CoordinatorSettings settings_;
  const Publisher publisher_;
  metadata::Catalog catalog_;
  CoordinatorEpoch epoch_{0};
  int64_t next_table_id_ = 0;
  // [next, end) is durably ours.
  int64_t next_writer_id_ = 0;
  int64_t writer_ids_end_ = 0;
  StatementLock ddl_;
  runtime::AsyncMutex writer_ids_;  // one reservation at a time
  SnapshotRegistry snapshots_;
  ProducerRegistry producers_;
};

}  // namespace strom::coordinator
