// Answers to the read-only requests about databases and tables, built from a catalog (spec 06, 3, 6
// and 12). Pure functions: every shard calls them on its own copy of the catalog. Errors are whole
// request errors.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "metadata/catalog.h"
#include "wire/messages.pb.h"

namespace strom::coordinator {

// A server's endpoint on the listener that the request came in on (spec 01, 5).
struct NodeEndpoint {
  ServerId id;
  std::string host;
  uint16_t port = 0;
  std::optional<std::string> rack;
};

struct ClusterNodes {
  std::optional<NodeEndpoint> coordinator;
  std::vector<NodeEndpoint> tablet_servers;  // alive and reachable through the listener
};

struct BucketLeader {
  ServerId id;
  LeaderEpoch epoch;
};

// What the caller may see; absent functions permit everything.
struct Visibility {
  std::function<bool(const std::string& database)> database;
  std::function<bool(const TablePath& table)> table;

  bool SeesDatabase(const std::string& name) const { return !database || database(name); }
  bool SeesTable(const TablePath& path) const { return !table || table(path); }
};

// The current leader of a bucket, if one is elected.
using LeaderOf = std::function<std::optional<BucketLeader>(const TableBucket&)>;

// A request without tables and partitions is answered with the nodes and at most this many
// partitioned tables (spec 01, 11: cures clients whose cache an outage emptied).
inline constexpr size_t kMaxUnaskedTables = 1000;

// An absent `leader_of`: the preferred leader of each bucket leads with epoch 0. A leader that is
// not among the tablet servers of the answer is left out. Errors: 7, 36.
Result<wire::pb::MetadataResponse> Metadata(const metadata::Catalog& catalog,
                                            const ClusterNodes& nodes,
                                            const wire::pb::MetadataRequest& request,
                                            const Visibility& visibility = {},
                                            const LeaderOf& leader_of = {});

wire::pb::ListDatabasesResponse ListDatabases(const metadata::Catalog& catalog,
                                              const wire::pb::ListDatabasesRequest& request,
                                              const Visibility& visibility = {});
wire::pb::DatabaseExistsResponse DatabaseExists(const metadata::Catalog& catalog,
                                                const wire::pb::DatabaseExistsRequest& request,
                                                const Visibility& visibility = {});
Result<wire::pb::GetDatabaseInfoResponse> GetDatabaseInfo(
    const metadata::Catalog& catalog, const wire::pb::GetDatabaseInfoRequest& request);

Result<wire::pb::ListTablesResponse> ListTables(const metadata::Catalog& catalog,
                                                const wire::pb::ListTablesRequest& request,
                                                const Visibility& visibility = {});
wire::pb::TableExistsResponse TableExists(const metadata::Catalog& catalog,
                                          const wire::pb::TableExistsRequest& request,
                                          const Visibility& visibility = {});
Result<wire::pb::GetTableInfoResponse> GetTableInfo(const metadata::Catalog& catalog,
                                                    const wire::pb::GetTableInfoRequest& request);
Result<wire::pb::GetTableSchemaResponse> GetTableSchema(
    const metadata::Catalog& catalog, const wire::pb::GetTableSchemaRequest& request);
Result<wire::pb::ListPartitionInfosResponse> ListPartitionInfos(
    const metadata::Catalog& catalog, const wire::pb::ListPartitionInfosRequest& request);

}  // namespace strom::coordinator
