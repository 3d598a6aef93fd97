#include "base/config.h"

#include <gtest/gtest.h>

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

TEST(Config, ReferenceKeysThatStromDoesNotNeedAreAccepted) {
  Config config;
  EXPECT_TRUE(config.AddYaml(
      "zookeeper.address: localhost:2181\nnetty.server.num-worker-threads: 8", "server.yaml"));
}

}  // namespace
}  // namespace strom
