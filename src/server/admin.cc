// Databases, tables, metadata and writer ids (spec 06). Reads are answered from the shard's own
// copy of the catalog; statements run on the coordinator's shard and return when every shard has
// seen their change.
#include "coordinator/metadata_view.h"
#include "server/cold.h"
#include "server/handlers.h"
#include "server/server.h"
#include "server/session.h"

namespace strom::server {
namespace {

namespace pb = wire::pb;

TablePath PathOf(const pb::PbTablePath& path) {
  return {path.database_name(), path.table_name()};
}

// Parses a request and runs `statement(coordinator, message)` -> Task<Status> on its shard.
template <class RequestMessage, class ResponseMessage, class Statement>
runtime::Task<Response> Execute(RequestContext& request, Statement statement) {
  auto parsed = wire::ParseMessage<RequestMessage>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  Server& server = request.home.server;
  const Status status = co_await runtime::CallOn(
      server.coordinator_shard(), [&] { return statement(server.coordinator(), *parsed); });
  co_return EncodeStatus<ResponseMessage>(request, status);
}

template <class Message>
Result<Message> Always(Message message) {
  return message;
}

}  // namespace

runtime::Task<Response> HandleMetadata(RequestContext& request) {
  co_return Answer<pb::MetadataRequest>(request, [&](const pb::MetadataRequest& body) {
    return coordinator::Metadata(request.home.catalog,
                                 request.home.server.NodesFor(request.session), body);
  });
}

runtime::Task<Response> HandleInitWriter(RequestContext& request) {
  auto parsed = wire::ParseMessage<pb::InitWriterRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  Server& server = request.home.server;
  const Result<WriterId> writer = co_await runtime::CallOn(
      server.coordinator_shard(), [&] { return server.coordinator().NextWriterId(); });
  if (!writer) co_return wire::EncodeError(request.header.request_id, writer.error());
  pb::InitWriterResponse response;
  response.set_writer_id(writer->value);
  co_return wire::EncodeSuccess(request.header.request_id, response);
}

runtime::Task<Response> HandleCreateDatabase(RequestContext& request) {
  return Execute<pb::CreateDatabaseRequest, pb::CreateDatabaseResponse>(
      request, [](coordinator::Coordinator& coordinator, const pb::CreateDatabaseRequest& body) {
        return coordinator.CreateDatabase(
            body.database_name(),
            body.has_database_json() ? std::optional(body.database_json()) : std::nullopt,
            body.ignore_if_exists());
      });
}

runtime::Task<Response> HandleAlterDatabase(RequestContext& request) {
  return Execute<pb::AlterDatabaseRequest, pb::AlterDatabaseResponse>(
      request, [](coordinator::Coordinator& coordinator, const pb::AlterDatabaseRequest& body) {
        std::vector<coordinator::ConfigChange> changes;
        for (const pb::PbAlterConfig& change : body.config_changes()) {
          changes.push_back(
              {change.config_key(),
               change.has_config_value() ? std::optional(change.config_value()) : std::nullopt,
               change.op_type()});
        }
        return coordinator.AlterDatabase(
            body.database_name(), std::move(changes),
            body.has_comment() ? std::optional(body.comment()) : std::nullopt,
            body.ignore_if_not_exists());
      });
}

runtime::Task<Response> HandleDropDatabase(RequestContext& request) {
  return Execute<pb::DropDatabaseRequest, pb::DropDatabaseResponse>(
      request, [](coordinator::Coordinator& coordinator, const pb::DropDatabaseRequest& body) {
        return coordinator.DropDatabase(body.database_name(), body.ignore_if_not_exists(),
                                        body.cascade());
      });
}

runtime::Task<Response> HandleListDatabases(RequestContext& request) {
  co_return Answer<pb::ListDatabasesRequest>(request, [&](const pb::ListDatabasesRequest& body) {
    return Always(coordinator::ListDatabases(request.home.catalog, body));
  });
}

runtime::Task<Response> HandleDatabaseExists(RequestContext& request) {
  co_return Answer<pb::DatabaseExistsRequest>(request, [&](const pb::DatabaseExistsRequest& body) {
    return Always(coordinator::DatabaseExists(request.home.catalog, body));
  });
}

runtime::Task<Response> HandleGetDatabaseInfo(RequestContext& request) {
  co_return Answer<pb::GetDatabaseInfoRequest>(
      request, [&](const pb::GetDatabaseInfoRequest& body) {
        return coordinator::GetDatabaseInfo(request.home.catalog, body);
      });
}

runtime::Task<Response> HandleCreateTable(RequestContext& request) {
  return Execute<pb::CreateTableRequest, pb::CreateTableResponse>(
      request, [](coordinator::Coordinator& coordinator, const pb::CreateTableRequest& body) {
        return coordinator.CreateTable(PathOf(body.table_path()), body.table_json(),
                                       body.ignore_if_exists());
      });
}

runtime::Task<Response> HandleDropTable(RequestContext& request) {
  return Execute<pb::DropTableRequest, pb::DropTableResponse>(
      request, [](coordinator::Coordinator& coordinator, const pb::DropTableRequest& body) {
        return coordinator.DropTable(PathOf(body.table_path()), body.ignore_if_not_exists());
      });
}

runtime::Task<Response> HandleListTables(RequestContext& request) {
  co_return Answer<pb::ListTablesRequest>(request, [&](const pb::ListTablesRequest& body) {
    return coordinator::ListTables(request.home.catalog, body);
  });
}

runtime::Task<Response> HandleTableExists(RequestContext& request) {
  co_return Answer<pb::TableExistsRequest>(request, [&](const pb::TableExistsRequest& body) {
    return Always(coordinator::TableExists(request.home.catalog, body));
  });
}

runtime::Task<Response> HandleGetTableInfo(RequestContext& request) {
  co_return Answer<pb::GetTableInfoRequest>(request, [&](const pb::GetTableInfoRequest& body) {
    return coordinator::GetTableInfo(request.home.catalog, body);
  });
}

runtime::Task<Response> HandleGetTableSchema(RequestContext& request) {
  co_return Answer<pb::GetTableSchemaRequest>(request, [&](const pb::GetTableSchemaRequest& body) {
    return coordinator::GetTableSchema(request.home.catalog, body);
  });
}

runtime::Task<Response> HandleListPartitionInfos(RequestContext& request) {
  co_return Answer<pb::ListPartitionInfosRequest>(
      request, [&](const pb::ListPartitionInfosRequest& body) {
        return coordinator::ListPartitionInfos(request.home.catalog, body);
      });
}

// Remote files lie in a local directory: nothing to prove (spec 06, 17.2).
runtime::Task<Response> HandleGetFileSystemSecurityToken(RequestContext& request) {
  co_return Answer<pb::GetFileSystemSecurityTokenRequest>(
      request, [](const pb::GetFileSystemSecurityTokenRequest&) {
        pb::GetFileSystemSecurityTokenResponse response;
        response.set_schema("file");
        response.set_token("");
        return Always(std::move(response));
      });
}

runtime::Task<Response> HandleAclsDisabled(RequestContext& request) {
  co_return wire::EncodeError(request.header.request_id,
                              Error{ErrorCode::kSecurityDisabled,
                                    "No Authorizer is configured: authorizer.enabled is off."});
}

// No table is tiered to a lake yet, which is a normal answer to engines that ask (spec 01, 11).
runtime::Task<Response> HandleGetLakeSnapshot(RequestContext& request) {
  co_return Answer<pb::GetLakeSnapshotRequest>(
      request, [&](const pb::GetLakeSnapshotRequest& body) -> Result<pb::GetLakeSnapshotResponse> {
        const TablePath path = PathOf(body.table_path());
        if (request.home.catalog.FindTable(path) == nullptr) {
          return Fail(ErrorCode::kTableNotExist, "Table '{}' does not exist.", path);
        }
        return Fail(ErrorCode::kLakeSnapshotNotExist,
                    "Lake table snapshot doesn't exist for table: {}.", path);
      });
}

}  // namespace strom::server
