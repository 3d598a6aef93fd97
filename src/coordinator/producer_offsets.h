// Offsets that sinks register before they write, to undo what a failed attempt wrote (spec 06,
// 16.4). Part of the coordinator: shard 0 only. What it says is durable.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "coordinator/statement_lock.h"
#include "metadata/catalog.h"
#include "metadata/snapshot_documents.h"
#include "metadata/store.h"
#include "runtime/task.h"

namespace strom::coordinator {

class ProducerRegistry {
 public:
  using Tables = std::map<TableId, std::map<TableBucket, Offset>>;

  // All outlive this. `ttl` is for registrations that name none.
  ProducerRegistry(metadata::MetadataStore& store, const metadata::Catalog& catalog,
                   StatementLock& statements, std::chrono::milliseconds ttl)
      : store_(store), catalog_(catalog), statements_(statements), ttl_(ttl) {}

  // True: registered. False: the producer has offsets that are not expired; they stay. Errors:
  // kInvalidProducerId, also for a bad time to live; kUnknownTableOrBucket.
  runtime::Task<Result<bool>> Register(std::string id, Tables tables,
                                       std::optional<int64_t> ttl_ms);
  // Nothing if there are none. What is expired is there until it is cleaned up.
  runtime::Task<Result<std::optional<metadata::ProducerOffsets>>> Get(std::string id);
  // No error if there are none.
  runtime::Task<Status> Delete(std::string id);
  // How many producers have gone.
  runtime::Task<Result<size_t>> DropExpired(Timestamp now);

 private:
  Status CheckTables(const Tables& tables) const;

  metadata::MetadataStore& store_;
  const metadata::Catalog& catalog_;
  StatementLock& statements_;
  const std::chrono::milliseconds ttl_;
};

}  // namespace strom::coordinator
