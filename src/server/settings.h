// What the server needs to know, resolved from the configuration once at start (settings.cc). The
// options themselves, with types and defaults, are in base/config_table.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "kv/rocks_store.h"
#include "log/group_commit.h"
#include "log/log.h"
#include "metadata/table_validation.h"
#include "replica/primary_key.h"
#include "runtime/network.h"
#include "server/scan_sessions.h"

namespace strom {
class Config;
}

namespace strom::server {

// A named socket (spec 01, 5).
struct ListenerSettings {
  std::string name;
  runtime::Endpoint bind;
  // Absent: clients are told the address they connected to if the bound one is a wildcard, else
  // the bound one.
  std::optional<runtime::Endpoint> advertised;
};

struct ServerSettings {
  std::string data_dir;
  std::string remote_data_dir;  // told to clients; snapshots of primary-key tables go there
  ServerId server_id{0};
  std::vector<ListenerSettings> listeners;
  std::string internal_listener = "FLUSS";
  std::optional<runtime::Endpoint> http;

  size_t max_frame_bytes = 100 << 20;
  size_t max_connections = 10000;
  size_t connection_memory_bytes = 32 << 20;
  size_t connection_requests = 1000;
  size_t buffer_pool_bytes = 64 << 20;  // per shard
  size_t head_cache_bytes = 32 << 20;   // per shard
  size_t range_cache_bytes = 64 << 20;  // per shard
  std::chrono::milliseconds idle_timeout{600'000};
  std::chrono::milliseconds partial_frame_timeout{60'000};
  std::chrono::milliseconds max_wait{600'000};  // cap of max_wait_ms and timeout_ms of requests

  log::LogOptions log;
  log::CommitOptions commit;
  kv::RocksOptions rocks;
  ScanLimits scans;
  std::chrono::milliseconds kv_snapshot_interval{0};  // 0: no snapshots
  int32_t kv_snapshots_retained = 2;
  std::chrono::milliseconds lease_check_interval{600'000};
  std::chrono::milliseconds producer_offsets_ttl{std::chrono::hours(24)};
  std::chrono::milliseconds producer_offsets_check_interval{std::chrono::hours(1)};
  // What keeps the rows of primary-key tables; none: RocksDB with the options above.
  std::shared_ptr<kv::StoreEngine> store_engine;
  std::chrono::milliseconds close_idle_interval{std::chrono::minutes(10)};        // 0: never
  std::chrono::milliseconds close_idle_store_interval{std::chrono::minutes(10)};  // 0: never
  replica::StoreRetry store_retry;                                                // no key
  std::chrono::milliseconds segment_max_age{std::chrono::hours(7 * 24)};
  std::chrono::milliseconds retention_interval{300'000};
  bool roll_expired_active_segment = false;
  // Shares of the data disk: writes are refused at the first, taken again at the second.
  double disk_write_limit = 0.85;  // 1: never
  double disk_write_recover = 0.8;
  std::chrono::milliseconds disk_check_interval{30'000};
  std::chrono::milliseconds checkpoint_interval{60'000};
  std::chrono::milliseconds writer_expiration_check_interval{600'000};
  metadata::ClusterSettings cluster;
};

// kInvalidConfig names the key and what it takes.
Result<ServerSettings> MakeSettings(const Config& config);

}  // namespace strom::server
