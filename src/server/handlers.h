// The handlers of the APIs, one file per group. dispatch.cc binds them to their keys.
#pragma once

#include "server/dispatch.h"

namespace strom::server {

// produce.cc, fetch.cc
runtime::Task<Response> HandleProduceLog(RequestContext& request);
runtime::Task<Response> HandleFetchLog(RequestContext& request);

// put_kv.cc, lookup.cc, scan_kv.cc: rows of primary-key tables
runtime::Task<Response> HandlePutKv(RequestContext& request);
runtime::Task<Response> HandleLookup(RequestContext& request);
runtime::Task<Response> HandlePrefixLookup(RequestContext& request);
runtime::Task<Response> HandleScanKv(RequestContext& request);

// offsets.cc: other reads of logs
runtime::Task<Response> HandleListOffsets(RequestContext& request);
runtime::Task<Response> HandleLimitScan(RequestContext& request);
runtime::Task<Response> HandleGetTableStats(RequestContext& request);

// handshake.cc
runtime::Task<Response> HandleApiVersions(RequestContext& request);
runtime::Task<Response> HandleAuthenticate(RequestContext& request);

// kv_snapshot_apis.cc, producer_offsets.cc
runtime::Task<Response> HandleGetLatestKvSnapshots(RequestContext& request);
runtime::Task<Response> HandleGetKvSnapshotMetadata(RequestContext& request);
runtime::Task<Response> HandleListKvSnapshots(RequestContext& request);
runtime::Task<Response> HandleAcquireKvSnapshotLease(RequestContext& request);
runtime::Task<Response> HandleReleaseKvSnapshotLease(RequestContext& request);
runtime::Task<Response> HandleDropKvSnapshotLease(RequestContext& request);
runtime::Task<Response> HandleRegisterProducerOffsets(RequestContext& request);
runtime::Task<Response> HandleGetProducerOffsets(RequestContext& request);
runtime::Task<Response> HandleDeleteProducerOffsets(RequestContext& request);

// admin.cc: databases, tables, metadata, writer ids
runtime::Task<Response> HandleMetadata(RequestContext& request);
runtime::Task<Response> HandleInitWriter(RequestContext& request);
runtime::Task<Response> HandleCreateDatabase(RequestContext& request);
runtime::Task<Response> HandleAlterDatabase(RequestContext& request);
runtime::Task<Response> HandleDropDatabase(RequestContext& request);
runtime::Task<Response> HandleListDatabases(RequestContext& request);
runtime::Task<Response> HandleDatabaseExists(RequestContext& request);
runtime::Task<Response> HandleGetDatabaseInfo(RequestContext& request);
runtime::Task<Response> HandleCreateTable(RequestContext& request);
runtime::Task<Response> HandleDropTable(RequestContext& request);
runtime::Task<Response> HandleListTables(RequestContext& request);
runtime::Task<Response> HandleTableExists(RequestContext& request);
runtime::Task<Response> HandleGetTableInfo(RequestContext& request);
runtime::Task<Response> HandleGetTableSchema(RequestContext& request);
runtime::Task<Response> HandleListPartitionInfos(RequestContext& request);
runtime::Task<Response> HandleGetFileSystemSecurityToken(RequestContext& request);
runtime::Task<Response> HandleAclsDisabled(RequestContext& request);
runtime::Task<Response> HandleGetLakeSnapshot(RequestContext& request);

}  // namespace strom::server
