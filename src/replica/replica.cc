#include "replica/replica.h"

#include "base/log.h"
#include "replica/parked_fetch.h"

namespace strom::replica {
namespace {

// LimitScan answers in one frame; more than this is asked for by mistake.
constexpr uint64_t kMaxLimitScanBytes = uint64_t{512} << 20;

enum OffsetType : int32_t { kEarliest = 0, kLatest = 1, kByTimestamp = 2, kPromotionEnd = 3 };

}  // namespace

Replica::Replica(TableBucket bucket, std::shared_ptr<const metadata::TableInfo> table,
                 std::shared_ptr<const format::BatchRules> rules, std::unique_ptr<log::Log> log,
                 log::GroupCommit& commit, RangeCache& range_cache)
    : bucket_(bucket),
      table_(std::move(table)),
      rules_(std::move(rules)),
      log_(std::move(log)),
      commit_(commit),
      // What recovery found on disk is on disk.
      high_watermark_(log_->end_offset()),
      end_at_promotion_(log_->end_offset()),
      range_cache_(range_cache) {}

Replica::~Replica() {
  STROM_CHECK(parked_.empty());
}

Error Replica::GoneError() const {
  if (failed_) return *failed_;
  return Error{ErrorCode::kUnknownTableOrBucket,
               fmt::format("Table {} ({}) was dropped.", table_->path, bucket_)};
}

Result<Appended> Replica::Append(MutableByteView records, Timestamp now) {
  if (dropped_ || failed_) return Fail(GoneError());
  if (records.empty()) return Appended{Offset(-1), Offset(0)};
  STROM_TRY(std::vector<format::CheckedBatch> batches, format::SplitAndCheck(records, *rules_));
  STROM_TRY(const log::AppendResult result, log_->Append(batches, now));
  StartCommit();
  return Appended{result.base_offset, result.end_offset};
}

void Replica::StartCommit() {
  if (committing_ || high_watermark_ >= log_->end_offset()) return;
  committing_ = true;
  background_.Spawn(CommitLoop());
}

// One loop per bucket however many writers it has: while a commit is under way, what is appended
// meanwhile joins the next one.
runtime::Task<void> Replica::CommitLoop() {
  while (high_watermark_ < log_->end_offset()) {
    const Offset target = log_->end_offset();
    Status committed = co_await commit_.Commit(*log_);
    if (!committed) {
      FailLog(committed.error());
      break;
    }
    if (primary_key_) {
      if (!co_await CommitRows(target)) break;
    } else {
      AdvanceHighWatermark(target);
    }
  }
  committing_ = false;
}

void Replica::FailLog(const Error& error) {
  failed_ = error;
  Log(LogLevel::kError, "log.failed",
      {{"bucket", bucket_}, {"table", table_->path}, {"reason", error.message}});
  WakeAll();
}

void Replica::AdvanceHighWatermark(Offset to) {
  STROM_CHECK(to <= log_->end_offset());
  if (to <= high_watermark_) return;
  high_watermark_ = to;
  WakeAll();
}

void Replica::WakeAll() {
  advanced_.Notify();
  for (ParkedFetch* fetch : parked_)
    fetch->Fire();
}

runtime::Task<Status> Replica::AwaitHighWatermark(Offset offset, runtime::Instant deadline) {
  while (high_watermark_ < offset) {
    if (dropped_ || failed_) co_return Fail(GoneError());
    if (primary_key_) STROM_CO_TRY_VOID(primary_key_->CheckWritable());
    if (!co_await advanced_.WaitUntil(deadline) && high_watermark_ < offset) {
      co_return Fail(ErrorCode::kRequestTimeOut,
                     "The write to {} was appended but not committed in time; it will be "
                     "recognised when it is sent again.",
                     bucket_);
    }
  }
  co_return Status{};
}

Result<Offset> Replica::StartOf(const BucketReadRequest& request) const {
  const Offset from =
      request.fetch_offset == kEarliestOffset ? log_->start_offset() : Offset(request.fetch_offset);
  if (from < log_->start_offset() || from > log_->end_offset()) {
    return Fail(ErrorCode::kLogOffsetOutOfRange,
                "Received request for offset {} of {} ({}), but we only have log segments from "
                "offset {} up to {}.",
                from, bucket_, table_->path, log_->start_offset(), log_->end_offset());
  }
  return from;
}

Result<std::shared_ptr<const format::ProjectionPlan>> Replica::PlanFor(
    SchemaId schema_id, std::span<const int32_t> fields) {
  return projections_.Get(
      schema_id, fields, [&]() -> Result<std::shared_ptr<const format::ProjectionPlan>> {
        const auto schema = table_->schemas.find(schema_id);
        if (schema == table_->schemas.end()) {
          return Fail(ErrorCode::kSchemaNotExist, "Table {} has no schema {}.", table_->path,
                      schema_id);
        }
        return format::ProjectionPlan::Make(*schema->second, table_->descriptor.schema, fields,
                                            table_->log_format);
      });
}

Result<BucketRead> Replica::Read(const BucketReadRequest& request) {
  if (dropped_) return Fail(GoneError());
  BucketRead read;
  read.high_watermark = high_watermark_;
  read.log_start_offset = log_->start_offset();
  STROM_TRY(const Offset from, StartOf(request));
  if (request.projected) return Project(request, from, std::move(read));
  if (from >= high_watermark_) return read;
  if (!request.at_least_one && request.max_bytes < kMinReadBudgetBytes) return read;
  STROM_TRY(log::ReadResult found,
            log_->Read(from, high_watermark_, request.max_bytes, request.at_least_one));
  if (found.bytes.empty()) return read;
  read.size_bytes = found.bytes.size();
  read.ranges.push_back(found.bytes);
  read.mappings.push_back(std::move(found.mapping));
  return read;
}

// The budget counts projected bytes, so everything up to the high watermark (within the segment)
// is a candidate; that costs nothing, it is a view.
Result<BucketRead> Replica::Project(const BucketReadRequest& request, Offset from,
                                    BucketRead read) {
  const auto plan_for = [&](SchemaId schema_id) {
    return PlanFor(schema_id, request.projected_fields);
  };
  // A list that fits no schema is refused even while the bucket is empty.
  STROM_TRY_VOID(plan_for(table_->schema_id));
  if (from >= high_watermark_) return read;
  if (!request.at_least_one && request.max_bytes < kMinReadBudgetBytes) return read;
  STROM_TRY(log::ReadResult found,
            log_->Read(from, high_watermark_, UINT64_MAX, true, log::ReadCheck::kNone));
  if (found.bytes.empty()) return read;
  format::ProjectedBytes projected;
  STROM_TRY_VOID(format::ProjectRun(found.bytes, &found.heads, plan_for, request.max_bytes,
                                    request.at_least_one, projected));
  read.size_bytes = projected.size_bytes;
  read.ranges = std::move(projected.ranges);
  read.prefixes = std::move(projected.prefixes);
  read.mappings.push_back(std::move(found.mapping));
  return read;
}

Result<Offset> Replica::ListOffset(int32_t offset_type, std::optional<int64_t> timestamp_ms,
                                   Timestamp now) {
  if (dropped_) return Fail(GoneError());
  switch (offset_type) {
    case kEarliest:
      return log_->start_offset();
    case kLatest:
      return high_watermark_;
    case kPromotionEnd:
      return end_at_promotion_;
    case kByTimestamp:
      break;
    default:
      return Fail(ErrorCode::kUnknownServerError,
                  "Unknown offset type {}: 0 is earliest, 1 latest, 2 by timestamp.", offset_type);
  }
  if (!timestamp_ms) {
    return Fail(ErrorCode::kUnknownServerError, "An offset by timestamp needs startTimestamp.");
  }
  if (*timestamp_ms > now.ms) {
    return Fail(ErrorCode::kInvalidTimestamp,
                "Get offset error for {}, the fetch timestamp {} is larger than the current "
                "timestamp {}.",
                bucket_, *timestamp_ms, now);
  }
  if (log_->max_timestamp().ms < *timestamp_ms) return high_watermark_;
  STROM_TRY(const std::optional<Offset> offset, log_->OffsetForTimestamp(Timestamp(*timestamp_ms)));
  // What is not committed yet cannot be read yet: the reader starts where it will appear.
  return std::min(offset.value_or(high_watermark_), high_watermark_);
}

Result<BucketRead> Replica::LimitScan(int32_t limit) {
  if (dropped_) return Fail(GoneError());
  BucketRead read;
  read.high_watermark = high_watermark_;
  read.log_start_offset = log_->start_offset();
  const int64_t wanted = std::max(limit, 0);
  Offset from =
      std::max(log_->start_offset(),
               high_watermark_ - std::min(wanted, high_watermark_ - log_->start_offset()));
  while (from < high_watermark_) {
    STROM_TRY(log::ReadResult found, log_->Read(from, high_watermark_, UINT64_MAX, true));
    STROM_CHECK(!found.bytes.empty());
    read.size_bytes += found.bytes.size();
    if (read.size_bytes > kMaxLimitScanBytes) {
      return Fail(ErrorCode::kRecordTooLarge,
                  "The last {} records of {} ({}) are more than {} bytes; ask for fewer or use a "
                  "log scanner.",
                  wanted, bucket_, table_->path, kMaxLimitScanBytes);
    }
    from = found.end_offset;
    read.ranges.push_back(found.bytes);
    read.mappings.push_back(std::move(found.mapping));
  }
  return read;
}

runtime::Task<Result<size_t>> Replica::ApplyRetention(Timestamp now, bool roll_active) {
  Offset limit = high_watermark_;
  if (primary_key_ && log_->segment_count() > 1) {
    STROM_CO_TRY(const Offset needed, co_await primary_key_->RetainOffset());
    limit = std::min(limit, needed);
  }
  const int64_t ttl_ms = table_->log_ttl_ms;
  if (ttl_ms <= 0 || dropped_ || closing_ || log_->failure()) co_return size_t{0};
  STROM_CO_TRY(const size_t deleted, log_->DeleteExpired(ttl_ms, now, limit));
  if (roll_active && log_->segment_count() == 1 && log_->size_bytes() > 0 &&
      high_watermark_ == log_->end_offset() && now.ms - log_->max_timestamp().ms > ttl_ms) {
    STROM_CO_TRY_VOID(log_->RollIfOlderThan(ttl_ms, now));
  }
  co_return deleted;
}

runtime::Task<Status> Replica::CloseLogIfIdle(Timestamp now) {
  if (dropped_ || closing_ || committing_ || log_->failure()) co_return Status{};
  co_return co_await log_->CloseIfIdle(now);
}

runtime::Task<Result<std::optional<int64_t>>> Replica::TakeSnapshot() {
  if (!primary_key_ || dropped_ || failed_) co_return std::nullopt;
  co_return co_await primary_key_->TakeSnapshot();
}

void Replica::Drop() {
  dropped_ = true;
  WakeAll();
}

runtime::Task<Status> Replica::Close() {
  closing_ = true;
  co_await background_.Join();
  if (primary_key_) {
    // A store that cannot be flushed is behind, not lost: the log is replayed into it.
    Status closed = co_await primary_key_->Close(!dropped_);
    if (!closed) {
      Log(LogLevel::kWarn, "kv.close_failed",
          {{"bucket", bucket_}, {"table", table_->path}, {"reason", closed.error().message}});
    }
  }
  if (dropped_) co_return Status{};
  if (log_->failure()) co_return Fail(*log_->failure());
  co_return co_await log_->CloseCleanly();
}

}  // namespace strom::replica
