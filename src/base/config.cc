#include "base/config.h"

#include <algorithm>
#include <array>

#include <yaml-cpp/yaml.h>

#include "base/check.h"
#include "base/value_syntax.h"

namespace strom {
namespace {

constexpr auto kOptions = [] {
  using enum ConfigType;
  using enum ConfigUse;
  using enum ConfigScope;
  using enum ConfigChange;
  return std::to_array<ConfigOption>({
#define STROM_OPTION(key, type, default_text, use, scope, change, doc, choices) \
  ConfigOption{key, type, default_text, use, scope, change, doc, choices},
#define STROM_OPTION_ALIAS(old_key, key)
#define STROM_OPTION_PREFIX(prefix, use)
#include "base/config_table.inc"
#undef STROM_OPTION
#undef STROM_OPTION_ALIAS
#undef STROM_OPTION_PREFIX
  });
}();

struct Alias {
  std::string_view old_key;
  std::string_view key;
};

constexpr auto kAliases = std::to_array<Alias>({
#define STROM_OPTION(key, type, default_text, use, scope, change, doc, choices)
#define STROM_OPTION_ALIAS(old_key, key) {old_key, key},
#define STROM_OPTION_PREFIX(prefix, use)
#include "base/config_table.inc"
#undef STROM_OPTION
#undef STROM_OPTION_ALIAS
#undef STROM_OPTION_PREFIX
});

struct Family {
  std::string_view prefix;
  ConfigUse use;
};

constexpr auto kFamilies = [] {
  using enum ConfigUse;
  return std::to_array<Family>({
#define STROM_OPTION(key, type, default_text, use, scope, change, doc, choices)
#define STROM_OPTION_ALIAS(old_key, key)
#define STROM_OPTION_PREFIX(prefix, use) Family{prefix, use},
#include "base/config_table.inc"
#undef STROM_OPTION
#undef STROM_OPTION_ALIAS
#undef STROM_OPTION_PREFIX
  });
}();

static_assert(std::ranges::is_sorted(kOptions, {}, &ConfigOption::key));

const Family* FamilyOf(std::string_view key) {
  const auto found = std::ranges::find_if(kFamilies, [key](const Family& family) {
    return key.size() > family.prefix.size() && key.starts_with(family.prefix);
  });
  return found == kFamilies.end() ? nullptr : &*found;
}

constexpr std::string_view kEnvironmentPrefix = "STROM_";
// Variables of the tests and tools, not of the server.
constexpr std::array<std::string_view, 1> kOtherVariables = {"STROM_BINARY"};

std::string EnvironmentName(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : ToUpper(key))
    name.push_back(c == '.' || c == '-' ? '_' : c);
  return name;
}

std::string_view FormOf(ConfigType type) {
  switch (type) {
    case ConfigType::kBool:
      return "true or false";
    case ConfigType::kInt:
      return "a whole number of 32 bits";
    case ConfigType::kLong:
      return "a whole number";
    case ConfigType::kDouble:
      return "a number";
    case ConfigType::kDuration:
      return "a duration with its unit, such as 500 ms, 30 s or 5 min";
    case ConfigType::kMemory:
      return "a size with its unit, such as 64 kb, 16 mb or 1 gb";
    case ConfigType::kString:
      return "text";
    case ConfigType::kEnum:
      return "one of its choices";
    case ConfigType::kList:
      return "a comma separated list";
    case ConfigType::kMap:
      return "key:value pairs, comma separated";
  }
  return "text";
}

// As the table spells it.
std::optional<std::string> FindChoice(const ConfigOption& option, std::string_view text) {
  for (std::string& choice : ParseList(option.choices)) {
    if (EqualsIgnoringCase(choice, text)) return std::move(choice);
  }
  return std::nullopt;
}

// The value as it is kept; nothing if it is not of the option's form.
std::optional<std::string> Canonical(const ConfigOption& option, std::string_view text) {
  const auto same_if = [text](bool fits) {
    return fits ? std::optional(std::string(text)) : std::nullopt;
  };
  switch (option.type) {
    case ConfigType::kBool:
      return same_if(ParseBool(text).has_value());
    case ConfigType::kInt:
      return same_if(ParseInt32(text).has_value());
    case ConfigType::kLong:
      return same_if(ParseInt64(text).has_value());
    case ConfigType::kDouble:
      return same_if(ParseDouble(text).has_value());
    case ConfigType::kDuration:
      return same_if(ParseDuration(text).has_value());
    case ConfigType::kMemory:
      return same_if(ParseMemorySize(text).has_value());
    case ConfigType::kEnum:
      return FindChoice(option, text);
    case ConfigType::kList:
      return same_if(option.choices == nullptr ||
                     std::ranges::all_of(ParseList(text), [&option](const std::string& item) {
                       return FindChoice(option, item).has_value();
                     }));
    case ConfigType::kMap:
      return same_if(ParseMap(text).has_value());
    case ConfigType::kString:
      return std::string(text);
  }
  return std::nullopt;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

Status AddNode(Config& config, const YAML::Node& node, const std::string& key,
               std::string_view source) {
  if (node.IsMap()) {
    for (const auto& member : node) {
      const std::string name = member.first.as<std::string>("");
      STROM_TRY_VOID(AddNode(config, member.second, key.empty() ? name : key + "." + name, source));
    }
    return {};
  }
  if (node.IsSequence()) {
    std::string list;
    for (const auto& item : node) {
      if (!list.empty()) list += ",";
      list += item.as<std::string>("");
    }
    return config.Set(key, list, source);
  }
  if (!node.IsScalar()) return {};  // "key:" without a value leaves the default
  return config.Set(key, node.Scalar(), source);
}

}  // namespace

std::span<const ConfigOption> ConfigOptions() {
  return kOptions;
}

const ConfigOption* FindConfigOption(std::string_view key) {
  const auto alias = std::ranges::find(kAliases, key, &Alias::old_key);
  if (alias != kAliases.end()) key = alias->key;
  const auto found = std::ranges::lower_bound(kOptions, key, {}, &ConfigOption::key);
  return found == kOptions.end() || found->key != key ? nullptr : &*found;
}

ConfigUse ConfigUseOf(std::string_view key) {
  if (const ConfigOption* option = FindConfigOption(key)) return option->use;
  const Family* family = FamilyOf(key);
  STROM_CHECK(family != nullptr);
  return family->use;
}

bool IsSecretConfigKey(std::string_view key) {
  constexpr std::array<std::string_view, 6> kWords = {"password", "credential", "jaas",
                                                      "secret",   "token",      "access-key"};
  return std::ranges::any_of(kWords, [key](std::string_view word) { return key.contains(word); });
}

std::string_view NearestConfigKey(std::string_view key) {
  return std::ranges::min(
             kOptions, {},
             [key](const ConfigOption& option) { return EditDistance(key, option.key); })
      .key;
}

Status Config::Set(std::string_view key, std::string_view text, std::string_view source) {
  const ConfigOption* option = FindConfigOption(key);
  if (option == nullptr && FamilyOf(key) == nullptr) {
    return Fail(ErrorCode::kInvalidConfig, "{}: unknown key '{}'; did you mean '{}'?", source, key,
                NearestConfigKey(key));
  }
  std::optional<std::string> value = option ? Canonical(*option, text) : std::string(text);
  if (!value) {
    return Fail(ErrorCode::kInvalidConfig, "{}: '{}' is no value for '{}'; it takes {}.", source,
                text, key,
                option->choices
                    ? fmt::format("{} of {}", option->type == ConfigType::kEnum ? "one" : "a list",
                                  option->choices)
                    : std::string(FormOf(option->type)));
  }
  given_.insert_or_assign(std::string(option ? option->key : key),
                          ConfigValue{std::move(*value), std::string(source)});
  return {};
}

Status Config::AddYaml(std::string_view yaml, std::string_view source) {
  try {  // yaml-cpp reports by exceptions; none leaves this function
    const YAML::Node document = YAML::Load(std::string(yaml));
    if (!document || document.IsNull()) return {};
    if (!document.IsMap()) {
      return Fail(ErrorCode::kInvalidConfig, "{}: it is no map of keys to values.", source);
    }
    return AddNode(*this, document, "", source);
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kInvalidConfig, "{}: it is no YAML: {}.", source, error.what());
  }
}

Status Config::AddEnvironment(std::span<const char* const> variables) {
  for (const std::string_view variable : variables) {
    const std::string_view name = variable.substr(0, variable.find('='));
    if (!name.starts_with(kEnvironmentPrefix) || name.size() == variable.size()) continue;
    if (std::ranges::find(kOtherVariables, name) != kOtherVariables.end()) continue;
    const auto option = std::ranges::find_if(
        kOptions, [name](const ConfigOption& o) { return EnvironmentName(o.key) == name; });
    if (option == kOptions.end()) {
      std::string guess = ToLower(name.substr(kEnvironmentPrefix.size()));
      std::ranges::replace(guess, '_', '.');
      return Fail(ErrorCode::kInvalidConfig,
                  "The environment variable {} is no key; did you mean {}?", name,
                  EnvironmentName(NearestConfigKey(guess)));
    }
    STROM_TRY_VOID(Set(option->key, variable.substr(name.size() + 1), name));
  }
  return {};
}

std::optional<std::string_view> Config::Text(std::string_view key) const {
  const auto found = given_.find(key);
  if (found != given_.end()) return found->second.text;
  const ConfigOption* option = FindConfigOption(key);
  STROM_CHECK(option != nullptr);
  if (option->default_text == nullptr) return std::nullopt;
  return option->default_text;
}

bool Config::Bool(std::string_view key) const {
  return *ParseBool(*Text(key));
}
int64_t Config::Int(std::string_view key) const {
  return *ParseInt64(*Text(key));
}
double Config::Double(std::string_view key) const {
  return *ParseDouble(*Text(key));
}
std::chrono::microseconds Config::Duration(std::string_view key) const {
  return *ParseDuration(*Text(key));
}
int64_t Config::MemoryBytes(std::string_view key) const {
  return *ParseMemorySize(*Text(key));
}
std::string Config::String(std::string_view key) const {
  return std::string(Text(key).value_or(""));
}
std::vector<std::string> Config::List(std::string_view key) const {
  return ParseList(Text(key).value_or(""));
}

std::string ConfigDocs() {
  std::string docs =
      "# Configuration\n\n"
      "Written by `strom config docs`; do not edit. Keys go into a YAML file (`--config`), into\n"
      "`STROM_…` environment variables (`log.fsync` is `STROM_LOG_FSYNC`) or onto the command "
      "line\n"
      "(`--set key=value`); the later of these wins. An unknown key is an error.\n\n"
      "| key | default | what it does |\n|---|---|---|\n";
  for (const ConfigOption& option : kOptions) {
    if (option.use != ConfigUse::kUsed) continue;
    docs += fmt::format(
        "| `{}` | {} | {}{} |\n", option.key,
        option.default_text && *option.default_text ? fmt::format("`{}`", option.default_text)
                                                    : "–",
        option.doc, option.choices ? fmt::format(" ({})", option.choices) : std::string());
  }
  const auto list = [&docs](ConfigUse use) {
    for (const ConfigOption& option : kOptions) {
      if (option.use == use) docs += fmt::format("`{}` ", option.key);
    }
    for (const Family& family : kFamilies) {
      if (family.use == use) docs += fmt::format("`{}…` ", family.prefix);
    }
    docs.back() = '\n';
  };
  docs += "\n## Accepted, not used yet\n\nFor parts that this version does not serve.\n\n";
  list(ConfigUse::kLater);
  docs += "\n## Accepted and ignored\n\nAbout what Strom does not have.\n\n";
  list(ConfigUse::kIgnored);
  return docs;
}

}  // namespace strom
