#include "server/writes.h"

#include "server/server_shard.h"
#include "wire/produce.h"

namespace strom::server {

Status CheckAcks(int32_t acks) {
  if (acks >= wire::kAcksAll && acks <= 1) return {};
  return Fail(ErrorCode::kInvalidRequiredAcks, "Invalid required acks {}: use -1, 0 or 1.", acks);
}

std::chrono::milliseconds WaitOf(int32_t timeout_ms, const ServerSettings& settings) {
  return std::clamp(std::chrono::milliseconds(timeout_ms), std::chrono::milliseconds(0),
                    settings.max_wait);
}

Status CheckDisk(const ServerShard& owner, const TableBucket& bucket) {
  if (!owner.writes_refused) return {};
  return Fail(ErrorCode::kDiskWriteLocked,
              "The disk of '{}' is {:.0f} % full or more, so nothing is written to {}. Free some "
              "space, or shorten table.log.ttl; reads go on.",
              owner.settings().data_dir, owner.settings().disk_write_limit * 100, bucket);
}

}  // namespace strom::server
