// The subcommands of `strom`. Each returns the exit code of the process.
#pragma once

#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"

namespace strom::cli {

// docs/operations.md lists them for operators.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,           // it ran and failed: a port in use, a disk error
  kUsage = 2,            // the command line or the configuration is wrong
  kDirectoryLocked = 3,  // another server uses the data directory
  kDamaged = 4           // `strom log verify` found damage
};

inline constexpr char kVersion[] = "0.1.0";

struct ConfigArguments {
  std::string file;                   // --config
  std::string data_dir;               // --data-dir
  std::vector<std::string> settings;  // --set key=value
};

// All sources together; see base/config.h.
Result<Config> LoadConfig(const ConfigArguments& arguments);

int RunServer(const ConfigArguments& arguments);
int CheckConfig(const ConfigArguments& arguments);
int PrintConfig(const ConfigArguments& arguments);
int PrintConfigDocs();

// Offline, on files that no server uses.
int VerifyLog(const std::string& path);
int DumpLog(const std::string& path);

}  // namespace strom::cli
