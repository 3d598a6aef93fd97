#include "coordinator/producer_offsets.h"

#include "metadata/names.h"
#include "runtime/shard.h"

namespace strom::coordinator {

using metadata::Document;
using metadata::ProducerOffsets;
using metadata::Transaction;
namespace path = metadata::path;

namespace {

constexpr int64_t kMaxTtlMs = int64_t{366} * 24 * 3600 * 1000;

}  // namespace

Status ProducerRegistry::CheckTables(const Tables& tables) const {
  for (const auto& [id, offsets] : tables) {
    const auto table = catalog_.FindTable(id);
    if (table == nullptr) {
      return Fail(ErrorCode::kUnknownTableOrBucket, "There is no table with the id {}.", id);
    }
    for (const auto& [bucket, offset] : offsets) {
      if (!bucket.partition && bucket.bucket.value >= 0 &&
          bucket.bucket.value < table->bucket_count) {
        continue;
      }
      return Fail(ErrorCode::kUnknownTableOrBucket, "Table {} has {} buckets and no {}.",
                  table->path, table->bucket_count, ToString(bucket));
    }
  }
  return {};
}

runtime::Task<Result<bool>> ProducerRegistry::Register(std::string id, Tables tables,
                                                       std::optional<int64_t> ttl_ms) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  STROM_CO_TRY_VOID(metadata::CheckProducerId(id));
  const int64_t ttl = ttl_ms.value_or(ttl_.count());
  if (ttl <= 0 || ttl > kMaxTtlMs) {
    co_return Fail(ErrorCode::kInvalidProducerId,
                   "Offsets cannot be kept for {} ms: the time is between 1 and {}.", ttl,
                   kMaxTtlMs);
  }
  STROM_CO_TRY_VOID(CheckTables(tables));
  const std::string key = path::Producer(id);
  STROM_CO_TRY(const std::optional<Document> stored, co_await store_.Get(key));
  const Timestamp now = runtime::ThisShard().WallClock();
  if (stored) {
    STROM_CO_TRY(const ProducerOffsets known, metadata::ReadProducerOffsets(stored->content));
    if (known.expires >= now) co_return false;
  }
  Transaction transaction;
  transaction.puts.push_back(
      {key, metadata::WriteProducerOffsets({Timestamp(now.ms + ttl), std::move(tables)})});
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  co_return true;
}

runtime::Task<Result<std::optional<ProducerOffsets>>> ProducerRegistry::Get(std::string id) {
  STROM_CO_TRY_VOID(metadata::CheckProducerId(id));
  STROM_CO_TRY(const std::optional<Document> stored, co_await store_.Get(path::Producer(id)));
  if (!stored) co_return std::nullopt;
  STROM_CO_TRY(ProducerOffsets known, metadata::ReadProducerOffsets(stored->content));
  co_return std::move(known);
}

runtime::Task<Status> ProducerRegistry::Delete(std::string id) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  STROM_CO_TRY_VOID(metadata::CheckProducerId(id));
  Transaction transaction;
  transaction.deletes.push_back(path::Producer(id));
  co_return co_await store_.Commit(std::move(transaction));
}

runtime::Task<Result<size_t>> ProducerRegistry::DropExpired(Timestamp now) {
  auto held = co_await statements_.Lock();
  STROM_CO_TRY_VOID(statements_.CheckRunning());
  STROM_CO_TRY(const std::vector<Document> documents,
               co_await store_.List(std::string(path::kProducers)));
  Transaction transaction;
  for (const Document& document : documents) {
    const auto known = metadata::ReadProducerOffsets(document.content);
    if (!known || known->expires < now) transaction.deletes.push_back(document.key);
  }
  const size_t gone = transaction.deletes.size();
  if (gone > 0) STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  co_return gone;
}

}  // namespace strom::coordinator
