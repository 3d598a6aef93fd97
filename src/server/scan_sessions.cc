#include "server/scan_sessions.h"

#include <algorithm>

#include "format/value_batch.h"

namespace strom::server {
namespace {

constexpr size_t kIdLength = 32;

std::unexpected<Error> Expired(std::string_view id) {
  return Fail(ErrorCode::kScannerExpired,
              "Scanner {} was closed: it was not used for too long, or its bucket moved. Begin a "
              "new scan.",
              id);
}

std::unexpected<Error> Unknown(std::string_view id) {
  return Fail(ErrorCode::kUnknownScannerId, "There is no scanner {} here.", id);
}

}  // namespace

std::string ScanSessions::MakeId() {
  runtime::Shard& shard = runtime::ThisShard();
  return fmt::format("{:02x}{:016x}{:014x}", shard.id().value & 0xff, shard.Random(),
                     shard.Random() >> 8);
}

std::optional<runtime::ShardId> ScanSessions::ShardOf(std::string_view id) {
  if (id.size() != kIdLength) return std::nullopt;
  const auto first = FromHex(id.substr(0, 2));
  if (!first) return std::nullopt;
  return runtime::ShardId((*first)[0]);
}

Result<ScanBatch> ScanSessions::ReadBatch(Walk& walk, size_t limit_bytes) {
  kv::StoreCursor& cursor = *walk.cursor;
  if (!walk.begun) cursor.Seek({});
  walk.begun = true;
  format::ValueBatchBuilder builder;
  const auto more = [&] { return cursor.valid() && walk.rows_left != 0; };
  while (more() && (builder.record_count() == 0 || builder.size_bytes() < limit_bytes)) {
    builder.Add(cursor.value());
    cursor.Next();
    if (walk.rows_left) --*walk.rows_left;
  }
  STROM_TRY_VOID(cursor.status());
  ScanBatch batch;
  batch.has_more = more();
  if (builder.record_count() > 0) batch.records = builder.Finish();
  return batch;
}

runtime::Task<Result<ScanBatch>> ScanSessions::Answer(std::string id, std::shared_ptr<Walk> walk,
                                                      size_t batch_bytes) {
  const size_t limit = std::min(batch_bytes, limits_.max_batch_bytes);
  auto batch = co_await runtime::OnBlockingPool([&] { return ReadBatch(*walk, limit); });
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) co_return Unknown(id);  // closed meanwhile
  it->second.answering = false;
  it->second.last_used = runtime::ThisShard().Now();
  if (!batch || !batch->has_more) sessions_.erase(it);
  if (batch && batch->records) batch->scanner_id = std::move(id);
  co_return batch;
}

runtime::Task<Result<ScanBatch>> ScanSessions::Open(std::shared_ptr<replica::Replica> replica,
                                                    uint64_t row_limit, size_t batch_bytes) {
  const TableBucket& bucket = replica->bucket();
  const auto of_bucket = static_cast<size_t>(std::ranges::count_if(
      sessions_, [&](const auto& entry) { return entry.second.bucket == bucket; }));
  if (of_bucket >= limits_.max_per_bucket || sessions_.size() >= limits_.max_per_shard) {
    co_return Fail(ErrorCode::kTooManyScanners,
                   "{} scans of {} and {} in all are open here (kv.scanner.max-per-bucket, "
                   "kv.scanner.max-per-server); close some, or wait.",
                   of_bucket, bucket, sessions_.size());
  }
  // The rows and the offset are of one moment: nothing may come between.
  const auto walk = std::make_shared<Walk>(Walk{.cursor = replica->rows().store().Scan()});
  if (row_limit > 0) walk->rows_left = row_limit;
  const Offset log_offset = replica->rows().position().offset;
  const std::string id = MakeId();
  sessions_.emplace(id, Session{.replica = replica,
                                .bucket = bucket,
                                .walk = walk,
                                .answering = true,
                                .last_used = runtime::ThisShard().Now()});
  replica.reset();
  auto batch = co_await Answer(id, walk, batch_bytes);
  if (batch) batch->log_offset = log_offset;
  co_return batch;
}

runtime::Task<Result<ScanBatch>> ScanSessions::Continue(std::string id, int32_t call,
                                                        size_t batch_bytes) {
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) {
    if (expired_.contains(id)) co_return Expired(id);
    co_return Unknown(id);
  }
  Session& session = it->second;
  if (session.answering) {
    co_return Fail(ErrorCode::kInvalidScanRequest,
                   "Call {} of scanner {} came while the call before it is being answered.", call,
                   id);
  }
  const auto replica = session.replica.lock();
  if (!replica || replica->dropped()) {
    expired_[id] = runtime::ThisShard().Now() + 2 * limits_.ttl;
    sessions_.erase(it);
    co_return Expired(id);
  }
  if (call != session.next_call) {
    co_return Fail(ErrorCode::kInvalidScanRequest,
                   "Call {} of scanner {} came where call {} was expected.", call, id,
                   session.next_call);
  }
  ++session.next_call;
  session.answering = true;
  co_return co_await Answer(std::move(id), session.walk, batch_bytes);
}

void ScanSessions::Sweep() {
  const runtime::Instant now = runtime::ThisShard().Now();
  std::erase_if(sessions_, [&](const auto& entry) {
    if (entry.second.answering || now - entry.second.last_used <= limits_.ttl) return false;
    expired_[entry.first] = now + 2 * limits_.ttl;
    return true;
  });
  std::erase_if(expired_, [&](const auto& entry) { return entry.second <= now; });
}

}  // namespace strom::server
