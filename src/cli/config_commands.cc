#include <cstdio>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "cli/commands.h"
#include "server/settings.h"

namespace strom::cli {
namespace {

int Report(const Error& error) {
  std::fprintf(stderr, "strom: %s\n", error.message.c_str());
  return kUsage;
}

// A YAML string.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

Result<Config> LoadConfig(const ConfigArguments& arguments) {
  Config config;
  if (!arguments.file.empty()) {
    std::ifstream file(arguments.file);
    if (!file) {
      return Fail(ErrorCode::kInvalidConfig, "Cannot read the configuration file '{}'.",
                  arguments.file);
    }
    std::ostringstream text;
    text << file.rdbuf();
    STROM_TRY_VOID(config.AddYaml(text.str(), arguments.file));
  }
  std::vector<const char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    variables.push_back(*variable);
  STROM_TRY_VOID(config.AddEnvironment(variables));
  if (!arguments.data_dir.empty()) {
    STROM_TRY_VOID(config.Set("data.dir", arguments.data_dir, "--data-dir"));
  }
  for (const std::string& setting : arguments.settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      return Fail(ErrorCode::kInvalidConfig, "--set takes key=value, not '{}'.", setting);
    }
    STROM_TRY_VOID(config.Set(setting.substr(0, equals), setting.substr(equals + 1), "--set"));
  }
  return config;
}

int CheckConfig(const ConfigArguments& arguments) {
  const auto config = LoadConfig(arguments);
  if (!config) return Report(config.error());
  const auto settings = server::MakeSettings(*config);
  if (!settings) return Report(settings.error());
  for (const auto& [key, value] : config->given()) {
    const ConfigUse use = ConfigUseOf(key);
    if (use == ConfigUse::kUsed) continue;
    std::printf(
        "%s: '%s' %s\n", value.source.c_str(), key.c_str(),
        use == ConfigUse::kLater ? "is not used yet" : "is ignored: Strom does not need it");
  }
  std::printf("The configuration is fine.\n");
  return kOk;
}

// What it prints is a file that --config takes, except for secrets.
int PrintConfig(const ConfigArguments& arguments) {
  const auto config = LoadConfig(arguments);
  if (!config) return Report(config.error());
  std::map<std::string, ConfigValue, std::less<>> shown = config->given();
  for (const ConfigOption& option : ConfigOptions()) {
    if (option.use != ConfigUse::kUsed || option.default_text == nullptr) continue;
    shown.try_emplace(std::string(option.key), option.default_text, "default");
  }
  for (const auto& [key, value] : shown) {
    const bool secret = IsSecretConfigKey(key) && !value.text.empty();
    fmt::print("{}: {}  # {}\n", key, secret ? "\"******\"" : Quoted(value.text), value.source);
  }
  return kOk;
}

int PrintConfigDocs() {
  std::fputs(ConfigDocs().c_str(), stdout);
  return kOk;
}

}  // namespace strom::cli
