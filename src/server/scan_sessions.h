// Sessions of SCAN_KV on one shard (spec 05, 10): each holds the rows of a bucket at one moment and
// where the client is in them. A session lives on the shard that owns its bucket; the first byte of
// its id says which. An id is a capability: 120 bits of it are random. Rows are read on the
// blocking pool: an answer of megabytes would hold up its shard even from memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "kv/store.h"
#include "replica/replica.h"
#include "runtime/shard.h"

namespace strom::server {

struct ScanLimits {
  std::chrono::milliseconds ttl{std::chrono::minutes(10)};
  std::chrono::milliseconds sweep_interval{std::chrono::seconds(30)};
  size_t max_per_bucket = 8;
  size_t max_per_shard = 200;
  size_t max_batch_bytes = size_t{10} << 20;
};

// One answer.
struct ScanBatch {
  std::string scanner_id;        // empty: there is no session
  std::optional<Bytes> records;  // a value batch
  bool has_more = false;
  std::optional<Offset> log_offset;  // of the first answer
};

class ScanSessions {
 public:
  explicit ScanSessions(const ScanLimits& limits) : limits_(limits) {}

  // Opens a scan of the replica's rows, whose store is open, and reads the first batch. `row_limit`
  // 0: all. kTooManyScanners.
  runtime::Task<Result<ScanBatch>> Open(std::shared_ptr<replica::Replica> replica,
                                        uint64_t row_limit, size_t batch_bytes);
  // The next batch. kUnknownScannerId, kScannerExpired, kInvalidScanRequest when `call` is not the
  // next call or the call before is still being answered: the session stays then.
  runtime::Task<Result<ScanBatch>> Continue(std::string id, int32_t call, size_t batch_bytes);
  // Whether there was such a session or not.
  void Close(std::string_view id) { sessions_.erase(std::string(id)); }
  // Ends what was not used for longer than the time to live, and forgets old ids.
  void Sweep();
  size_t size() const { return sessions_.size(); }

  // The shard that an id belongs to; nothing if it is no id.
  static std::optional<runtime::ShardId> ShardOf(std::string_view id);

 private:
  // Where a scan is. Of the blocking pool while a call is answered.
  struct Walk {
    std::unique_ptr<kv::StoreCursor> cursor;
    bool begun = false;
    std::optional<uint64_t> rows_left;  // nothing: all
  };
  struct Session {
    std::weak_ptr<replica::Replica> replica;
    TableBucket bucket;
    std::shared_ptr<Walk> walk;
    int32_t next_call = 1;
    bool answering = false;
    runtime::Instant last_used;
  };

  // Blocking. No records: there are no rows.
  static Result<ScanBatch> ReadBatch(Walk& walk, size_t limit_bytes);
  // The batch that the session is `answering`; after the last the session is gone.
  runtime::Task<Result<ScanBatch>> Answer(std::string id, std::shared_ptr<Walk> walk,
                                          size_t batch_bytes);
  static std::string MakeId();

  const ScanLimits limits_;
  std::unordered_map<std::string, Session> sessions_;
  std::unordered_map<std::string, runtime::Instant> expired_;  // id -> when to forget it
};

}  // namespace strom::server
