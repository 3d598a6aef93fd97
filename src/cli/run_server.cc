#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "cli/commands.h"
#include "runtime/real.h"
#include "runtime/sync.h"
#include "server/server.h"

namespace strom::cli {
namespace {

LogLevel LevelOf(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "warn") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

// Runs on shard 0 until a signal comes.
runtime::Task<int> Serve(server::ServerSettings settings, runtime::Event& stop, bool& stopping) {
  auto server = co_await server::Server::Start(std::move(settings));
  if (!server) {
    Log(LogLevel::kError, "server.start_failed", {{"reason", server.error().message}});
    std::fprintf(stderr, "strom: %s\n", server.error().message.c_str());
    co_return server.error().code == ErrorCode::kOperationNotAttempted ? kDirectoryLocked : kFailed;
  }
  Log(LogLevel::kInfo, "server.ready", {{"version", kVersion}});
  while (!stopping)
    co_await stop.Wait();
  const Status stopped = co_await (*server)->Stop();
  co_return stopped ? kOk : kFailed;
}

}  // namespace

int RunServer(const ConfigArguments& arguments) {
  const auto config = LoadConfig(arguments);
  Result<server::ServerSettings> settings =
      config ? server::MakeSettings(*config) : Result<server::ServerSettings>(Fail(config.error()));
  if (!settings) {
    std::fprintf(stderr, "strom: %s\n", settings.error().message.c_str());
    return kUsage;
  }
  ConfigureLog(LevelOf(config->String("log.output.level")),
               config->String("log.output.format") == "json" ? LogFormat::kJson : LogFormat::kText);
  for (const auto& [key, value] : config->given()) {
    if (ConfigUseOf(key) == ConfigUse::kUsed) continue;
    Log(LogLevel::kInfo, "config.not_used", {{"key", key}, {"source", value.source}});
  }
  Log(LogLevel::kInfo, "server.starting",
      {{"version", kVersion}, {"data_dir", settings->data_dir}});
  auto runtime = runtime::RealRuntime::Create(
      {.shards = static_cast<int>(config->Int("server.shards")),
       .blocking_threads = static_cast<int>(config->Int("server.blocking-threads")),
       .poll_before_block = config->Duration("server.poll-before-block")});
  runtime::Event stop;
  bool stopping = false;
  runtime->OnSignals({SIGTERM, SIGINT}, [&](int) {
    stopping = true;
    stop.Notify();
  });
  const int code = runtime->Run([&] { return Serve(std::move(*settings), stop, stopping); });
  runtime->Stop();
  return code;
}

}  // namespace strom::cli
