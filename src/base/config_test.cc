#include "base/config.h"

#include <set>

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "base/value_syntax.h"

namespace strom {
namespace {

TEST(Config, EveryDefaultFitsItsType) {
  for (const ConfigOption& option : ConfigOptions()) {
    if (option.default_text == nullptr) continue;
    Config config;
    const Status set = config.Set(option.key, option.default_text, "test");
    EXPECT_TRUE(set) << (set ? "" : set.error().message);
    EXPECT_TRUE(option.use != ConfigUse::kUsed || !option.doc.empty()) << option.key;
  }
}

TEST(Config, LaterSourcesWin) {
  Config config;
  EXPECT_EQ(config.String("log.fsync"), "ack");
  ASSERT_TRUE(
      config.AddYaml("log.fsync: never\nlog:\n  segment:\n    file-size: 16 mb\n", "f.yaml"));
  EXPECT_EQ(config.String("log.fsync"), "never");
  EXPECT_EQ(config.MemoryBytes("log.segment.file-size"), 16 << 20);
  const char* const variables[] = {"STROM_LOG_FSYNC=interval", "HOME=/nowhere"};
  ASSERT_TRUE(config.AddEnvironment(variables));
  EXPECT_EQ(config.String("log.fsync"), "interval");
  ASSERT_TRUE(config.Set("log.fsync", "ack", "--set"));
  EXPECT_EQ(config.String("log.fsync"), "ack");
}

TEST(Config, UnknownKeysNameTheNearestKnownOne) {
  Config config;
  EXPECT_EQ(config.AddYaml("log.fsnyc: ack", "server.yaml").error().message,
            "server.yaml: unknown key 'log.fsnyc'; did you mean 'log.fsync'?");
  const char* const variables[] = {"STROM_LOG_FSINC=ack"};
  EXPECT_EQ(config.AddEnvironment(variables).error().message,
            "The environment variable STROM_LOG_FSINC is no key; did you mean STROM_LOG_FSYNC?");
}

TEST(Config, BadValuesSayWhatIsExpected) {
  Config config;
  EXPECT_EQ(config.Set("log.fsync", "often", "--set").error().message,
            "--set: 'often' is no value for 'log.fsync'; it takes one of ack, interval, never.");
  EXPECT_FALSE(config.Set("log.segment.file-size", "16", "--set"));
  EXPECT_FALSE(config.Set("server.shards", "many", "--set"));
  EXPECT_FALSE(config.AddYaml("- a\n- b\n", "list.yaml"));
  EXPECT_FALSE(config.AddYaml("a: [b", "broken.yaml"));
  EXPECT_TRUE(config.AddYaml("", "empty.yaml"));
}

TEST(Config, ChoicesMatchInAnyCaseAndAreKeptAsTheTableSpellsThem) {
  Config config;
  ASSERT_TRUE(config.Set("log.fsync", "NEVER", "--set"));
  EXPECT_EQ(config.String("log.fsync"), "never");
  ASSERT_TRUE(config.Set("kv.rocksdb.compression.per.level", "lz4,zstd", "--set"));
  EXPECT_EQ(
      config.Set("kv.rocksdb.compression.per.level", "lz4,brotli", "--set").error().message,
      "--set: 'lz4,brotli' is no value for 'kv.rocksdb.compression.per.level'; it takes a list "
      "of NO, SNAPPY, LZ4, ZSTD.");
}

TEST(Config, OlderNamesCountAsTheKey) {
  Config config;
  ASSERT_TRUE(config.Set("log.fetch.max-bytes", "1 mb", "server.yaml"));
  EXPECT_EQ(config.MemoryBytes("log.replica.fetch.max-bytes"), 1 << 20);
  EXPECT_TRUE(config.given().contains("log.replica.fetch.max-bytes"));
  EXPECT_FALSE(config.given().contains("log.fetch.max-bytes"));
}

TEST(Config, KeysOfFreeFamiliesAreKeptAsTheyCome) {
  Config config;
  ASSERT_TRUE(config.AddYaml("datalake.iceberg.warehouse: s3://lake\n", "server.yaml"));
  EXPECT_EQ(config.String("datalake.iceberg.warehouse"), "s3://lake");
  EXPECT_EQ(ConfigUseOf("datalake.iceberg.warehouse"), ConfigUse::kLater);
  EXPECT_FALSE(config.Set("datalake.", "x", "--set"));
}

TEST(Config, SecretsAreKnownByTheirKeys) {
  EXPECT_TRUE(IsSecretConfigKey("security.sasl.plain.credentials"));
  EXPECT_TRUE(IsSecretConfigKey("s3.secret-key"));
  EXPECT_FALSE(IsSecretConfigKey("log.fsync"));
}

TEST(Config, ReferenceKeysThatStromDoesNotNeedAreAccepted) {
  Config config;
  EXPECT_TRUE(config.AddYaml(
      "zookeeper.address: localhost:2181\nnetty.server.num-worker-threads: 8", "server.yaml"));
}

std::string_view NameOf(ConfigType type) {
  switch (type) {
    case ConfigType::kBool:
      return "bool";
    case ConfigType::kInt:
      return "int";
    case ConfigType::kLong:
      return "long";
    case ConfigType::kDouble:
      return "double";
    case ConfigType::kDuration:
      return "duration";
    case ConfigType::kMemory:
      return "memory";
    case ConfigType::kString:
      return "string";
    case ConfigType::kEnum:
      return "enum";
    case ConfigType::kList:
      return "list";
    case ConfigType::kMap:
      return "map";
  }
  return "";
}

std::string_view NameOf(ConfigScope scope) {
  switch (scope) {
    case ConfigScope::kCoordinator:
      return "coordinator";
    case ConfigScope::kTablet:
      return "tablet";
    case ConfigScope::kBoth:
      return "both";
    case ConfigScope::kTiering:
      return "tiering service";
  }
  return "";
}

// As the vectors write defaults; ours where they differ on purpose (ARCHITECTURE.md).
std::optional<std::string> ExpectedDefault(const std::string& key,
                                           const nlohmann::ordered_json& v) {
  if (key == "data.dir") return "./strom-data";
  if (key == "bind.listeners") return "FLUSS://localhost:9123";
  if (key == "tablet-server.id") return "0";
  // Where the vectors name no value: a folder of the system, no limit.
  if (key == "server.io.tmpdir" || key == "server.buffer.wait-timeout" || v.is_null()) {
    return std::nullopt;
  }
  const auto text = v.get<std::string>();
  if (text == "{}") return "";
  if (text == "2^63-1 bytes (off)") return "9223372036854775807 bytes";
  return text;
}

// Options of tables are checked in metadata/table_options_test.cc; those of clients are no keys of
// a server.
TEST(ConfigOptionsVectors, ServerOptionsAreThoseOfTheReference) {
  VectorReport report("metadata/config-options.json");
  std::set<std::string_view> ours = {"kv.close-idle-interval",
                                     "kv.rocksdb.shared-block-cache.size",
                                     "kv.rocksdb.shared-write-buffer.size",
                                     "log.close-idle-interval",
                                     "log.fsync",
                                     "log.segment.max-age",
                                     "log.fsync.interval",
                                     "log.output.format",
                                     "log.output.level",
                                     "server.blocking-threads",
                                     "server.buffer-pool.max-memory",
                                     "server.connection.max-memory",
                                     "server.connection.max-inflight-requests",
                                     "server.http.listen",
                                     "server.max-connections",
                                     "server.max-wait",
                                     "server.partial-frame.timeout",
                                     "server.poll-before-block",
                                     "server.head-cache.max-memory",
                                     "server.range-cache.max-memory",
                                     "server.shards"};
  size_t count = ours.size();
  for (const auto& item : LoadVectors("metadata/config-options.json")["options"]) {
    const std::string key = item["key"];
    const std::string scope = item["scope"];
    if (scope == "table" || scope == "client") continue;
    ++count;
    EXPECT_FALSE(ours.contains(key)) << key;
    const ConfigOption* option = FindConfigOption(key);
    ASSERT_NE(option, nullptr) << key;
    std::string type = item["type"];
    if (type == "password") type = "string";
    EXPECT_EQ(NameOf(option->type), type.substr(0, type.find(' '))) << key;
    EXPECT_EQ(NameOf(option->scope), scope) << key;
    EXPECT_EQ(option->change == ConfigChange::kDynamic, item.value("dynamic", false)) << key;
    const std::optional<std::string> expected = ExpectedDefault(key, item["default"]);
    ASSERT_EQ(option->default_text != nullptr, expected.has_value()) << key;
    if (expected) EXPECT_EQ(option->default_text, *expected) << key;
    const auto values = item.value("values", std::vector<std::string>());
    EXPECT_EQ(option->choices ? ParseList(option->choices) : std::vector<std::string>(), values)
        << key;
    for (const std::string& older : item.value("fallback_keys", std::vector<std::string>())) {
      EXPECT_NE(FindConfigOption(older), nullptr) << older;
    }
    report.CaseDone(key);
  }
  EXPECT_EQ(ConfigOptions().size(), count);
}

}  // namespace
}  // namespace strom
