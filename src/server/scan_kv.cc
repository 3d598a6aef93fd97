// SCAN_KV (spec 05, 10). Errors travel inside the answer.
#include "server/cold.h"
#include "server/handlers.h"
#include "server/rows.h"
#include "server/scan_sessions.h"
#include "server/server_shard.h"
#include "server/session.h"
#include "wire/error_text.h"
#include "wire/messages.pb.h"

namespace strom::server {
namespace {

namespace pb = wire::pb;

std::unexpected<Error> Invalid(std::string_view what) {
  return Fail(ErrorCode::kInvalidScanRequest, "The scan request is not valid: {}.", what);
}

// Everything about a request but the session it names.
Status Check(const pb::ScanKvRequest& request) {
  const bool open = request.has_bucket_scan_req();
  const bool close = request.close_scanner();
  if (open == request.has_scanner_id()) {
    return Invalid("it needs either a bucket to scan or the id of a scanner");
  }
  if (open && close) return Invalid("it opens and closes at once");
  if (close) return {};
  if (request.batch_size_bytes() <= 0)
    return Invalid("batch_size_bytes is missing or not positive");
  if (!request.has_call_seq_id()) return Invalid("call_seq_id is missing");
  if (open && request.call_seq_id() != 0) return Invalid("call_seq_id of an opening call is not 0");
  return {};
}

runtime::Task<Result<ScanBatch>> Open(ServerShard& owner, TableBucket bucket, uint64_t row_limit,
                                      size_t batch_bytes) {
  STROM_CO_TRY(std::shared_ptr<replica::Replica> replica,
               owner.replicas.Find(bucket, owner.catalog));
  STROM_CO_TRY_VOID(co_await replica->OpenStore());
  co_return co_await owner.scans.Open(std::move(replica), row_limit, batch_bytes);
}

runtime::Task<Result<ScanBatch>> Serve(ServerShard& home, const pb::ScanKvRequest& request) {
  STROM_CO_TRY_VOID(Check(request));
  const auto batch_bytes = static_cast<size_t>(request.batch_size_bytes());
  if (request.has_bucket_scan_req()) {
    const pb::PbScanReqForBucket& wanted = request.bucket_scan_req();
    TableBucket bucket{TableId(wanted.table_id()), std::nullopt, BucketId(wanted.bucket_id())};
    if (wanted.has_partition_id()) bucket.partition = PartitionId(wanted.partition_id());
    const auto row_limit = static_cast<uint64_t>(std::max<int64_t>(wanted.limit(), 0));
    ServerShard& owner = home.OwnerOf(bucket);
    co_return co_await runtime::CallOn(owner.shard,
                                       [&] { return Open(owner, bucket, row_limit, batch_bytes); });
  }
  const std::string& id = request.scanner_id();
  const auto shard = ScanSessions::ShardOf(id);
  if (!shard || shard->value >= home.shard.shard_count()) {
    if (request.close_scanner()) co_return ScanBatch{.scanner_id = id};
    co_return Fail(ErrorCode::kUnknownScannerId, "There is no scanner {} here.", id);
  }
  ServerShard& owner = home.ShardOf(*shard);
  auto visit = [&]() -> runtime::Task<Result<ScanBatch>> {
    if (request.close_scanner()) {
      owner.scans.Close(id);
      co_return ScanBatch{.scanner_id = id};
    }
    co_return co_await owner.scans.Continue(id, request.call_seq_id(), batch_bytes);
  };
  co_return co_await runtime::CallOn(owner.shard, visit);
}

}  // namespace

runtime::Task<Response> HandleScanKv(RequestContext& request) {
  const int32_t id = request.header.request_id;
  auto parsed = wire::ParseMessage<pb::ScanKvRequest>(request.body);
  if (!parsed) co_return wire::EncodeError(id, parsed.error());
  Result<ScanBatch> batch = co_await Serve(request.home, *parsed);
  pb::ScanKvResponse response;
  if (!batch) {
    wire::SetError(batch.error(), response);
  } else {
    if (!batch->scanner_id.empty()) response.set_scanner_id(batch->scanner_id);
    response.set_has_more_results(batch->has_more);
    if (batch->records) response.set_records(batch->records->data(), batch->records->size());
    if (batch->log_offset) response.set_log_offset(batch->log_offset->value);
  }
  co_return wire::EncodeSuccess(id, response);
}

}  // namespace strom::server
