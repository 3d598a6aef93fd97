#include "cli/bench.h"

#include <sys/prctl.h>

#include <ctime>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "client/cluster.h"
#include "client/generated_batch.h"
#include "client/load_run.h"
#include "client/log_loads.h"
#include "client/row_loads.h"
#include "runtime/real.h"

namespace strom::cli {
namespace {

using runtime::Task;

constexpr std::chrono::milliseconds kLeadersWithin{60'000};
constexpr int kProduceInFlight = 4;
constexpr int kFetchInFlight = 1;
// At a fixed rate the server decides how many are under way; this keeps it from being without end.
constexpr int kInFlightAtRate = 1024;
constexpr std::string_view kFormatKey = "table.log.format";

struct TableName {
  std::string database;
  std::string table;
};

// A load, the table it is for, and how it is run.
struct Prepared {
  client::LocatedTable table;
  std::unique_ptr<client::Load> load;
  client::LoadRunOptions options;
};
using Prepare = Task<Result<Prepared>> (*)(const BenchArguments&, client::Cluster&, TableName);

Result<runtime::Endpoint> ParseEndpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  int port = 0;
  if (colon != std::string::npos) port = std::atoi(text.c_str() + colon + 1);
  if (port <= 0 || port > UINT16_MAX) {
    return Fail(ErrorCode::kInvalidConfig, "--bootstrap: '{}' is no host:port.", text);
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return runtime::Endpoint{std::move(host), static_cast<uint16_t>(port)};
}

Result<TableName> ParseTable(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) {
    return Fail(ErrorCode::kInvalidConfig, "--table: '{}' is no database.table.", text);
  }
  return TableName{text.substr(0, dot), text.substr(dot + 1)};
}

client::LoadRunOptions OptionsOf(const BenchArguments& arguments, int usual_in_flight) {
  if (arguments.rate > 0) usual_in_flight = kInFlightAtRate;
  return {.connections = arguments.connections,
          .in_flight = arguments.in_flight > 0 ? arguments.in_flight : usual_in_flight,
          .rate = arguments.rate,
          .duration = std::chrono::duration_cast<runtime::Duration>(
              std::chrono::duration<double>(arguments.seconds)),
          .count = arguments.count};
}

// Batches that do not fit the table would be refused by one server and stored by another.
Status CheckGenerated(const format::TableDescriptor& table, const BenchArguments& arguments) {
  STROM_TRY(const auto wanted, format::ParseTableDescriptor(
                                   client::GeneratedTable(arguments.columns, arguments.buckets)));
  const auto same_column = [](const format::Column& a, const format::Column& b) {
    return a.name == b.name && a.type == b.type;
  };
  const auto log_format = table.properties.find(std::string(kFormatKey));
  if (!table.schema.has_primary_key() && !table.partitioned() &&
      (log_format == table.properties.end() || log_format->second == "ARROW") &&
      std::ranges::equal(table.schema.columns, wanted.schema.columns, same_column)) {
    return {};
  }
  return Fail(ErrorCode::kInvalidTable,
              "Table '{}' is there, but not as 'strom bench produce --columns {}' makes it: name "
              "another table, or drop this one.",
              arguments.table, arguments.columns);
}

Task<Result<Prepared>> PrepareProduce(const BenchArguments& arguments, client::Cluster& cluster,
                                      TableName name) {
  STROM_CO_TRY_VOID(co_await cluster.CreateTable(
      name.database, name.table, client::GeneratedTable(arguments.columns, arguments.buckets)));
  STROM_CO_TRY(const auto described, co_await cluster.Describe(name.database, name.table));
  STROM_CO_TRY_VOID(CheckGenerated(described.descriptor, arguments));
  STROM_CO_TRY(auto table, co_await cluster.Locate(name.database, name.table, kLeadersWithin));
  const int rows =
      client::RowsForBytes(arguments.columns, static_cast<size_t>(arguments.batch_bytes));
  auto load = std::make_unique<client::ProduceLoad>(client::ProduceLoad::Options{
      .table = table.id,
      .buckets = table.leaders.size(),
      .acks = arguments.acks,
      .batch = client::GenerateBatch(
          {.columns = arguments.columns, .rows = rows, .schema = described.schema}),
      .rows = rows});
  co_return Prepared{std::move(table), std::move(load), OptionsOf(arguments, kProduceInFlight)};
}

Task<Result<Prepared>> PrepareFetch(const BenchArguments& arguments, client::Cluster& cluster,
                                    TableName name) {
  STROM_CO_TRY_VOID(co_await cluster.Describe(name.database, name.table));
  STROM_CO_TRY(auto table, co_await cluster.Locate(name.database, name.table, kLeadersWithin));
  const client::LoadRunOptions options = OptionsOf(arguments, kFetchInFlight);
  auto load = std::make_unique<client::FetchLoad>(
      client::FetchLoad::Options{.table = table.id,
                                 .buckets = table.leaders.size(),
                                 .slots = options.slots(),
                                 .columns = arguments.project,
                                 .max_bytes = arguments.fetch_bytes,
                                 .passes = arguments.passes,
                                 .follow = arguments.follow});
  co_return Prepared{std::move(table), std::move(load), options};
}

Task<Result<Prepared>> PreparePut(const BenchArguments& arguments, client::Cluster& cluster,
                                  TableName name) {
  STROM_CO_TRY_VOID(co_await cluster.CreateTable(
      name.database, name.table,
      client::GeneratedKeyedTable(arguments.columns, arguments.buckets, arguments.group > 0,
                                  arguments.properties)));
  STROM_CO_TRY(const auto described, co_await cluster.Describe(name.database, name.table));
  STROM_CO_TRY(auto table, co_await cluster.Locate(name.database, name.table, kLeadersWithin));
  auto load = std::make_unique<client::PutLoad>(
      client::PutLoad::Options{.table = table.id,
                               .buckets = table.leaders.size(),
                               .acks = arguments.acks,
                               .schema = described.schema,
                               .columns = arguments.columns,
                               .rows = arguments.rows,
                               .keys = arguments.keys,
                               .random = arguments.random,
                               .deletes = arguments.deletes,
                               .target_columns = arguments.target_columns,
                               .group = arguments.group});
  co_return Prepared{std::move(table), std::move(load), OptionsOf(arguments, kProduceInFlight)};
}

Task<Result<Prepared>> PrepareLookup(const BenchArguments& arguments, client::Cluster& cluster,
                                     TableName name) {
  if (arguments.prefixes && arguments.group == 0) {
    co_return Fail(ErrorCode::kInvalidConfig,
                   "--prefixes: say with --group how many rows have one.");
  }
  STROM_CO_TRY(auto table, co_await cluster.Locate(name.database, name.table, kLeadersWithin));
  auto load = std::make_unique<client::LookupLoad>(
      client::LookupLoad::Options{.table = table.id,
                                  .buckets = table.leaders.size(),
                                  .keys_per_request = arguments.rows,
                                  .keys = arguments.keys,
                                  .may_miss = arguments.may_miss,
                                  .group = arguments.group,
                                  .prefixes = arguments.prefixes});
  co_return Prepared{std::move(table), std::move(load), OptionsOf(arguments, 1)};
}

// User and system seconds so far of all threads; -1 for a clock that cannot be read.
double CpuSeconds(clockid_t clock) {
  timespec spent{};
  if (::clock_gettime(clock, &spent) != 0) return -1;
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

// Of this process and then of each watched one.
std::vector<double> CpuSeconds(const std::vector<int>& processes) {
  std::vector<double> seconds = {CpuSeconds(CLOCK_PROCESS_CPUTIME_ID)};
  for (const int process : processes) {
    clockid_t clock = 0;
    seconds.push_back(::clock_getcpuclockid(process, &clock) == 0 ? CpuSeconds(clock) : -1);
  }
  return seconds;
}

double Seconds(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

nlohmann::ordered_json Percentiles(client::Latencies& latencies) {
  const auto micros = [&latencies](double percent) {
    return std::chrono::duration<double, std::micro>(latencies.Percentile(percent)).count();
  };
  return {{"p50", micros(50)}, {"p99", micros(99)}, {"p99_9", micros(99.9)}, {"max", micros(100)}};
}

nlohmann::ordered_json ToJson(const client::LoadRunOptions& options, client::LoadFigures& figures,
                              const std::vector<double>& cpu) {
  const double seconds = std::max(Seconds(figures.elapsed), 1e-9);
  nlohmann::ordered_json json = {
      {"connections", options.connections},
      {"in_flight", options.in_flight},
      {"rate", options.rate},
      {"seconds", seconds},
      {"requests", figures.requests},
      {"unsent", figures.unsent},
      {"refused", figures.refused},
      {"rows", figures.rows},
      {"record_bytes", figures.record_bytes},
      {"sent_bytes", figures.sent_bytes},
      {"received_bytes", figures.received_bytes},
      {"requests_per_second", static_cast<double>(figures.requests) / seconds},
      {"rows_per_second", static_cast<double>(figures.rows) / seconds},
      {"record_bytes_per_second", static_cast<double>(figures.record_bytes) / seconds}};
  json["latency_us"] = Percentiles(figures.latencies);
  json["delay_us"] = Percentiles(figures.delays);
  json["own_cpu_seconds"] = cpu[0];
  json["watched_cpu_seconds"] = std::vector<double>(cpu.begin() + 1, cpu.end());
  return json;
}

void PrintText(const nlohmann::ordered_json& json) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_number_float()) {
      fmt::print("{:26}{:.3f}\n", key, value.get<double>());
    } else if (value.is_object()) {
      fmt::print("{:26}", key);
      for (const auto& [name, part] : value.items())
        fmt::print("{} {:.1f}  ", name, part.get<double>());
      fmt::print("\n");
    } else {
      fmt::print("{:26}{}\n", key, value.dump());
    }
  }
}

Task<Status> Bench(const BenchArguments& arguments, Prepare prepare) {
  STROM_CO_TRY(const runtime::Endpoint bootstrap, ParseEndpoint(arguments.bootstrap));
  STROM_CO_TRY(TableName name, ParseTable(arguments.table));
  STROM_CO_TRY(auto cluster, co_await client::Cluster::Connect(bootstrap));
  auto prepared = co_await prepare(arguments, *cluster, std::move(name));
  co_await cluster->Close();
  if (!prepared) co_return std::unexpected(std::move(prepared).error());
  const std::vector<double> before = CpuSeconds(arguments.watch);
  STROM_CO_TRY(auto figures,
               co_await client::RunLoad(prepared->table, *prepared->load, prepared->options));
  std::vector<double> cpu = CpuSeconds(arguments.watch);
  for (size_t i = 0; i < cpu.size(); ++i)
    cpu[i] -= before[i];
  const auto json = ToJson(prepared->options, figures, cpu);
  if (arguments.json) {
    fmt::print("{}\n", json.dump());
  } else {
    PrintText(json);
  }
  co_return Status();
}

int OnRuntime(const BenchArguments& arguments, Prepare prepare) {
  auto runtime = runtime::RealRuntime::Create({.shards = 1, .blocking_threads = 1});
  const int code = runtime->Run([&]() -> Task<int> {
    // Timers that keep the moments of a rate to the microsecond, instead of the usual 50.
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    const Status done = co_await Bench(arguments, prepare);
    if (done) co_return kOk;
    fmt::print(stderr, "strom bench: {}\n", done.error().message);
    co_return done.error().code == ErrorCode::kInvalidConfig ? kUsage : kFailed;
  });
  runtime->Stop();
  return code;
}

}  // namespace

int BenchProduce(const BenchArguments& arguments) {
  return OnRuntime(arguments, PrepareProduce);
}

int BenchPut(const BenchArguments& arguments) {
  return OnRuntime(arguments, PreparePut);
}

int BenchLookup(const BenchArguments& arguments) {
  return OnRuntime(arguments, PrepareLookup);
}

int BenchFetch(const BenchArguments& arguments) {
  return OnRuntime(arguments, PrepareFetch);
}

}  // namespace strom::cli
