#include "server/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "server/server.h"

namespace strom::server {
namespace {

struct CounterFamily {
  std::string_view name;
  std::string_view help;
  Counter ShardMetrics::* member;
};
struct GaugeFamily {
  std::string_view name;
  std::string_view help;
  Gauge ShardMetrics::* member;
};

constexpr CounterFamily kCounters[] = {
    {"strom_connections_opened_total", "Connections accepted since the start.",
     &ShardMetrics::connections_total},
    {"strom_bad_frames_total", "Connections ended because what they sent is no frame.",
     &ShardMetrics::bad_frames},
    {"strom_stale_connections_total", "Connections ended because they were idle or stuck.",
     &ShardMetrics::stale_connections},
    {"strom_received_bytes_total", "Bytes of requests.", &ShardMetrics::received_bytes},
    {"strom_sent_bytes_total", "Bytes of answers.", &ShardMetrics::sent_bytes},
    {"strom_produced_bytes_total", "Bytes of record batches appended by clients.",
     &ShardMetrics::produced_bytes},
    {"strom_fetched_bytes_total", "Bytes of record batches sent to readers.",
     &ShardMetrics::fetched_bytes},
    {"strom_filtered_bytes_total", "Bytes of record batches that filters left out.",
     &ShardMetrics::filtered_bytes},
    {"strom_expired_segments_total", "Segments deleted because they are older than table.log.ttl.",
     &ShardMetrics::expired_segments},
    {"strom_put_bytes_total", "Bytes of KV batches applied to primary-key tables.",
     &ShardMetrics::put_bytes},
    {"strom_looked_up_keys_total", "Keys and prefixes looked up, found or not.",
     &ShardMetrics::looked_up_keys},
    {"strom_keys_from_disk_total", "Keys whose lookup had to wait for the disk.",
     &ShardMetrics::keys_from_disk},
    {"strom_kv_closed_stores_total", "Stores of primary-key buckets closed because they were idle.",
     &ShardMetrics::closed_stores},
    {"strom_kv_snapshots_total", "Snapshots taken of buckets of primary-key tables.",
     &ShardMetrics::snapshots},
    {"strom_kv_snapshots_failed_total", "Snapshots that failed; they are tried again.",
     &ShardMetrics::failed_snapshots},
    {"strom_kv_snapshot_bytes_total", "Bytes copied to the remote directory by snapshots.",
     &ShardMetrics::snapshot_bytes},
};
constexpr GaugeFamily kGauges[] = {
    {"strom_connections", "Open connections.", &ShardMetrics::connections},
    {"strom_parked_fetches", "Fetches that wait for data.", &ShardMetrics::parked_fetches},
    {"strom_buckets", "Buckets that this server leads.", &ShardMetrics::buckets},
    {"strom_kv_open_stores", "Stores of primary-key buckets that are open.",
     &ShardMetrics::open_stores},
    {"strom_head_cache_bytes", "Memory of batch heads kept for projected and filtered reads.",
     &ShardMetrics::head_cache_bytes},
    {"strom_range_cache_bytes", "Memory of column ranges kept for filtered reads.",
     &ShardMetrics::range_cache_bytes},
    {"strom_writes_refused_shards", "Shards that refuse appends because the data disk is too full.",
     &ShardMetrics::writes_refused},
    {"strom_scanners", "Open sessions of SCAN_KV.", &ShardMetrics::scanners},
};

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<ShardMetrics*> AllShards(Server& server) {
  std::vector<ShardMetrics*> all;
  for (size_t i = 0; i < server.shard_count(); ++i) {
    all.push_back(&server.shard(runtime::ShardId(static_cast<int32_t>(i))).metrics);
  }
  return all;
}

void RenderApis(MetricsText& text, const std::vector<ShardMetrics*>& shards) {
  const auto counters = [&](std::string_view name, std::string_view help,
                            Counter ApiMetrics::* member) {
    text.Family(name, "counter", help);
    for (const wire::ApiInfo& api : wire::AllApis()) {
      uint64_t sum = 0;
      for (ShardMetrics* shard : shards)
        sum += (shard->Of(static_cast<int16_t>(api.api)).*member).value();
      if (sum > 0) text.Sample(name, fmt::format("api=\"{}\"", api.name), sum);
    }
    uint64_t unknown = 0;
    for (ShardMetrics* shard : shards)
      unknown += (shard->unknown_api.*member).value();
    text.Sample(name, "api=\"unknown\"", unknown);
  };
  counters("strom_requests_total", "Requests answered.", &ApiMetrics::requests);
  counters("strom_request_errors_total", "Requests answered with an error frame.",
           &ApiMetrics::errors);
  text.Family("strom_request_seconds", "histogram",
              "Time from the whole request to its answer being ready; long polls wait on purpose.");
  for (const wire::ApiInfo& api : wire::AllApis()) {
    std::vector<const Histogram*> parts;
    uint64_t count = 0;
    for (ShardMetrics* shard : shards) {
      parts.push_back(&shard->Of(static_cast<int16_t>(api.api)).duration);
      count += parts.back()->count();
    }
    if (count > 0) text.Sum("strom_request_seconds", fmt::format("api=\"{}\"", api.name), parts);
  }
}

}  // namespace

std::string RenderMetrics(Server& server) {
  MetricsText text;
  const std::vector<ShardMetrics*> shards = AllShards(server);
  for (const CounterFamily& family : kCounters) {
    uint64_t sum = 0;
    for (ShardMetrics* shard : shards)
      sum += (shard->*family.member).value();
    text.Family(family.name, "counter", family.help);
    text.Sample(family.name, "", sum);
  }
  for (const GaugeFamily& family : kGauges) {
    int64_t sum = 0;
    for (ShardMetrics* shard : shards)
      sum += (shard->*family.member).value();
    text.Family(family.name, "gauge", family.help);
    text.Sample(family.name, "", static_cast<double>(sum));
  }
  const metadata::Catalog& catalog = server.coordinator().catalog();
  text.Family("strom_tables", "gauge", "Tables in the catalog.");
  text.Sample("strom_tables", "", static_cast<double>(catalog.table_count()));
  text.Family("strom_databases", "gauge", "Databases in the catalog.");
  text.Sample("strom_databases", "", static_cast<double>(catalog.database_count()));
  RenderApis(text, shards);
  text.Family("process_resident_memory_bytes", "gauge", "Resident memory of the process.");
  text.Sample("process_resident_memory_bytes", "", static_cast<double>(ResidentBytes()));
  text.Family("process_cpu_seconds_total", "counter", "CPU time of the process, user and system.");
  text.Sample("process_cpu_seconds_total", "", CpuSeconds());
  return text.Take();
}

}  // namespace strom::server
