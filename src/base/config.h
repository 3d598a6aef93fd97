// The configuration: flat keys as in the reference's server.yaml (spec 06, 20), resolved once at
// start. Sources, later ones win: defaults, a YAML file, STROM_… environment variables, settings of
// the command line. The keys themselves are in config_table.inc, from which checking, `strom
// config` and docs/configuration.md are made.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace strom {

enum class ConfigType {
  kBool,
  kInt,
  kLong,
  kDouble,
  kDuration,
  kMemory,
  kString,
  kEnum,
  kList,
  kMap
};

// What the columns mean: config_table.inc.
enum class ConfigUse { kUsed, kLater, kIgnored };
enum class ConfigScope { kCoordinator, kTablet, kBoth, kTiering };
enum class ConfigChange { kFixed, kDynamic };

struct ConfigOption {
  std::string_view key;
  ConfigType type;
  const char* default_text;  // null: none
  ConfigUse use;
  ConfigScope scope;
  ConfigChange change;
  std::string_view doc;
  const char* choices;  // of kEnum and of the items of a kList: "a, b, c"; null: any
};

// Ascending by key.
std::span<const ConfigOption> ConfigOptions();
// By its key or an older name of it; null for an unknown one and for keys of a free family.
const ConfigOption* FindConfigOption(std::string_view key);
// Of a key that Config::Set took.
ConfigUse ConfigUseOf(std::string_view key);
// Whether its value must not be shown: passwords, credentials, tokens.
bool IsSecretConfigKey(std::string_view key);

// A value and where it came from, for messages: "server.yaml", "STROM_LOG_FSYNC", "--set".
struct ConfigValue {
  std::string text;
  std::string source;
};

class Config {
 public:
  Config() = default;

  // Each takes effect over what is there. kInvalidConfig names the key, the source and the way out:
  // the nearest known key, or the form of the value. Older names of a key count as the key, and
  // choices are kept as the table spells them.
  Status Set(std::string_view key, std::string_view text, std::string_view source);
  // Flat keys, or nested maps whose keys are joined with dots.
  Status AddYaml(std::string_view yaml, std::string_view source);
  // Variables like STROM_LOG_FSYNC=ack; '.' and '-' of a key become '_'. Others are passed over,
  // except STROM_ ones that are no key.
  Status AddEnvironment(std::span<const char* const> variables);

  // The given or default text, if there is one.
  std::optional<std::string_view> Text(std::string_view key) const;
  const std::map<std::string, ConfigValue, std::less<>>& given() const { return given_; }

  // Values were checked when they were set. The key must be one of that type with a value.
  bool Bool(std::string_view key) const;
  int64_t Int(std::string_view key) const;
  double Double(std::string_view key) const;
  std::chrono::microseconds Duration(std::string_view key) const;
  int64_t MemoryBytes(std::string_view key) const;
  std::string String(std::string_view key) const;  // empty when there is none
  std::vector<std::string> List(std::string_view key) const;

 private:
  std::map<std::string, ConfigValue, std::less<>> given_;
};

// docs/configuration.md
std::string ConfigDocs();
// The known key that is nearest to a mistyped one.
std::string_view NearestConfigKey(std::string_view key);

}  // namespace strom
