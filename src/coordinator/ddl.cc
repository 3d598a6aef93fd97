#include "coordinator/ddl.h"

#include "base/check.h"
#include "base/log.h"
#include "metadata/bucket_assignment.h"
#include "metadata/documents.h"
#include "metadata/load_catalog.h"
#include "metadata/names.h"
#include "runtime/shard.h"

namespace strom::coordinator {
namespace {

namespace path = metadata::path;
using metadata::DatabaseInfo;
using metadata::TableInfo;
using metadata::Transaction;
using TablePtr = std::shared_ptr<const TableInfo>;

std::unexpected<Error> NoDatabase(std::string_view name) {
  return Fail(ErrorCode::kDatabaseNotExist, "Database {} does not exist.", name);
}

// The next value of a counter; 0 if there is no document yet.
runtime::Task<Result<int64_t>> LoadCounter(metadata::MetadataStore& store, std::string_view key) {
  STROM_CO_TRY(const std::optional<metadata::Document> document,
               co_await store.Get(std::string(key)));
  if (!document) co_return 0;
  auto next = metadata::ReadCounter(document->content);
  if (next) co_return *next;
  co_return Fail(ErrorCode::kStorage, "The metadata document {} is unreadable: {}", key,
                 next.error().message);
}

// What could not be read back would keep the server from starting again. A document can outgrow the
// limits of reading (spec 06, 21) though the request did not: ids and defaults are added,
// properties of a database add up.
Status CheckReadsBack(const TablePath& table_path, std::string_view registration,
                      std::string_view schema, std::string_view assignment) {
  const auto check = [&]() -> Status {
    STROM_TRY_VOID(metadata::ReadTable(registration));
    STROM_TRY_VOID(format::ParseSchemaText(schema));
    STROM_TRY_VOID(metadata::ReadAssignment(assignment));
    return {};
  };
  if (const Status readable = check(); !readable) {
    return Fail(ErrorCode::kInvalidTable, "Table {} is too large to be stored: {}", table_path,
                readable.error().message);
  }
  return {};
}

// Sets first, then deletes (spec 06, 3).
Status ApplyChanges(const std::vector<ConfigChange>& changes, format::Properties& properties) {
  for (const ConfigChange& change : changes) {
    const auto op = static_cast<ConfigChange::Op>(change.op);
    if (op != ConfigChange::Op::kSet && op != ConfigChange::Op::kDelete) {
      return Fail(ErrorCode::kInvalidDatabase,
                  "Unsupported operation {} on property '{}': 0 sets it, 1 deletes it.", change.op,
                  change.key);
    }
    if (op != ConfigChange::Op::kSet) continue;
    if (!change.value) {
      return Fail(ErrorCode::kInvalidDatabase, "Setting property '{}' needs a value.", change.key);
    }
    properties[change.key] = *change.value;
  }
  for (const ConfigChange& change : changes) {
    if (change.op == static_cast<int32_t>(ConfigChange::Op::kDelete)) properties.erase(change.key);
  }
  return {};
}

}  // namespace

Coordinator::Coordinator(metadata::MetadataStore& store, CoordinatorSettings settings,
                         Publisher publisher)
    : store_(store),
      settings_(std::move(settings)),
      publisher_(std::move(publisher)),
      snapshots_(store, catalog_, ddl_, settings_.snapshots_retained),
      producers_(store, catalog_, ddl_, settings_.producer_offsets_ttl) {}

Coordinator::~Coordinator() = default;

runtime::Task<Result<std::unique_ptr<Coordinator>>> Coordinator::Start(
    metadata::MetadataStore& store, CoordinatorSettings settings, Publisher publisher) {
  std::unique_ptr<Coordinator> coordinator(
      new Coordinator(store, std::move(settings), std::move(publisher)));
  STROM_CO_TRY_VOID(co_await coordinator->Load());
  STROM_CO_TRY_VOID(co_await coordinator->TakeEpoch());
  if (coordinator->catalog_.database_count() == 0) {
    auto database = std::make_shared<DatabaseInfo>();
    database->name = kDefaultDatabase;
    database->created = database->modified = runtime::ThisShard().WallClock();
    Transaction transaction;
    transaction.puts.push_back(
        {path::Database(database->name), metadata::WriteDatabase(*database)});
    STROM_CO_TRY_VOID(co_await store.Commit(std::move(transaction)));
    coordinator->catalog_.Put(std::move(database));
  }
  co_return coordinator;
}

runtime::Task<Status> Coordinator::Load() {
  STROM_CO_TRY(catalog_, co_await metadata::LoadCatalog(store_));
  STROM_CO_TRY(next_table_id_, co_await LoadCounter(store_, path::kTableCounter));
  STROM_CO_TRY(next_writer_id_, co_await LoadCounter(store_, path::kWriterCounter));
  writer_ids_end_ = next_writer_id_;
  STROM_CO_TRY_VOID(co_await snapshots_.Load());
  for (const std::string& database : catalog_.DatabaseNames()) {
    for (const std::string& name : catalog_.TableNames(database)) {
      const auto table = catalog_.FindTable(TablePath{database, name});
      if (table->id.value < next_table_id_) continue;
      co_return Fail(ErrorCode::kStorage,
                     "Table {} has id {}, but the metadata counter {} would give it out again.",
                     table->path, table->id, path::kTableCounter);
    }
  }
  co_return Status{};
}

// 0 for the first leader, one more for each later one (spec 06, 9).
runtime::Task<Status> Coordinator::TakeEpoch() {
  STROM_CO_TRY(const int64_t next, co_await LoadCounter(store_, path::kCoordinatorEpoch));
  epoch_ = CoordinatorEpoch(static_cast<int32_t>(next));
  Transaction transaction;
  transaction.puts.push_back(
      {std::string(path::kCoordinatorEpoch), metadata::WriteCounter(next + 1)});
  co_return co_await store_.Commit(std::move(transaction));
}

runtime::Task<void> Coordinator::Stop() {
  ddl_.stopped = true;
  // Both in turn: whoever holds them ends first.
  {
    auto held = co_await ddl_.Lock();
  }
  {
    auto held = co_await writer_ids_.Lock();
  }
}

runtime::Task<void> Coordinator::Publish(CatalogChange change) {
  Apply(change, catalog_);
  if (publisher_) co_await publisher_(std::move(change));
}

// --- databases ---

runtime::Task<Status> Coordinator::StoreDatabase(std::shared_ptr<const DatabaseInfo> database) {
  std::string document = metadata::WriteDatabase(*database);
  if (const auto read = metadata::ReadDatabase(database->name, document); !read) {
    co_return Fail(ErrorCode::kInvalidDatabase, "Database {} is too large to be stored: {}",
                   database->name, read.error().message);
  }
  Transaction transaction;
  transaction.puts.push_back({path::Database(database->name), std::move(document)});
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  CatalogChange change;
  change.databases.push_back(std::move(database));
  co_await Publish(std::move(change));
  co_return Status{};
}

runtime::Task<Status> Coordinator::CreateDatabase(std::string name,
                                                  std::optional<std::string> database_json,
                                                  bool ignore_if_exists) {
  auto held = co_await ddl_.Lock();
  STROM_CO_TRY_VOID(CheckRunning());
  STROM_CO_TRY_VOID(metadata::CheckDatabaseName(name));
  auto database = std::make_shared<DatabaseInfo>();
  if (database_json) {
    STROM_CO_TRY(database->descriptor, format::ParseDatabaseDescriptor(*database_json));
  }
  if (catalog_.FindDatabase(name) != nullptr) {
    if (ignore_if_exists) co_return Status{};
    co_return Fail(ErrorCode::kDatabaseAlreadyExist, "Database {} already exists.", name);
  }
  database->name = std::move(name);
  database->created = database->modified = runtime::ThisShard().WallClock();
  co_return co_await StoreDatabase(std::move(database));
}

runtime::Task<Status> Coordinator::AlterDatabase(std::string name,
                                                 std::vector<ConfigChange> changes,
                                                 std::optional<std::string> comment,
                                                 bool ignore_if_not_exists) {
  auto held = co_await ddl_.Lock();
  STROM_CO_TRY_VOID(CheckRunning());
  const auto before = catalog_.FindDatabase(name);
  if (before == nullptr) {
    if (ignore_if_not_exists) co_return Status{};
    co_return Fail(ErrorCode::kDatabaseNotExist, "Database {} not exists.", name);
  }
  auto after = std::make_shared<DatabaseInfo>(*before);
  STROM_CO_TRY_VOID(ApplyChanges(changes, after->descriptor.custom_properties));
  if (comment) {
    after->descriptor.comment = comment->empty() ? std::nullopt : std::move(comment);
  }
  if (after->descriptor == before->descriptor) co_return Status{};
  after->modified = runtime::ThisShard().WallClock();
  co_return co_await StoreDatabase(std::move(after));
}

runtime::Task<Status> Coordinator::DropDatabase(std::string name, bool ignore_if_not_exists,
                                                bool cascade) {
  auto held = co_await ddl_.Lock();
  STROM_CO_TRY_VOID(CheckRunning());
  if (name == kDefaultDatabase) {
    co_return Fail(ErrorCode::kInvalidDatabase, "The default database '{}' cannot be dropped.",
                   kDefaultDatabase);
  }
  if (catalog_.FindDatabase(name) == nullptr) {
    if (ignore_if_not_exists) co_return Status{};
    co_return NoDatabase(name);
  }
  std::vector<TablePtr> tables;
  for (const std::string& table : catalog_.TableNames(name)) {
    tables.push_back(catalog_.FindTable(TablePath{name, table}));
  }
  if (!tables.empty() && !cascade) {
    co_return Fail(ErrorCode::kDatabaseNotEmpty,
                   "Database {} is not empty: it has {} tables; drop them or drop with cascade.",
                   name, tables.size());
  }
  co_return co_await DropTables(std::move(tables), std::move(name));
}

// --- tables ---

Status Coordinator::CheckServed(const TablePath& path,
                                const format::TableDescriptor& descriptor) const {
  if (descriptor.partitioned() && !settings_.serves_partitioned_tables) {
    return Fail(ErrorCode::kInvalidTable,
                "Table {} is partitioned; partitioned tables are not served yet by this version "
                "of Strom.",
                path);
  }
  return {};
}

runtime::Task<Status> Coordinator::CreateTable(TablePath path, std::string table_json,
                                               bool ignore_if_exists) {
  auto held = co_await ddl_.Lock();
  STROM_CO_TRY_VOID(CheckRunning());
  STROM_CO_TRY(format::TableDescriptor descriptor,
               metadata::PrepareTable(path, table_json, settings_.cluster,
                                      static_cast<int>(settings_.tablet_servers.size())));
  STROM_CO_TRY_VOID(CheckServed(path, descriptor));
  const bool exists = catalog_.FindTable(path) != nullptr;
  if (exists && ignore_if_exists) co_return Status{};
  // Buckets of a partitioned table are placed with its partitions.
  metadata::BucketServers assignment;
  if (!descriptor.partitioned()) {
    STROM_CO_TRY(assignment, Place(descriptor));
  }
  if (catalog_.FindDatabase(path.database) == nullptr) co_return NoDatabase(path.database);
  if (exists) co_return Fail(ErrorCode::kTableAlreadyExist, "Table {} already exists.", path);
  co_return co_await StoreNewTable(std::move(path), std::move(descriptor), std::move(assignment));
}

Result<std::vector<std::vector<ServerId>>> Coordinator::Place(
    const format::TableDescriptor& descriptor) const {
  STROM_TRY(const metadata::TableSettings options,
            metadata::ParseTableSettings(descriptor.properties));
  std::vector<metadata::PlacementServer> servers;
  for (const ServerId id : settings_.tablet_servers)
    servers.push_back({id, std::nullopt});
  runtime::Shard& shard = runtime::ThisShard();
  return metadata::AssignBuckets(
      servers, descriptor.bucket_count.value_or(1), options.replication_factor.value_or(1),
      {static_cast<uint32_t>(shard.Random()), static_cast<uint32_t>(shard.Random())});
}

// Id, schema, assignment and registration in one transaction: all of the table is there or nothing.
runtime::Task<Status> Coordinator::StoreNewTable(TablePath table_path,
                                                 format::TableDescriptor descriptor,
                                                 std::vector<std::vector<ServerId>> assignment) {
  constexpr SchemaId kFirstSchema{1};
  const TableId id(next_table_id_++);  // skipped if the transaction fails: never given out twice
  metadata::TableRegistration registration;
  registration.id = id;
  registration.remote_data_dir = settings_.remote_data_dir;
  registration.created = registration.modified = runtime::ThisShard().WallClock();
  auto schema = std::make_shared<const format::Schema>(std::move(descriptor.schema));
  descriptor.schema = {};
  registration.descriptor = std::move(descriptor);

  std::string schema_text = format::ToJsonText(*schema);
  std::string assignment_text = metadata::WriteAssignment(assignment);
  std::string registration_text = metadata::WriteTable(registration);
  STROM_CO_TRY_VOID(CheckReadsBack(table_path, registration_text, schema_text, assignment_text));

  Transaction transaction;
  transaction.puts.push_back(
      {std::string(path::kTableCounter), metadata::WriteCounter(next_table_id_)});
  transaction.puts.push_back({path::Schema(table_path, kFirstSchema), std::move(schema_text)});
  if (!registration.descriptor.partitioned()) {
    transaction.puts.push_back({path::Assignment(id), std::move(assignment_text)});
  }
  transaction.puts.push_back({path::Table(table_path), std::move(registration_text)});
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));

  std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas;
  schemas.emplace(kFirstSchema, std::move(schema));
  CatalogChange change;
  change.created_tables.push_back(std::make_shared<const TableInfo>(metadata::MakeTableInfo(
      std::move(table_path), std::move(registration), std::move(schemas), std::move(assignment))));
  co_await Publish(std::move(change));
  co_return Status{};
}

runtime::Task<Status> Coordinator::DropTable(TablePath path, bool ignore_if_not_exists) {
  auto held = co_await ddl_.Lock();
  STROM_CO_TRY_VOID(CheckRunning());
  auto table = catalog_.FindTable(path);
  if (table == nullptr) {
    if (ignore_if_not_exists) co_return Status{};
    co_return Fail(ErrorCode::kTableNotExist, "Table {} does not exist.", path);
  }
  std::vector<TablePtr> tables;
  tables.push_back(std::move(table));
  co_return co_await DropTables(std::move(tables), std::nullopt);
}

runtime::Task<Status> Coordinator::DropTables(std::vector<TablePtr> tables,
                                              std::optional<std::string> database) {
  Transaction transaction;
  for (const TablePtr& table : tables) {
    transaction.deletes.push_back(path::Table(table->path));
    transaction.deletes.push_back(path::Assignment(table->id));
    for (const auto& [id, schema] : table->schemas) {
      transaction.deletes.push_back(path::Schema(table->path, id));
    }
    snapshots_.AddDeletes(*table, transaction);
    const format::Schema& schema = table->descriptor.schema;
    for (const std::string& column : schema.auto_increment_columns) {
      if (const auto at = schema.IndexOf(column)) {
        transaction.deletes.push_back(path::AutoIncrement(table->path, schema.columns[*at].id));
      }
    }
  }
  if (database) transaction.deletes.push_back(path::Database(*database));
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  for (const TablePtr& table : tables)
    snapshots_.Forget(*table);
  CatalogChange change;
  change.dropped_tables = std::move(tables);
  if (database) change.dropped_databases.push_back(std::move(*database));
  co_await Publish(std::move(change));
  co_return Status{};
}

// --- writer ids ---

runtime::Task<Result<WriterId>> Coordinator::NextWriterId() {
  if (next_writer_id_ == writer_ids_end_) {
    auto held = co_await writer_ids_.Lock();
    STROM_CO_TRY_VOID(CheckRunning());
    // Others may have reserved a block while this one waited.
    if (next_writer_id_ == writer_ids_end_) {
      const int64_t end = writer_ids_end_ + settings_.writer_id_block;
      Transaction transaction;
      transaction.puts.push_back({std::string(path::kWriterCounter), metadata::WriteCounter(end)});
      STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
      writer_ids_end_ = end;
    }
  }
  co_return WriterId(next_writer_id_++);
}

}  // namespace strom::coordinator
