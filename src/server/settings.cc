#include "server/settings.h"

#include <algorithm>
#include <filesystem>

#include "base/config.h"
#include "base/value_syntax.h"

namespace strom::server {
namespace {

// In data.dir; the dot keeps it apart from databases.
constexpr std::string_view kDefaultRemoteFolder = ".remote";

std::unexpected<Error> Bad(std::string_view key, std::string_view text, std::string_view want) {
  return Fail(ErrorCode::kInvalidConfig, "'{}' is no value for '{}'; it takes {}.", text, key,
              want);
}

// "host:port" or "[v6]:port".
Result<runtime::Endpoint> ParseEndpoint(std::string_view key, std::string_view text) {
  constexpr std::string_view kForm = "host:port, an IPv6 address in brackets";
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return Bad(key, text, kForm);
  const auto port = ParseInt32(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return Bad(key, text, "a port from 0 to 65535");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return Bad(key, text, kForm);
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return Bad(key, text, kForm);
  }
  return runtime::Endpoint{std::string(host), static_cast<uint16_t>(*port)};
}

struct NamedEndpoint {
  std::string name;
  runtime::Endpoint endpoint;
};

Result<std::vector<NamedEndpoint>> ParseListeners(std::string_view key,
                                                  const std::vector<std::string>& items) {
  std::vector<NamedEndpoint> listeners;
  for (const std::string& item : items) {
    const size_t separator = item.find("://");
    if (separator == std::string::npos || separator == 0) {
      return Bad(key, item, "NAME://host:port, comma separated");
    }
    const std::string name = item.substr(0, separator);
    STROM_TRY(runtime::Endpoint endpoint,
              ParseEndpoint(key, std::string_view(item).substr(separator + 3)));
    for (const NamedEndpoint& other : listeners) {
      if (other.name == name) return Bad(key, item, "every listener name once");
      if (endpoint.port != 0 && other.endpoint.port == endpoint.port) {
        return Bad(key, item, "every port once");
      }
    }
    listeners.push_back({name, std::move(endpoint)});
  }
  return listeners;
}

// Spec 01, 5.
Status SetListeners(const Config& config, ServerSettings& settings) {
  STROM_TRY(const auto bound,
            ParseListeners("bind.listeners", ParseList(config.String("bind.listeners"))));
  if (bound.empty()) return Bad("bind.listeners", "", "at least one NAME://host:port");
  for (const NamedEndpoint& listener : bound) {
    settings.listeners.push_back({listener.name, listener.endpoint, std::nullopt});
  }
  STROM_TRY(
      const auto advertised,
      ParseListeners("advertised.listeners", ParseList(config.String("advertised.listeners"))));
  for (const NamedEndpoint& listener : advertised) {
    const auto own = std::ranges::find(settings.listeners, listener.name, &ListenerSettings::name);
    if (own == settings.listeners.end()) {
      return Bad("advertised.listeners", listener.name, "names that bind.listeners has");
    }
    own->advertised = listener.endpoint;
  }
  settings.internal_listener = config.String("internal.listener.name");
  const auto& names = settings.listeners;
  const bool named =
      std::ranges::find(names, settings.internal_listener, &ListenerSettings::name) != names.end();
  if (!named && config.given().contains("internal.listener.name")) {
    return Bad("internal.listener.name", settings.internal_listener, "a name of bind.listeners");
  }
  if (!named) settings.internal_listener = names.front().name;
  for (const auto& [name, protocol] : ParseMap(config.String("security.protocol.map"))
                                          .value_or(std::map<std::string, std::string>())) {
    if (!EqualsIgnoringCase(protocol, "PLAINTEXT")) {
      return Fail(ErrorCode::kInvalidConfig,
                  "Listener {} asks for {}: only PLAINTEXT is served by this version of Strom.",
                  name, protocol);
    }
  }
  return {};
}

// What a type alone does not rule out.
struct IntRange {
  std::string_view key;
  int64_t min;
  int64_t max;
};
constexpr IntRange kIntRanges[] = {
    {"default.bucket.number", 1, INT32_MAX},
    {"default.replication.factor", 1, INT32_MAX},
    {"max.bucket.num", 1, INT32_MAX},
    {"server.blocking-threads", 1, 1024},
    {"server.connection.max-inflight-requests", 1, INT32_MAX},
    {"server.max-connections", 1, INT32_MAX},
    {"server.shards", 0, 1024},
    {"tablet-server.id", 0, INT32_MAX},
};
constexpr IntRange kByteRanges[] = {
    {"log.index.file-size", 1 << 10, INT32_MAX},
    {"log.index.interval-size", 1, INT32_MAX},
    {"log.segment.file-size", 1, INT32_MAX},
    {"netty.server.max-request-size", 1 << 10, INT32_MAX},
    {"server.buffer-pool.max-memory", 0, INT64_MAX},
    {"server.range-cache.max-memory", 0, INT64_MAX},
    {"server.connection.max-memory", 1, INT64_MAX},
};

// Longer ones overflow when they are added to a time in nanoseconds.
constexpr std::chrono::microseconds kMaxDuration = std::chrono::days(36'500);
struct DurationRange {
  std::string_view key;
  std::chrono::microseconds min;
  std::chrono::microseconds max = kMaxDuration;
};
constexpr DurationRange kDurationRanges[] = {
    {"log.flush.offset.checkpoint-interval", std::chrono::milliseconds(1)},
    {"log.fsync.interval", std::chrono::milliseconds(1)},
    {"log.retention.check-interval", std::chrono::milliseconds(1)},
    {"netty.connection.max-idle-time", std::chrono::milliseconds(1)},
    {"server.data-disk.check-interval", std::chrono::milliseconds(1)},
    {"server.max-wait", std::chrono::milliseconds(0)},
    {"server.partial-frame.timeout", std::chrono::milliseconds(1)},
    {"server.poll-before-block", std::chrono::microseconds(0), std::chrono::seconds(1)},
    {"server.writer-id.expiration-check-interval", std::chrono::milliseconds(1)},
    {"server.writer-id.expiration-time", std::chrono::milliseconds(1)},
};

void SetRows(const Config& config, ServerSettings& settings) {
  const auto bytes = [&config](const char* key) {
    return static_cast<uint64_t>(config.MemoryBytes(key));
  };
  kv::RocksOptions& rocks = settings.rocks;
  rocks.block_cache_bytes = bytes("kv.rocksdb.shared-block-cache.size");
  rocks.write_buffers_bytes = bytes("kv.rocksdb.shared-write-buffer.size");
  rocks.write_buffer_bytes = bytes("kv.rocksdb.writebuffer.size");
  rocks.level0_signal = static_cast<int>(config.Int("kv.backpressure.l0-slowdown-trigger"));
  rocks.write_buffer_count = static_cast<int>(config.Int("kv.rocksdb.writebuffer.count"));
  rocks.write_buffers_to_merge =
      static_cast<int>(config.Int("kv.rocksdb.writebuffer.number-to-merge"));
  rocks.block_bytes = bytes("kv.rocksdb.block.blocksize");
  rocks.bloom_bits_per_key = config.Bool("kv.rocksdb.use-bloom-filter")
                                 ? config.Double("kv.rocksdb.bloom-filter.bits-per-key")
                                 : 0;
  rocks.target_file_bytes = bytes("kv.rocksdb.compaction.level.target-file-size-base");
  rocks.level_base_bytes = bytes("kv.rocksdb.compaction.level.max-size-level-base");
  rocks.background_threads = static_cast<int>(config.Int("kv.rocksdb.thread.num"));
  rocks.max_open_files = static_cast<int>(config.Int("kv.rocksdb.files.open"));
  const uint64_t rate = bytes("kv.rocksdb.shared-rate-limiter.bytes-per-sec");
  rocks.rate_limit_bytes = rate < uint64_t{INT64_MAX} ? rate : 0;
  ScanLimits& scans = settings.scans;
  scans.ttl =
      std::chrono::duration_cast<std::chrono::milliseconds>(config.Duration("kv.scanner.ttl"));
  scans.sweep_interval = std::chrono::duration_cast<std::chrono::milliseconds>(
      config.Duration("kv.scanner.expiration-interval"));
  scans.max_per_bucket = static_cast<size_t>(config.Int("kv.scanner.max-per-bucket"));
  scans.max_per_shard = static_cast<size_t>(config.Int("kv.scanner.max-per-server"));
  scans.max_batch_bytes = static_cast<size_t>(bytes("kv.scanner.max-batch-size"));
}

Status CheckRanges(const Config& config) {
  for (const IntRange& range : kIntRanges) {
    const int64_t value = config.Int(range.key);
    if (value < range.min || value > range.max) {
      return Bad(range.key, config.String(range.key),
                 range.max == INT32_MAX ? fmt::format("{} or more", range.min)
                                        : fmt::format("{} to {}", range.min, range.max));
    }
  }
  for (const IntRange& range : kByteRanges) {
    const int64_t value = config.MemoryBytes(range.key);
    if (value < range.min || value > range.max) {
      return Bad(range.key, config.String(range.key),
                 fmt::format("{} bytes to {} bytes", range.min, range.max));
    }
  }
  for (const DurationRange& range : kDurationRanges) {
    const std::chrono::microseconds value = config.Duration(range.key);
    if (value >= range.min && value <= range.max) continue;
    const auto limit = value < range.min ? range.min : range.max;
    return Bad(range.key, config.String(range.key),
               fmt::format("at {} {} micros", value < range.min ? "least" : "most", limit.count()));
  }
  return {};
}

template <class D>
D As(std::chrono::microseconds duration) {
  return std::chrono::duration_cast<D>(duration);
}

}  // namespace

Result<ServerSettings> MakeSettings(const Config& config) {
  using std::chrono::milliseconds;
  STROM_TRY_VOID(CheckRanges(config));
  ServerSettings settings;
  settings.data_dir = config.String("data.dir");
  if (settings.data_dir.empty()) return Bad("data.dir", "", "a folder");
  settings.remote_data_dir = config.String("remote.data.dir");
  if (settings.remote_data_dir.empty()) {
    settings.remote_data_dir =
        (std::filesystem::absolute(settings.data_dir) / kDefaultRemoteFolder).lexically_normal();
  }
  while (settings.remote_data_dir.size() > 1 && settings.remote_data_dir.ends_with('/'))
    settings.remote_data_dir.pop_back();
  settings.kv_snapshot_interval = As<milliseconds>(config.Duration("kv.snapshot.interval"));
  settings.kv_snapshots_retained = static_cast<int32_t>(config.Int("kv.snapshot.num-retained"));
  settings.lease_check_interval =
      As<milliseconds>(config.Duration("kv.snapshot.lease.expiration-check-interval"));
  settings.producer_offsets_ttl =
      As<milliseconds>(config.Duration("coordinator.producer-offsets.ttl"));
  settings.producer_offsets_check_interval =
      As<milliseconds>(config.Duration("coordinator.producer-offsets.cleanup-interval"));
  settings.server_id = ServerId(static_cast<int32_t>(config.Int("tablet-server.id")));
  STROM_TRY_VOID(SetListeners(config, settings));
  if (const std::string http = config.String("server.http.listen"); !http.empty()) {
    STROM_TRY(settings.http, ParseEndpoint("server.http.listen", http));
  }
  settings.max_frame_bytes =
      static_cast<size_t>(config.MemoryBytes("netty.server.max-request-size"));
  settings.max_connections = static_cast<size_t>(config.Int("server.max-connections"));
  settings.connection_memory_bytes =
      static_cast<size_t>(config.MemoryBytes("server.connection.max-memory"));
  settings.connection_requests =
      static_cast<size_t>(config.Int("server.connection.max-inflight-requests"));
  settings.buffer_pool_bytes =
      static_cast<size_t>(config.MemoryBytes("server.buffer-pool.max-memory"));
  settings.head_cache_bytes =
      static_cast<size_t>(config.MemoryBytes("server.head-cache.max-memory"));
  settings.range_cache_bytes =
      static_cast<size_t>(config.MemoryBytes("server.range-cache.max-memory"));
  settings.idle_timeout = As<milliseconds>(config.Duration("netty.connection.max-idle-time"));
  settings.partial_frame_timeout =
      As<milliseconds>(config.Duration("server.partial-frame.timeout"));
  settings.max_wait = As<milliseconds>(config.Duration("server.max-wait"));

  settings.log.segment_bytes = static_cast<uint64_t>(config.MemoryBytes("log.segment.file-size"));
  settings.log.index_bytes = static_cast<uint64_t>(config.MemoryBytes("log.index.file-size"));
  settings.log.index_interval_bytes =
      static_cast<uint64_t>(config.MemoryBytes("log.index.interval-size"));
  settings.log.writer_expiration_ms =
      As<milliseconds>(config.Duration("server.writer-id.expiration-time")).count();
  SetRows(config, settings);
  settings.commit.mode = *log::ParseCommitMode(config.String("log.fsync"));
  settings.commit.interval = As<milliseconds>(config.Duration("log.fsync.interval"));
  settings.close_idle_interval = As<milliseconds>(config.Duration("log.close-idle-interval"));
  settings.close_idle_store_interval = As<milliseconds>(config.Duration("kv.close-idle-interval"));
  settings.segment_max_age = As<milliseconds>(config.Duration("log.segment.max-age"));
  settings.retention_interval = As<milliseconds>(config.Duration("log.retention.check-interval"));
  settings.roll_expired_active_segment = config.Bool("log.retention.roll-active-segment.enabled");
  settings.disk_check_interval =
      As<milliseconds>(config.Duration("server.data-disk.check-interval"));
  settings.disk_write_limit = config.Double("server.data-disk.write-limit-ratio");
  settings.disk_write_recover = config.Double("server.data-disk.write-recover-ratio");
  if (settings.disk_write_limit <= 0 || settings.disk_write_limit > 1) {
    return Bad("server.data-disk.write-limit-ratio",
               config.String("server.data-disk.write-limit-ratio"), "above 0 and at most 1");
  }
  if (settings.disk_write_recover < 0 || settings.disk_write_recover >= settings.disk_write_limit) {
    return Bad("server.data-disk.write-recover-ratio",
               config.String("server.data-disk.write-recover-ratio"),
               "below server.data-disk.write-limit-ratio");
  }
  settings.checkpoint_interval =
      As<milliseconds>(config.Duration("log.flush.offset.checkpoint-interval"));
  settings.writer_expiration_check_interval =
      As<milliseconds>(config.Duration("server.writer-id.expiration-check-interval"));

  metadata::ClusterSettings& cluster = settings.cluster;
  cluster.default_bucket_number = static_cast<int32_t>(config.Int("default.bucket.number"));
  cluster.default_replication_factor =
      static_cast<int32_t>(config.Int("default.replication.factor"));
  cluster.max_bucket_num = static_cast<int32_t>(config.Int("max.bucket.num"));
  cluster.allow_create_log_tables = config.Bool("allow.create.log.tables");
  cluster.allow_create_kv_tables = config.Bool("allow.create.kv.tables");
  return settings;
}

}  // namespace strom::server
