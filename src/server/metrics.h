// What a server counts. Each shard has its own numbers; /metrics adds them up. docs/metrics.md
// explains every family; a test holds the two against each other.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "wire/api.h"

namespace strom::server {

class Server;

struct ApiMetrics {
  Counter requests;
  Counter errors;  // error frames
  Histogram duration;
};

// More than the protocol's APIs; the position is key - kFirstApi.
inline constexpr int16_t kFirstApi = 1000;
inline constexpr size_t kApiSlots = 128;

struct ShardMetrics {
  std::array<ApiMetrics, kApiSlots> apis;
  ApiMetrics unknown_api;
  Gauge connections;
  Counter connections_total;
  Counter bad_frames;
  Counter stale_connections;
  Counter received_bytes;
  Counter sent_bytes;
  Counter produced_bytes;
  Counter fetched_bytes;
  Counter filtered_bytes;
  Counter expired_segments;
  Counter put_bytes;
  Counter looked_up_keys;
  Counter keys_from_disk;
  Counter closed_stores;
  Counter snapshots;
  Counter failed_snapshots;
  Counter snapshot_bytes;
  Gauge parked_fetches;
  Gauge buckets;
  Gauge open_stores;
  Gauge head_cache_bytes;
  Gauge range_cache_bytes;
  Gauge writes_refused;
  Gauge scanners;

  ApiMetrics& Of(int16_t api_key) {
    const int slot = api_key - kFirstApi;
    return slot >= 0 && slot < static_cast<int>(kApiSlots) ? apis[static_cast<size_t>(slot)]
                                                           : unknown_api;
  }
};

// On the coordinator's shard.
std::string RenderMetrics(Server& server);

}  // namespace strom::server
