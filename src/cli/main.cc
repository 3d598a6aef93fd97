// The `strom` command.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace {

void AddConfigArguments(CLI::App& command, strom::cli::ConfigArguments& arguments) {
  command.add_option("--config", arguments.file, "YAML file with flat keys, as server.yaml");
  command.add_option("--data-dir", arguments.data_dir, "where everything is kept (data.dir)");
  command.add_option("--set", arguments.settings, "key=value; wins over the file")->take_all();
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
  if (*version) std::printf("strom %s\n", kVersion);
  return kOk;
}
