// What PRODUCE_LOG, PUT_KV and lookups that insert have in common: the buckets of a write, what its
// `acks` may be and how long it waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace strom::server {

struct ServerShard;
struct ServerSettings;

// One bucket of a write, and the offset that it is answered with.
template <class Records>
struct WritePart {
  TableBucket bucket;
  Records records;
  Result<Offset> offset = Offset(-1);
  float pressure = 0;  // of a bucket of rows, for writers that slow down
};

// One part for each bucket of a request. A bucket named twice gets one answer, an error, and
// nothing is applied to it (spec 01, 12).
template <class Records, class Entry>
std::vector<WritePart<Records>> MakeParts(TableId table, const std::vector<Entry>& entries) {
  std::vector<WritePart<Records>> parts;
  parts.reserve(entries.size());
  std::unordered_map<TableBucket, size_t> seen;
  for (const Entry& entry : entries) {
    const TableBucket bucket{table, entry.partition, entry.bucket};
    if (entries.size() > 1) {
      auto [known, fresh] = seen.try_emplace(bucket, parts.size());
      if (!fresh) {
        parts[known->second].offset =
            Fail(ErrorCode::kUnknownServerError,
                 "The request names {} more than once; nothing was written to it.", bucket);
        continue;
      }
    }
    parts.push_back({bucket, entry.records});
  }
  return parts;
}

// The parts that are still to be applied.
template <class Records>
std::vector<WritePart<Records>*> Undecided(std::vector<WritePart<Records>>& parts) {
  std::vector<WritePart<Records>*> undecided;
  undecided.reserve(parts.size());
  for (WritePart<Records>& part : parts) {
    if (part.offset) undecided.push_back(&part);
  }
  return undecided;
}

// kInvalidRequiredAcks unless -1, 0 or 1.
Status CheckAcks(int32_t acks);
// What the client is willing to wait, within server.max-wait.
std::chrono::milliseconds WaitOf(int32_t timeout_ms, const ServerSettings& settings);
// kDiskWriteLocked while the data disk of `owner` is too full.
Status CheckDisk(const ServerShard& owner, const TableBucket& bucket);

}  // namespace strom::server
