#include "server/dispatch.h"

#include "base/log.h"
#include "server/handlers.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/message.h"

namespace strom::server {

// The one place that says what is served. An API that is missing here is answered with
// kUnsupportedVersion and left out of API_VERSIONS, so that clients say so by themselves.
Handler HandlerOf(wire::Api api) {
  switch (api) {
    case wire::Api::kApiVersions:
      return HandleApiVersions;
    case wire::Api::kAuthenticate:
      return HandleAuthenticate;
    case wire::Api::kProduceLog:
      return HandleProduceLog;
    case wire::Api::kFetchLog:
      return HandleFetchLog;
    case wire::Api::kPutKv:
      return HandlePutKv;
    case wire::Api::kLookup:
      return HandleLookup;
    case wire::Api::kPrefixLookup:
      return HandlePrefixLookup;
    case wire::Api::kScanKv:
      return HandleScanKv;
    case wire::Api::kGetLatestKvSnapshots:
      return HandleGetLatestKvSnapshots;
    case wire::Api::kGetKvSnapshotMetadata:
      return HandleGetKvSnapshotMetadata;
    case wire::Api::kListKvSnapshots:
      return HandleListKvSnapshots;
    case wire::Api::kAcquireKvSnapshotLease:
      return HandleAcquireKvSnapshotLease;
    case wire::Api::kReleaseKvSnapshotLease:
      return HandleReleaseKvSnapshotLease;
    case wire::Api::kDropKvSnapshotLease:
      return HandleDropKvSnapshotLease;
    case wire::Api::kRegisterProducerOffsets:
      return HandleRegisterProducerOffsets;
    case wire::Api::kGetProducerOffsets:
      return HandleGetProducerOffsets;
    case wire::Api::kDeleteProducerOffsets:
      return HandleDeleteProducerOffsets;
    case wire::Api::kListOffsets:
      return HandleListOffsets;
    case wire::Api::kLimitScan:
      return HandleLimitScan;
    case wire::Api::kGetTableStats:
      return HandleGetTableStats;
    case wire::Api::kInitWriter:
      return HandleInitWriter;
    case wire::Api::kMetadata:
      return HandleMetadata;
    case wire::Api::kCreateDatabase:
      return HandleCreateDatabase;
    case wire::Api::kAlterDatabase:
      return HandleAlterDatabase;
    case wire::Api::kDropDatabase:
      return HandleDropDatabase;
    case wire::Api::kListDatabases:
      return HandleListDatabases;
    case wire::Api::kDatabaseExists:
      return HandleDatabaseExists;
    case wire::Api::kGetDatabaseInfo:
      return HandleGetDatabaseInfo;
    case wire::Api::kCreateTable:
      return HandleCreateTable;
    case wire::Api::kDropTable:
      return HandleDropTable;
    case wire::Api::kListTables:
      return HandleListTables;
    case wire::Api::kTableExists:
      return HandleTableExists;
    case wire::Api::kGetTableInfo:
      return HandleGetTableInfo;
    case wire::Api::kGetTableSchema:
      return HandleGetTableSchema;
    case wire::Api::kListPartitionInfos:
      return HandleListPartitionInfos;
    case wire::Api::kGetFileSystemSecurityToken:
      return HandleGetFileSystemSecurityToken;
    case wire::Api::kListAcls:
    case wire::Api::kCreateAcls:
    case wire::Api::kDropAcls:
      return HandleAclsDisabled;
    case wire::Api::kGetLakeSnapshot:
      return HandleGetLakeSnapshot;
    default:
      return nullptr;
  }
}

namespace {

runtime::Task<Response> Serve(RequestContext& request) {
  const int32_t id = request.header.request_id;
  auto api = wire::ResolveApi(request.header, wire::Roles::kBoth);
  if (!api) co_return wire::EncodeError(id, api.error());
  const Handler handler = HandlerOf((*api)->api);
  if (handler == nullptr) {
    co_return wire::EncodeError(
        id, Error{ErrorCode::kUnsupportedVersion,
                  fmt::format("{} is not served by this version of Strom.", (*api)->name)});
  }
  co_return co_await handler(request);
}

bool IsErrorFrame(const Response& response) {
  const ByteView first = response.pieces().front();
  return first[wire::kFrameLengthBytes] == static_cast<uint8_t>(wire::ResponseType::kError);
}

}  // namespace

runtime::Task<Response> Dispatch(RequestContext& request) {
  ApiMetrics& metrics = request.home.metrics.Of(request.header.api_key);
  const runtime::Instant began = request.home.shard.Now();
  Response response = co_await Serve(request);
  metrics.duration.Record(request.home.shard.Now() - began);
  metrics.requests.Add();
  if (IsErrorFrame(response)) metrics.errors.Add();
  co_return response;
}

}  // namespace strom::server
