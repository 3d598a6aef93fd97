// The counters of auto-increment columns (spec 05, 8), one for each such column of a table.
#include <limits>

#include "coordinator/ddl.h"
#include "metadata/documents.h"

namespace strom::coordinator {

runtime::Task<Result<int64_t>> Coordinator::TakeIds(TableId table, int32_t column_id,
                                                    int64_t count) {
  // A table that is dropped meanwhile must not get its counter back.
  auto held = co_await ddl_.Lock();
  STROM_CO_TRY_VOID(CheckRunning());
  const auto info = catalog_.FindTable(table);
  if (info == nullptr) {
    co_return Fail(ErrorCode::kUnknownTableOrBucket, "There is no table {}.", table);
  }
  const std::string key = metadata::path::AutoIncrement(info->path, column_id);
  STROM_CO_TRY(const std::optional<metadata::Document> document, co_await store_.Get(key));
  int64_t taken = 0;
  if (document) {
    STROM_CO_TRY(taken, metadata::ReadCounter(document->content));
  }
  if (taken > std::numeric_limits<int64_t>::max() - count) {
    co_return Fail(ErrorCode::kUnknownServerError,
                   "Table {} has given out all numbers of its auto-increment column.", info->path);
  }
  metadata::Transaction transaction;
  transaction.puts.push_back({key, metadata::WriteCounter(taken + count)});
  STROM_CO_TRY_VOID(co_await store_.Commit(std::move(transaction)));
  co_return taken + 1;
}

}  // namespace strom::coordinator
