#include "coordinator/metadata_view.h"

#include <algorithm>

#include "coordinator/ddl.h"

namespace strom::coordinator {
namespace {

namespace pb = wire::pb;
using metadata::TableInfo;

TablePath PathOf(const pb::PbTablePath& path) {
  return {path.database_name(), path.table_name()};
}

std::unexpected<Error> NoTable(const TablePath& path) {
  return Fail(ErrorCode::kTableNotExist, "Table '{}' does not exist.", path);
}

void Fill(const NodeEndpoint& node, pb::PbServerNode& out) {
  out.set_node_id(node.id.value);
  out.set_host(node.host);
  out.set_port(node.port);
  if (node.rack) out.set_rack(*node.rack);
}

bool IsListed(const ClusterNodes& nodes, ServerId id) {
  return std::ranges::find(nodes.tablet_servers, id, &NodeEndpoint::id) !=
         nodes.tablet_servers.end();
}

void FillBuckets(const TableInfo& table, const ClusterNodes& nodes, const LeaderOf& leader_of,
                 pb::PbTableMetadata& out) {
  for (size_t b = 0; b < table.assignment.size(); ++b) {
    const std::vector<ServerId>& replicas = table.assignment[b];
    pb::PbBucketMetadata& bucket = *out.add_bucket_metadata();
    bucket.set_bucket_id(static_cast<int32_t>(b));
    for (const ServerId replica : replicas)
      bucket.add_replica_id(replica.value);
    std::optional<BucketLeader> leader;
    if (leader_of) {
      leader = leader_of({table.id, std::nullopt, BucketId(static_cast<int32_t>(b))});
    } else if (!replicas.empty()) {
      leader = BucketLeader{replicas.front(), LeaderEpoch(0)};
    }
    // A leader that the answer does not list is none to Rust-based clients (spec 01, 11).
    if (!leader || !IsListed(nodes, leader->id)) continue;
    bucket.set_leader_id(leader->id.value);
    bucket.set_leader_epoch(leader->epoch.value);
  }
}

void FillTable(const TableInfo& table, const ClusterNodes& nodes, const LeaderOf& leader_of,
               pb::PbTableMetadata& out) {
  out.mutable_table_path()->set_database_name(table.path.database);
  out.mutable_table_path()->set_table_name(table.path.table);
  out.set_table_id(table.id.value);
  out.set_schema_id(table.schema_id.value);
  out.set_table_json(table.table_json);
  out.set_created_time(table.created.ms);
  out.set_modified_time(table.modified.ms);
  if (!table.remote_data_dir.empty()) out.set_remote_data_dir(table.remote_data_dir);
  if (!table.descriptor.partitioned()) FillBuckets(table, nodes, leader_of, out);
}

bool IsEmpty(const pb::MetadataRequest& request) {
  return request.table_path().empty() && request.partitions_path().empty() &&
         request.partitions_id().empty();
}

// Clients whose cache an outage emptied find their partitioned tables again (spec 01, 11).
void AddPartitionedTables(const metadata::Catalog& catalog, const ClusterNodes& nodes,
                          const Visibility& visibility, const LeaderOf& leader_of,
                          pb::MetadataResponse& response) {
  for (const std::string& database : catalog.DatabaseNames()) {
    for (const std::string& name : catalog.TableNames(database)) {
      const auto table = catalog.FindTable(TablePath{database, name});
      if (!table->descriptor.partitioned() || !visibility.SeesTable(table->path)) continue;
      if (response.table_metadata_size() == static_cast<int>(kMaxUnaskedTables)) return;
      FillTable(*table, nodes, leader_of, *response.add_table_metadata());
    }
  }
}

}  // namespace

Result<pb::MetadataResponse> Metadata(const metadata::Catalog& catalog, const ClusterNodes& nodes,
                                      const pb::MetadataRequest& request,
                                      const Visibility& visibility, const LeaderOf& leader_of) {
  pb::MetadataResponse response;
  if (nodes.coordinator) Fill(*nodes.coordinator, *response.mutable_coordinator_server());
  for (const NodeEndpoint& node : nodes.tablet_servers)
    Fill(node, *response.add_tablet_servers());
  if (IsEmpty(request)) {
    AddPartitionedTables(catalog, nodes, visibility, leader_of, response);
    return response;
  }
  for (const pb::PbTablePath& wanted : request.table_path()) {
    const TablePath path = PathOf(wanted);
    if (!visibility.SeesTable(path)) continue;
    const auto table = catalog.FindTable(path);
    if (table == nullptr) return NoTable(path);
    FillTable(*table, nodes, leader_of, *response.add_table_metadata());
  }
  // No table has partitions yet.
  if (!request.partitions_id().empty()) {
    return Fail(ErrorCode::kPartitionNotExists, "The partition id {} does not exist.",
                request.partitions_id(0));
  }
  for (const pb::PbPhysicalTablePath& wanted : request.partitions_path()) {
    if (!visibility.SeesTable({wanted.database_name(), wanted.table_name()})) continue;
    return Fail(ErrorCode::kPartitionNotExists, "The partition {} of table {}.{} does not exist.",
                wanted.partition_name(), wanted.database_name(), wanted.table_name());
  }
  return response;
}

pb::ListDatabasesResponse ListDatabases(const metadata::Catalog& catalog,
                                        const pb::ListDatabasesRequest& request,
                                        const Visibility& visibility) {
  pb::ListDatabasesResponse response;
  for (const std::string& name : catalog.DatabaseNames()) {
    if (!visibility.SeesDatabase(name)) continue;
    if (!request.include_summary()) {
      response.add_database_name(name);
      continue;
    }
    pb::PbDatabaseSummary& summary = *response.add_database_summary();
    summary.set_database_name(name);
    summary.set_created_time(catalog.FindDatabase(name)->created.ms);
    summary.set_table_count(static_cast<int32_t>(catalog.TableNames(name).size()));
  }
  return response;
}

pb::DatabaseExistsResponse DatabaseExists(const metadata::Catalog& catalog,
                                          const pb::DatabaseExistsRequest& request,
                                          const Visibility& visibility) {
  const std::string& name = request.database_name();
  const bool visible = name == kDefaultDatabase || visibility.SeesDatabase(name);
  pb::DatabaseExistsResponse response;
  response.set_exists(visible && catalog.FindDatabase(name) != nullptr);
  return response;
}

Result<pb::GetDatabaseInfoResponse> GetDatabaseInfo(const metadata::Catalog& catalog,
                                                    const pb::GetDatabaseInfoRequest& request) {
  const auto database = catalog.FindDatabase(request.database_name());
  if (database == nullptr) {
    return Fail(ErrorCode::kDatabaseNotExist, "Database {} does not exist.",
                request.database_name());
  }
  pb::GetDatabaseInfoResponse response;
  response.set_database_json(format::ToJsonText(database->descriptor));
  response.set_created_time(database->created.ms);
  response.set_modified_time(database->modified.ms);
  return response;
}

Result<pb::ListTablesResponse> ListTables(const metadata::Catalog& catalog,
                                          const pb::ListTablesRequest& request,
                                          const Visibility& visibility) {
  const std::string& database = request.database_name();
  if (catalog.FindDatabase(database) == nullptr) {
    return Fail(ErrorCode::kDatabaseNotExist, "Database {} does not exist.", database);
  }
  pb::ListTablesResponse response;
  for (const std::string& name : catalog.TableNames(database)) {
    if (visibility.SeesTable({database, name})) response.add_table_name(name);
  }
  return response;
}

pb::TableExistsResponse TableExists(const metadata::Catalog& catalog,
                                    const pb::TableExistsRequest& request,
                                    const Visibility& visibility) {
  const TablePath path = PathOf(request.table_path());
  pb::TableExistsResponse response;
  response.set_exists(visibility.SeesTable(path) && catalog.FindTable(path) != nullptr);
  return response;
}

Result<pb::GetTableInfoResponse> GetTableInfo(const metadata::Catalog& catalog,
                                              const pb::GetTableInfoRequest& request) {
  const TablePath path = PathOf(request.table_path());
  const auto table = catalog.FindTable(path);
  if (table == nullptr) return NoTable(path);
  pb::GetTableInfoResponse response;
  response.set_table_id(table->id.value);
  response.set_schema_id(table->schema_id.value);
  response.set_table_json(table->table_json);
  response.set_created_time(table->created.ms);
  response.set_modified_time(table->modified.ms);
  if (!table->remote_data_dir.empty()) response.set_remote_data_dir(table->remote_data_dir);
  return response;
}

// A missing table is SCHEMA_NOT_EXIST too, as in the reference (spec 06, 6).
Result<pb::GetTableSchemaResponse> GetTableSchema(const metadata::Catalog& catalog,
                                                  const pb::GetTableSchemaRequest& request) {
  const TablePath path = PathOf(request.table_path());
  const auto table = catalog.FindTable(path);
  const SchemaId wanted(request.has_schema_id() ? request.schema_id()
                                                : (table ? table->schema_id.value : 0));
  const auto missing = [&] {
    return Fail(ErrorCode::kSchemaNotExist, "Schema for table {} with schema id {} not exists.",
                path, wanted);
  };
  if (table == nullptr) return missing();
  const auto schema = table->schemas.find(wanted);
  if (schema == table->schemas.end()) return missing();
  pb::GetTableSchemaResponse response;
  response.set_schema_id(wanted.value);
  response.set_schema_json(format::ToJsonText(*schema->second));
  return response;
}

Result<pb::ListPartitionInfosResponse> ListPartitionInfos(
    const metadata::Catalog& catalog, const pb::ListPartitionInfosRequest& request) {
  const TablePath path = PathOf(request.table_path());
  const auto table = catalog.FindTable(path);
  if (table == nullptr) return NoTable(path);
  if (!table->descriptor.partitioned()) {
    return Fail(ErrorCode::kTableNotPartitioned, "Table '{}' is not a partitioned table.", path);
  }
  return pb::ListPartitionInfosResponse();
}

}  // namespace strom::coordinator
