// Snapshots of primary-key tables for their readers, and leases on them (spec 05, 12). All of it is
// answered on the coordinator's shard.
#include <set>

#include "kv/snapshot_files.h"
#include "server/cold.h"
#include "server/handlers.h"
#include "server/server.h"

namespace strom::server {
namespace {

namespace pb = wire::pb;

using coordinator::SnapshotRegistry;
using metadata::SnapshotHandle;

template <class Message>
TableBucket BucketOf(TableId table, const Message& message) {
  TableBucket bucket{table, std::nullopt, BucketId(message.bucket_id())};
  if (message.has_partition_id()) bucket.partition = PartitionId(message.partition_id());
  return bucket;
}

// Parses a request and runs `call(coordinator, message)` -> Task<Result<Answer>> on its shard.
template <class RequestMessage, class Call>
runtime::Task<Response> OnCoordinator(RequestContext& request, Call call) {
  auto parsed = wire::ParseMessage<RequestMessage>(request.body);
  if (!parsed) co_return wire::EncodeError(request.header.request_id, parsed.error());
  Server& server = request.home.server;
  const auto result = co_await runtime::CallOn(server.coordinator_shard(),
                                               [&] { return call(server.coordinator(), *parsed); });
  co_return Encode(request, result);
}

runtime::Task<Result<pb::GetLatestKvSnapshotsResponse>> GetLatest(
    coordinator::Coordinator& coordinator, const pb::GetLatestKvSnapshotsRequest& body) {
  const TablePath path{body.table_path().database_name(), body.table_path().table_name()};
  const auto table = coordinator.catalog().FindTable(path);
  if (table == nullptr) {
    co_return Fail(ErrorCode::kTableNotExist, "Table '{}' does not exist.", path);
  }
  if (!table->has_primary_key) {
    co_return Fail(ErrorCode::kNonPrimaryKeyTable,
                   "Table {} has no primary key, so there are no snapshots of it.", path);
  }
  if (body.has_partition_name()) {
    co_return Fail(ErrorCode::kTableNotPartitioned, "Table '{}' is not a partitioned table.", path);
  }
  pb::GetLatestKvSnapshotsResponse response;
  response.set_table_id(table->id.value);
  for (int32_t b = 0; b < table->bucket_count; ++b) {
    pb::PbKvSnapshot& entry = *response.add_latest_snapshots();
    entry.set_bucket_id(b);
    const auto& handles = coordinator.snapshots().Of({table->id, std::nullopt, BucketId(b)});
    if (handles.empty()) continue;
    entry.set_snapshot_id(handles.back().id);
    entry.set_log_offset(handles.back().log_offset.value);
  }
  co_return response;
}

// Anything wrong is kKvSnapshotNotExist.
runtime::Task<Result<pb::GetKvSnapshotMetadataResponse>> GetMetadata(
    coordinator::Coordinator& coordinator, const pb::GetKvSnapshotMetadataRequest& body) {
  const TableBucket bucket = BucketOf(TableId(body.table_id()), body);
  const auto& handles = coordinator.snapshots().Of(bucket);
  const auto found = std::ranges::find(handles, body.snapshot_id(), &SnapshotHandle::id);
  if (found == handles.end()) {
    co_return Fail(ErrorCode::kKvSnapshotNotExist,
                   "There is no snapshot {} of {}; GetLatestKvSnapshots names the newest.",
                   body.snapshot_id(), ToString(bucket));
  }
  runtime::FileSystem& files = runtime::ThisShard().files();
  const std::string path = found->metadata_path;
  const auto snapshot =
      co_await runtime::OnBlockingPool([&] { return kv::ReadSnapshotMetadata(files, path); });
  if (!snapshot) co_return Fail(ErrorCode::kKvSnapshotNotExist, "{}", snapshot.error().message);
  pb::GetKvSnapshotMetadataResponse response;
  response.set_log_offset(snapshot->log_offset.value);
  for (const auto* listed : {&snapshot->private_files, &snapshot->shared_files}) {
    for (const format::KvSnapshotFile& file : *listed) {
      pb::PbRemotePathAndLocalFile& entry = *response.add_snapshot_files();
      entry.set_remote_path(file.path);
      entry.set_local_file_name(file.local_name);
    }
  }
  co_return response;
}

runtime::Task<Result<pb::ListKvSnapshotsResponse>> List(coordinator::Coordinator& coordinator,
                                                        const pb::ListKvSnapshotsRequest& body) {
  const auto table = coordinator.catalog().FindTable(TableId(body.table_id()));
  if (table == nullptr) {
    co_return Fail(ErrorCode::kTableNotExist, "There is no table with the id {}.", body.table_id());
  }
  if (body.has_partition_id()) {
    co_return Fail(ErrorCode::kPartitionNotExists, "Table {} has no partition {}.", table->path,
                   body.partition_id());
  }
  pb::ListKvSnapshotsResponse response;
  response.set_table_id(table->id.value);
  for (int32_t b = 0; b < table->bucket_count; ++b) {
    for (const SnapshotHandle& handle :
         coordinator.snapshots().Of({table->id, std::nullopt, BucketId(b)})) {
      pb::PbKvSnapshot& entry = *response.add_active_snapshots();
      entry.set_bucket_id(b);
      entry.set_snapshot_id(handle.id);
    }
  }
  co_return response;
}

runtime::Task<Result<pb::AcquireKvSnapshotLeaseResponse>> Acquire(
    coordinator::Coordinator& coordinator, const pb::AcquireKvSnapshotLeaseRequest& body) {
  SnapshotRegistry::BucketSnapshots wanted;
  for (const pb::PbKvSnapshotLeaseForTable& table : body.snapshots_to_lease()) {
    for (const pb::PbKvSnapshotLeaseForBucket& entry : table.bucket_snapshots())
      wanted.emplace_back(BucketOf(TableId(table.table_id()), entry), entry.snapshot_id());
  }
  STROM_CO_TRY(const SnapshotRegistry::BucketSnapshots missing,
               co_await coordinator.snapshots().AcquireLease(
                   body.lease_id(), body.lease_duration_ms(), std::move(wanted)));
  pb::AcquireKvSnapshotLeaseResponse response;
  std::map<TableId, pb::PbKvSnapshotLeaseForTable*> tables;
  for (const auto& [bucket, snapshot] : missing) {
    pb::PbKvSnapshotLeaseForTable*& table = tables[bucket.table];
    if (table == nullptr) {
      table = response.add_unavailable_snapshots();
      table->set_table_id(bucket.table.value);
    }
    pb::PbKvSnapshotLeaseForBucket& entry = *table->add_bucket_snapshots();
    if (bucket.partition) entry.set_partition_id(bucket.partition->value);
    entry.set_bucket_id(bucket.bucket.value);
    entry.set_snapshot_id(snapshot);
  }
  co_return response;
}

runtime::Task<Result<pb::ReleaseKvSnapshotLeaseResponse>> Release(
    coordinator::Coordinator& coordinator, const pb::ReleaseKvSnapshotLeaseRequest& body) {
  std::vector<TableBucket> buckets;
  for (const pb::PbTableBucket& entry : body.buckets_to_release())
    buckets.push_back(BucketOf(TableId(entry.table_id()), entry));
  STROM_CO_TRY_VOID(
      co_await coordinator.snapshots().ReleaseLease(body.lease_id(), std::move(buckets)));
  co_return pb::ReleaseKvSnapshotLeaseResponse();
}

runtime::Task<Result<pb::DropKvSnapshotLeaseResponse>> Drop(
    coordinator::Coordinator& coordinator, const pb::DropKvSnapshotLeaseRequest& body) {
  STROM_CO_TRY_VOID(co_await coordinator.snapshots().DropLease(body.lease_id()));
  co_return pb::DropKvSnapshotLeaseResponse();
}

}  // namespace

runtime::Task<Response> HandleGetLatestKvSnapshots(RequestContext& request) {
  return OnCoordinator<pb::GetLatestKvSnapshotsRequest>(request, GetLatest);
}

runtime::Task<Response> HandleGetKvSnapshotMetadata(RequestContext& request) {
  return OnCoordinator<pb::GetKvSnapshotMetadataRequest>(request, GetMetadata);
}

runtime::Task<Response> HandleListKvSnapshots(RequestContext& request) {
  return OnCoordinator<pb::ListKvSnapshotsRequest>(request, List);
}

runtime::Task<Response> HandleAcquireKvSnapshotLease(RequestContext& request) {
  return OnCoordinator<pb::AcquireKvSnapshotLeaseRequest>(request, Acquire);
}

runtime::Task<Response> HandleReleaseKvSnapshotLease(RequestContext& request) {
  return OnCoordinator<pb::ReleaseKvSnapshotLeaseRequest>(request, Release);
}

runtime::Task<Response> HandleDropKvSnapshotLease(RequestContext& request) {
  return OnCoordinator<pb::DropKvSnapshotLeaseRequest>(request, Drop);
}

}  // namespace strom::server
