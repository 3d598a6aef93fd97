#include "server/settings.h"

#include <gtest/gtest.h>

#include "base/config.h"

namespace strom::server {
namespace {

// Settings of the defaults and these keys.
Result<ServerSettings> With(
    std::initializer_list<std::pair<std::string_view, std::string_view>> keys) {
  Config config;
  for (const auto& [key, text] : keys) {
    Status set = config.Set(key, text, "test");
    if (!set) return Fail(set.error());
  }
  return MakeSettings(config);
}

std::string ProblemOf(std::initializer_list<std::pair<std::string_view, std::string_view>> keys) {
  const auto settings = With(keys);
  return settings ? "none" : settings.error().message;
}

TEST(Settings, DefaultsServeOnLocalhost) {
  const auto settings = With({});
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->listeners.size(), 1u);
  EXPECT_EQ(settings->listeners[0].name, "FLUSS");
  EXPECT_EQ(settings->listeners[0].bind, (runtime::Endpoint{"localhost", 9123}));
  EXPECT_FALSE(settings->listeners[0].advertised);
  EXPECT_EQ(settings->internal_listener, "FLUSS");
  ASSERT_TRUE(settings->http);
  EXPECT_EQ(settings->http->port, 9125);
  EXPECT_EQ(settings->data_dir, "./strom-data");
  EXPECT_EQ(settings->max_frame_bytes, size_t{100} << 20);
  EXPECT_EQ(settings->log.segment_bytes, uint64_t{1} << 30);
  EXPECT_EQ(settings->commit.mode, log::CommitMode::kAck);
}

TEST(Settings, EveryDefaultOfTheStructIsThatOfTheOptionTable) {
  const auto settings = With({});
  ASSERT_TRUE(settings);
  const ServerSettings plain;
  EXPECT_EQ(settings->max_frame_bytes, plain.max_frame_bytes);
  EXPECT_EQ(settings->max_connections, plain.max_connections);
  EXPECT_EQ(settings->connection_memory_bytes, plain.connection_memory_bytes);
  EXPECT_EQ(settings->connection_requests, plain.connection_requests);
  EXPECT_EQ(settings->buffer_pool_bytes, plain.buffer_pool_bytes);
  EXPECT_EQ(settings->idle_timeout, plain.idle_timeout);
  EXPECT_EQ(settings->partial_frame_timeout, plain.partial_frame_timeout);
  EXPECT_EQ(settings->max_wait, plain.max_wait);
  EXPECT_EQ(settings->checkpoint_interval, plain.checkpoint_interval);
  EXPECT_EQ(settings->writer_expiration_check_interval, plain.writer_expiration_check_interval);
  EXPECT_EQ(settings->log.segment_bytes, plain.log.segment_bytes);
  EXPECT_EQ(settings->log.index_bytes, plain.log.index_bytes);
  EXPECT_EQ(settings->log.index_interval_bytes, plain.log.index_interval_bytes);
  EXPECT_EQ(settings->log.writer_expiration_ms, plain.log.writer_expiration_ms);
  EXPECT_EQ(settings->commit.mode, plain.commit.mode);
  EXPECT_EQ(settings->commit.interval, plain.commit.interval);
}

TEST(Settings, ListenersAreNamedBoundAndAdvertised) {
  const auto settings = With({{"bind.listeners", "INTERNAL://127.0.0.1:9, CLIENT://[::]:0"},
                              {"advertised.listeners", "CLIENT://strom.example:443"},
                              {"internal.listener.name", "INTERNAL"}});
  ASSERT_TRUE(settings) << settings.error().message;
  ASSERT_EQ(settings->listeners.size(), 2u);
  EXPECT_EQ(settings->listeners[1].bind, (runtime::Endpoint{"::", 0}));
  EXPECT_EQ(settings->listeners[1].advertised, (runtime::Endpoint{"strom.example", 443}));
  EXPECT_FALSE(settings->listeners[0].advertised);
  EXPECT_EQ(settings->internal_listener, "INTERNAL");
}

TEST(Settings, OneListenerOfAnotherNameIsAlsoTheInternalOne) {
  const auto settings = With({{"bind.listeners", "CLIENT://localhost:1"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->internal_listener, "CLIENT");
}

TEST(Settings, BadListenersAreRefusedByName) {
  for (const std::string_view text :
       {"", "localhost:9123", "://localhost:1", "A://localhost", "A://:1", "A://localhost:65536",
        "A://localhost:-1", "A://::1:80", "A://[::1:80", "A://h:1,A://h:2", "A://h:1,B://h:1"}) {
    EXPECT_NE(ProblemOf({{"bind.listeners", text}}).find("'bind.listeners'"), std::string::npos)
        << text << ": " << ProblemOf({{"bind.listeners", text}});
  }
  EXPECT_EQ(ProblemOf({{"advertised.listeners", "OTHER://h:1"}}),
            "'OTHER' is no value for 'advertised.listeners'; it takes names that bind.listeners "
            "has.");
  EXPECT_EQ(ProblemOf({{"internal.listener.name", "OTHER"}}),
            "'OTHER' is no value for 'internal.listener.name'; it takes a name of bind.listeners.");
}

TEST(Settings, SaslIsRefusedBecauseItIsNotServed) {
  EXPECT_EQ(ProblemOf({{"security.protocol.map", "FLUSS:SASL"}}),
            "Listener FLUSS asks for SASL: only PLAINTEXT is served by this version of Strom.");
  EXPECT_EQ(ProblemOf({{"security.protocol.map", "FLUSS:plaintext"}}), "none");
}

TEST(Settings, ValuesThatCannotWorkAreRefused) {
  EXPECT_EQ(ProblemOf({{"server.shards", "-1"}}),
            "'-1' is no value for 'server.shards'; it takes 0 to 1024.");
  EXPECT_EQ(ProblemOf({{"default.bucket.number", "0"}}),
            "'0' is no value for 'default.bucket.number'; it takes 1 or more.");
  EXPECT_EQ(ProblemOf({{"log.segment.file-size", "2 gb"}}),
            "'2 gb' is no value for 'log.segment.file-size'; it takes 1 bytes to 2147483647 "
            "bytes.");
  EXPECT_EQ(ProblemOf({{"log.fsync.interval", "500 micros"}}),
            "'500 micros' is no value for 'log.fsync.interval'; it takes at least 1000 micros.");
  EXPECT_EQ(ProblemOf({{"server.poll-before-block", "2 s"}}),
            "'2 s' is no value for 'server.poll-before-block'; it takes at most 1000000 micros.");
  EXPECT_NE(ProblemOf({{"netty.connection.max-idle-time", "200000 d"}}), "none");
  EXPECT_NE(ProblemOf({{"tablet-server.id", "-1"}}), "none");
  EXPECT_NE(ProblemOf({{"data.dir", ""}}), "none");
}

TEST(Settings, AnEmptyHttpAddressMeansNoHttpPort) {
  const auto settings = With({{"server.http.listen", ""}});
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->http);
  EXPECT_NE(ProblemOf({{"server.http.listen", "9125"}}), "none");
}

}  // namespace
}  // namespace strom::server
