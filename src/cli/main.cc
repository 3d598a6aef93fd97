// The `strom` command.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/bench.h"
#include "cli/commands.h"

namespace {

void AddConfigArguments(CLI::App& command, strom::cli::ConfigArguments& arguments) {
  command.add_option("--config", arguments.file, "YAML file with flat keys, as server.yaml");
  command.add_option("--data-dir", arguments.data_dir, "where everything is kept (data.dir)");
  command.add_option("--set", arguments.settings, "key=value; wins over the file")->take_all();
}

struct BenchVerbs {
  CLI::App* produce;
  CLI::App* fetch;
  CLI::App* put;
  CLI::App* lookup;
};

void AddCommonArguments(CLI::App& verb, strom::cli::BenchArguments& arguments) {
  verb.add_option("--bootstrap", arguments.bootstrap, "host:port of a server")
      ->capture_default_str();
  verb.add_option("--table", arguments.table, "database.table")->capture_default_str();
  verb.add_option("--connections", arguments.connections, "to each server that leads a bucket")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  verb.add_option("--in-flight", arguments.in_flight,
                  "requests under way on each connection, at most; unless given 4 to produce, 1 to "
                  "fetch, 1024 with --rate")
      ->check(CLI::Range(1, 100'000));
  verb.add_option(
          "--rate", arguments.rate,
          "requests a second, all in all; latencies then count from when a request was due. "
          "Without it as fast as answers come")
      ->check(CLI::Range(0.01, 1e7));
  verb.add_option("--seconds", arguments.seconds, "how long, at most")
      ->check(CLI::Range(0.001, 86'400.0))
      ->capture_default_str();
  verb.add_option("--count", arguments.count, "how many requests, at most; else until time is out")
      ->check(CLI::Range(int64_t{1}, INT64_MAX));
  verb.add_option("--watch", arguments.watch, "processes whose CPU seconds are printed, by id")
      ->delimiter(',');
  verb.add_flag("--json", arguments.json, "print one JSON object instead of lines");
}

void AddRowArguments(const BenchVerbs& verbs, strom::cli::BenchArguments& arguments) {
  for (CLI::App* verb : {verbs.put, verbs.lookup}) {
    verb->add_option("--rows", arguments.rows, "rows, or keys, of one request")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    verb->add_option("--keys", arguments.keys, "how many keys there are")
        ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
        ->capture_default_str();
  }
  verbs.put->add_option("--columns", arguments.columns, "the key, then half BIGINT, half STRING")
      ->check(CLI::Range(2, 10'000))
      ->capture_default_str();
  verbs.put->add_option("--buckets", arguments.buckets, "of the table, when it has to be made")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  verbs.put->add_option("--acks", arguments.acks, "-1, 1 or 0")
      ->check(CLI::Range(-1, 1))
      ->capture_default_str();
  verbs.put->add_option("--properties", arguments.properties,
                        "of the table, when it has to be made: JSON members");
  verbs.put->add_option("--target-columns", arguments.target_columns, "of a partial update")
      ->delimiter(',');
  verbs.put->add_flag("--random", arguments.random, "keys at random instead of in order");
  verbs.put->add_flag("--deletes", arguments.deletes, "delete the keys instead");
  for (CLI::App* verb : {verbs.put, verbs.lookup}) {
    verb->add_option("--group", arguments.group,
                     "rows that share the first column of the key; 0: the key has one column")
        ->check(CLI::Range(int64_t{0}, int64_t{1} << 32))
        ->capture_default_str();
  }
  verbs.lookup->add_flag("--prefixes", arguments.prefixes,
                         "look up whole groups by that column; --rows of them in a request");
  verbs.lookup->add_flag("--may-miss", arguments.may_miss, "keys that are not there are no error");
}

BenchVerbs AddBench(CLI::App& app, strom::cli::BenchArguments& arguments) {
  CLI::App* bench =
      app.add_subcommand("bench", "put load on a server and say how long it took to answer");
  bench->require_subcommand(1);
  bench->footer(
      "Examples:\n"
      "  strom bench produce --connections 2 --seconds 10\n"
      "  strom bench produce --batch-bytes 1024 --rate 4000 --json\n"
      "  strom bench fetch --project 0,1 --json\n"
      "  strom bench put --table bench.rows --keys 1000000 --count 1000\n"
      "  strom bench lookup --table bench.rows --in-flight 16 --seconds 5\n"
      "latency_us: from when a request was due to its answer. delay_us: the part of it before the "
      "request was sent.\nWhen own_cpu_seconds comes near seconds, this command is the limit, not "
      "the server.");
  const BenchVerbs verbs{
      .produce =
          bench->add_subcommand("produce", "append a batch of generated rows again and again"),
      .fetch = bench->add_subcommand("fetch", "read a log table from the beginning"),
      .put = bench->add_subcommand("put", "write rows of generated keys to a primary-key table"),
      .lookup = bench->add_subcommand("lookup", "look up keys that 'put' wrote, at random")};
  for (CLI::App* verb : {verbs.produce, verbs.fetch, verbs.put, verbs.lookup})
    AddCommonArguments(*verb, arguments);
  AddRowArguments(verbs, arguments);
  verbs.produce->add_option("--buckets", arguments.buckets, "of the table, when it has to be made")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  verbs.produce->add_option("--columns", arguments.columns, "half BIGINT, half STRING")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  verbs.produce->add_option("--batch-bytes", arguments.batch_bytes, "of one request's batch, about")
      ->check(CLI::Range(1, 64 << 20))
      ->capture_default_str();
  verbs.produce->add_option("--acks", arguments.acks, "-1, 1 or 0")
      ->check(CLI::Range(-1, 1))
      ->capture_default_str();
  verbs.fetch
      ->add_option("--project", arguments.project, "columns to read, by position from 0, ascending")
      ->delimiter(',');
  verbs.fetch->add_option("--fetch-bytes", arguments.fetch_bytes, "of one answer, at most")
      ->check(CLI::Range(1, INT32_MAX))
      ->capture_default_str();
  verbs.fetch
      ->add_option("--passes", arguments.passes,
                   "how often everything is read; 0: until time is out")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  verbs.fetch->add_flag("--follow", arguments.follow,
                        "stay at the end of one bucket each and wait for more until time is out");
  return verbs;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace strom::cli;
  CLI::App app("Strom: streaming storage for real-time analytics, for Apache Fluss clients.");
  app.footer(
      "Examples:\n"
      "  strom server --data-dir ./data\n"
      "  strom server --config server.yaml --set log.fsync=interval\n"
      "  strom config check --config server.yaml\n"
      "  strom log verify ./data\n"
      "  strom bench produce --seconds 10 --json\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 data directory in use, "
      "4 damage found.");
  app.require_subcommand(1);
  ConfigArguments arguments;

  CLI::App* server = app.add_subcommand("server", "run a server until SIGTERM or SIGINT");
  AddConfigArguments(*server, arguments);
  CLI::App* config = app.add_subcommand("config", "look at the configuration");
  config->require_subcommand(1);
  CLI::App* check = config->add_subcommand("check", "say whether a server would take it");
  CLI::App* print =
      config->add_subcommand("print", "print what is in force and where it came from");
  CLI::App* docs = config->add_subcommand("docs", "print docs/configuration.md");
  AddConfigArguments(*check, arguments);
  AddConfigArguments(*print, arguments);
  CLI::App* log = app.add_subcommand("log", "look at log files that no server uses");
  log->require_subcommand(1);
  std::string path;
  CLI::App* verify =
      log->add_subcommand("verify", "check segments and indexes; damage is exit code 4");
  verify->add_option("path", path, "a .log file, a bucket's folder or a data directory")
      ->required();
  CLI::App* dump =
      log->add_subcommand("dump", "print the batch headers of a segment as JSON lines");
  dump->add_option("path", path, "a .log file")->required();
  BenchArguments bench_arguments;
  const BenchVerbs bench = AddBench(app, bench_arguments);
  CLI::App* version = app.add_subcommand("version", "print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  if (*server) return RunServer(arguments);
  if (*check) return CheckConfig(arguments);
  if (*print) return PrintConfig(arguments);
  if (*docs) return PrintConfigDocs();
  if (*verify) return VerifyLog(path);
  if (*dump) return DumpLog(path);
  if (*bench.produce) return BenchProduce(bench_arguments);
  if (*bench.fetch) return BenchFetch(bench_arguments);
  if (*bench.put) return BenchPut(bench_arguments);
  if (*bench.lookup) return BenchLookup(bench_arguments);
  if (*version) std::printf("strom %s\n", kVersion);
  return kOk;
}
