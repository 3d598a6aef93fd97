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

Result<ScanBatch> ScanSessions::Fill(Session& session, size_t batch_bytes) const {
  const size_t limit = std::min(batch_bytes, limits_.max_batch_bytes);
  format::ValueBatchBuilder builder;
  kv::StoreCursor& cursor = *session.cursor;
  const auto more = [&] { return cursor.valid() && !(session.limited && session.rows_left == 0); };
  while (more() && (builder.record_count() == 0 || builder.size_bytes() < limit)) {
    builder.Add(cursor.value());
    cursor.Next();
    if (session.limited) --session.rows_left;
  }
  STROM_TRY_VOID(cursor.status());
  ScanBatch batch;
  batch.has_more = more();
  batch.records = builder.Finish();
  return batch;
}

Result<ScanBatch> ScanSessions::Open(const std::shared_ptr<replica::Replica>& replica,
                                     uint64_t row_limit, size_t batch_bytes) {
  const TableBucket& bucket = replica->bucket();
  const auto of_bucket = static_cast<size_t>(std::ranges::count_if(
      sessions_, [&](const auto& entry) { return entry.second.bucket == bucket; }));
  if (of_bucket >= limits_.max_per_bucket || sessions_.size() >= limits_.max_per_shard) {
    return Fail(ErrorCode::kTooManyScanners,
                "{} scans of {} and {} in all are open here (kv.scanner.max-per-bucket, "
                "kv.scanner.max-per-server); close some, or wait.",
                of_bucket, bucket, sessions_.size());
  }
  Session session{.replica = replica,
                  .bucket = bucket,
                  .cursor = replica->rows().store().Scan(),
                  .rows_left = row_limit,
                  .limited = row_limit > 0,
                  .last_used = runtime::ThisShard().Now()};
  const Offset log_offset = replica->rows().position().offset;
  session.cursor->Seek({});
  STROM_TRY_VOID(session.cursor->status());
  ScanBatch batch;
  if (session.cursor->valid()) {
    STROM_TRY(batch, Fill(session, batch_bytes));
    batch.scanner_id = MakeId();
    if (batch.has_more) sessions_.emplace(batch.scanner_id, std::move(session));
  }
  batch.log_offset = log_offset;
  return batch;
}

Result<ScanBatch> ScanSessions::Continue(std::string_view id, int32_t call, size_t batch_bytes) {
  const auto it = sessions_.find(std::string(id));
  if (it == sessions_.end()) {
    if (expired_.contains(std::string(id))) return Expired(id);
    return Fail(ErrorCode::kUnknownScannerId, "There is no scanner {} here.", id);
  }
  Session& session = it->second;
  const runtime::Instant now = runtime::ThisShard().Now();
  const auto replica = session.replica.lock();
  if (!replica || replica->dropped()) {
    expired_[it->first] = now + 2 * limits_.ttl;
    sessions_.erase(it);
    return Expired(id);
  }
  if (call != session.next_call) {
    return Fail(ErrorCode::kInvalidScanRequest,
                "Call {} of scanner {} came where call {} was expected.", call, id,
                session.next_call);
  }
  auto batch = Fill(session, batch_bytes);
  if (!batch) {
    sessions_.erase(it);
    return batch;
  }
  ++session.next_call;
  session.last_used = now;
  batch->scanner_id = id;
  if (!batch->has_more) sessions_.erase(it);
  return batch;
}

void ScanSessions::Sweep() {
  const runtime::Instant now = runtime::ThisShard().Now();
  std::erase_if(sessions_, [&](const auto& entry) {
    if (now - entry.second.last_used <= limits_.ttl) return false;
    expired_[entry.first] = now + 2 * limits_.ttl;
    return true;
  });
  std::erase_if(expired_, [&](const auto& entry) { return entry.second <= now; });
}

}  // namespace strom::server
