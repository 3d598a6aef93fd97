// What a client knows about a cluster: it greets the server, makes and describes tables, and finds
// out where the buckets of a table are led. Belongs to the shard that connected it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "client/connection.h"
#include "format/table_descriptor.h"

namespace strom::client {

// The leader of each bucket, by bucket id.
struct LocatedTable {
  TableId id;
  std::vector<runtime::Endpoint> leaders;
};

// What GET_TABLE_INFO says of a table.
struct DescribedTable {
  TableId id;
  SchemaId schema;
  format::TableDescriptor descriptor;
};

class Cluster {
 public:
  // Says hello (API_VERSIONS) to a coordinator or a tablet server.
  static runtime::Task<Result<std::unique_ptr<Cluster>>> Connect(runtime::Endpoint endpoint);
  runtime::Task<void> Close() { return connection_->Close(); }

  // Its database too. Nothing happens if there is such a table. `descriptor` is the JSON of spec
  // 06, 4.
  runtime::Task<Status> CreateTable(std::string database, std::string table,
                                    std::string descriptor);
  // kTableNotExist if there is none.
  runtime::Task<Result<DescribedTable>> Describe(std::string database, std::string table);
  // Waits until every bucket has a leader that answers for it; kRequestTimeOut after `timeout`.
  runtime::Task<Result<LocatedTable>> Locate(std::string database, std::string table,
                                             std::chrono::milliseconds timeout);

 private:
  explicit Cluster(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  std::unique_ptr<Connection> connection_;
};

// A connection that has said hello.
runtime::Task<Result<std::unique_ptr<Connection>>> OpenAndGreet(runtime::Endpoint endpoint);

}  // namespace strom::client
