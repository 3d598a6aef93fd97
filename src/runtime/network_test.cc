// The contract of sockets (network.h), on every runtime.
#include "runtime/network.h"

#include "runtime/contract_test.h"
#include "runtime/sync.h"

namespace strom::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kLoopback = "127.0.0.1";

class Sockets : public RuntimeContract {};
STROM_ON_EVERY_RUNTIME(Sockets);

Endpoint AnyPort() {
  return {std::string(kLoopback), 0};
}

Bytes Pattern(size_t size, uint8_t seed) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<uint8_t>(seed + i * 31 + (i >> 8));
  return bytes;
}

// Two connected ends, both of this shard.
struct Pair {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> client;
  std::unique_ptr<Connection> server;
};

Task<Pair> MakePair() {
  Network& network = ThisShard().network();
  Pair pair;
  auto listener = network.Listen(AnyPort());
  STROM_CHECK(listener);
  pair.listener = std::move(*listener);
  std::vector<Task<bool>> both;
  both.push_back([](Pair& pair, Network& network) -> Task<bool> {
    auto accepted = co_await pair.listener->Accept();
    STROM_CHECK(accepted);
    pair.server = network.Attach(std::move(*accepted));
    co_return true;
  }(pair, network));
  both.push_back([](Pair& pair, Network& network) -> Task<bool> {
    auto connected = co_await network.Connect(pair.listener->endpoint());
    STROM_CHECK(connected);
    pair.client = std::move(*connected);
    co_return true;
  }(pair, network));
  co_await WhenAll(std::move(both));
  co_return pair;
}

Task<Status> Send(Connection& connection, ByteView bytes) {
  const std::array pieces{bytes};
  co_return co_await connection.Write(pieces);
}

// Reads until `size` bytes are there or the connection ends; what came.
Task<Bytes> Receive(Connection& connection, size_t size) {
  Bytes bytes(size);
  size_t done = 0;
  while (done < size) {
    auto got = co_await connection.Read(MutableByteView(bytes).subspan(done));
    if (!got || *got == 0) break;
    done += *got;
  }
  bytes.resize(done);
  co_return bytes;
}

Task<void> EchoUntilClosed(Connection& connection) {
  Bytes buffer(4096);
  for (;;) {
    auto got = co_await connection.Read(buffer);
    if (!got || *got == 0) co_return;
    if (!co_await Send(connection, ByteView(buffer).first(*got))) co_return;
  }
}

TEST_P(Sockets, ManySmallWritesComeBackInOrder) {
  size_t equal = 0;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    TaskGroup group;
    group.Spawn(EchoUntilClosed(*pair.server));
    for (size_t i = 0; i < 500; ++i) {
      const Bytes sent = Pattern(1 + i % 37, static_cast<uint8_t>(i));
      EXPECT_TRUE(co_await Send(*pair.client, sent));
      const Bytes received = co_await Receive(*pair.client, sent.size());
      equal += received == sent ? 1 : 0;
    }
    pair.client->Close();
    co_await group.Join();
  });
  EXPECT_EQ(equal, 500U);
}

TEST_P(Sockets, WritesBeforeTheFirstReadArriveTogether) {
  std::string received;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    for (int i = 0; i < 100; ++i) {
      const std::string text = fmt::format("{},", i);
      EXPECT_TRUE(co_await Send(*pair.client, AsBytes(text)));
    }
    const Bytes all = co_await Receive(*pair.server, 290);
    received = AsText(all);
  });
  std::string expected;
  for (int i = 0; i < 100; ++i)
    expected += fmt::format("{},", i);
  EXPECT_EQ(received, expected);
}

TEST_P(Sockets, AGatheredWriteOfManyPiecesReachesASlowReaderWhole) {
  constexpr size_t kSize = size_t{8} << 20;
  const Bytes source = Pattern(kSize, 3);
  Bytes received;
  bool written = false;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    // Over 5,000 pieces of unequal length, empty ones too.
    std::vector<ByteView> pieces;
    for (size_t at = 0, i = 0; at < kSize; ++i) {
      const size_t length = std::min<size_t>(i % 10 == 0 ? 0 : 1700 + i % 13, kSize - at);
      pieces.push_back(ByteView(source).subspan(at, length));
      at += length;
    }
    TaskGroup group;
    const auto write = [&]() -> Task<void> {
      EXPECT_TRUE(co_await pair.client->Write(pieces));
      written = true;
      pair.client->Close();
    };
    group.Spawn(write());
    EXPECT_FALSE(written);  // it does not fit into any socket's buffer
    Bytes buffer(64 << 10);
    for (int reads = 0;; ++reads) {
      auto got = co_await pair.server->Read(buffer);
      STROM_CO_ASSERT(got);
      if (*got == 0) break;
      received.insert(received.end(), buffer.begin(),
                      buffer.begin() + static_cast<ptrdiff_t>(*got));
      if (reads % 16 == 0) co_await Sleep{milliseconds(1)};
    }
    co_await group.Join();
  });
  EXPECT_TRUE(written);
  EXPECT_TRUE(received == source);
}

TEST_P(Sockets, BothDirectionsFlowAtOnce) {
  constexpr size_t kSize = size_t{2} << 20;
  const Bytes to_server = Pattern(kSize, 1);
  const Bytes to_client = Pattern(kSize, 2);
  bool client_equal = false;
  bool server_equal = false;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    TaskGroup group;
    const auto write = [](Connection& connection, const Bytes& bytes) -> Task<void> {
      EXPECT_TRUE(co_await Send(connection, bytes));
    };
    const auto read = [](Connection& connection, const Bytes& expected, bool& equal) -> Task<void> {
      equal = co_await Receive(connection, expected.size()) == expected;
    };
    group.Spawn(write(*pair.client, to_server));
    group.Spawn(write(*pair.server, to_client));
    group.Spawn(read(*pair.server, to_server, server_equal));
    group.Spawn(read(*pair.client, to_client, client_equal));
    co_await group.Join();
  });
  EXPECT_TRUE(server_equal);
  EXPECT_TRUE(client_equal);
}

TEST_P(Sockets, AnAcceptedConnectionCanBeServedByAnotherShard) {
  std::string answer;
  int served_by = -1;
  Run(
      [&]() -> Task<void> {
        auto listener = ThisShard().network().Listen(AnyPort());
        STROM_CO_ASSERT(listener);
        const auto serve = [&]() -> Task<void> {
          auto accepted = co_await (*listener)->Accept();
          STROM_CO_ASSERT(accepted);
          co_await CallOn(ThisShard().peer(ShardId(1)), [&]() -> Task<bool> {
            auto connection = ThisShard().network().Attach(std::move(*accepted));
            served_by = ThisShard().id().value;
            co_await EchoUntilClosed(*connection);
            co_return true;
          });
        };
        TaskGroup group;
        group.Spawn(serve());
        auto client = co_await ThisShard().network().Connect((*listener)->endpoint());
        STROM_CO_ASSERT(client);
        EXPECT_TRUE(co_await Send(**client, AsBytes("hello")));
        const Bytes echoed = co_await Receive(**client, 5);
        answer = AsText(echoed);
        client->reset();
        co_await group.Join();
      },
      2);
  EXPECT_EQ(answer, "hello");
  EXPECT_EQ(served_by, 1);
}

TEST_P(Sockets, ReadReturnsZeroWhenThePeerHasClosedAndAllIsRead) {
  std::string received;
  std::optional<size_t> end;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    EXPECT_TRUE(co_await Send(*pair.client, AsBytes("bye")));
    pair.client.reset();
    const Bytes bytes = co_await Receive(*pair.server, 3);
    received = AsText(bytes);
    Bytes buffer(10);
    auto got = co_await pair.server->Read(buffer);
    if (got) end = *got;
  });
  EXPECT_EQ(received, "bye");
  EXPECT_EQ(end, 0U);
}

TEST_P(Sockets, CloseEndsAPendingReadAndAPendingWrite) {
  std::optional<Error> read_error;
  std::optional<Error> write_error;
  std::optional<Error> late_error;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    const Bytes much = Pattern(size_t{32} << 20, 1);
    TaskGroup group;
    const auto read = [&]() -> Task<void> {
      Bytes buffer(10);
      auto got = co_await pair.client->Read(buffer);
      if (!got) read_error = got.error();
    };
    const auto write = [&]() -> Task<void> {
      auto status = co_await Send(*pair.client, much);
      if (!status) write_error = status.error();
    };
    group.Spawn(read());
    group.Spawn(write());
    co_await Sleep{milliseconds(1)};
    pair.client->Close();
    pair.client->Close();
    co_await group.Join();
    auto late = co_await Send(*pair.client, AsBytes("x"));
    if (!late) late_error = late.error();
  });
  const Error closed{ErrorCode::kNetwork, "Connection with 127.0.0.1 is closed."};
  EXPECT_EQ(read_error, closed);
  EXPECT_EQ(write_error, closed);
  EXPECT_EQ(late_error, closed);
}

TEST_P(Sockets, WritingToAPeerThatIsGoneFailsSoon) {
  std::optional<Error> error;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    pair.server.reset();
    for (int i = 0; i < 1000 && !error; ++i) {
      auto status = co_await Send(*pair.client, AsBytes("anybody?"));
      if (!status) error = status.error();
      co_await Sleep{milliseconds(1)};
    }
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kNetwork);
  EXPECT_EQ(error->message.substr(0, 48), "Cannot write to connection with 127.0.0.1: broke");
}

TEST_P(Sockets, BothEndsKnowTheirAddresses) {
  std::string peer_of_server;
  std::string local_of_server;
  std::string peer_of_client;
  std::string local_of_client;
  Run([&]() -> Task<void> {
    Pair pair = co_await MakePair();
    peer_of_server = pair.server->peer_address();
    local_of_server = pair.server->local_address();
    peer_of_client = pair.client->peer_address();
    local_of_client = pair.client->local_address();
  });
  EXPECT_EQ(peer_of_server, kLoopback);
  EXPECT_EQ(local_of_server, kLoopback);
  EXPECT_EQ(peer_of_client, kLoopback);
  EXPECT_EQ(local_of_client, kLoopback);
}

TEST_P(Sockets, PortZeroBindsAFreePortAndTellsIt) {
  uint16_t first_port = 0;
  uint16_t second_port = 0;
  Run([&]() -> Task<void> {
    auto first = ThisShard().network().Listen(AnyPort());
    auto second = ThisShard().network().Listen(AnyPort());
    STROM_CO_ASSERT(first && second);
    EXPECT_EQ((*first)->endpoint().host, kLoopback);
    first_port = (*first)->endpoint().port;
    second_port = (*second)->endpoint().port;
  });
  EXPECT_NE(first_port, 0);
  EXPECT_NE(second_port, 0);
  EXPECT_NE(first_port, second_port);
}

TEST_P(Sockets, AServerBoundByNameIsReachedByNameAndAddress) {
  bool by_name = false;
  bool by_address = false;
  Run([&]() -> Task<void> {
    Network& network = ThisShard().network();
    auto listener = network.Listen({"localhost", 0});
    STROM_CO_ASSERT(listener);
    const uint16_t port = (*listener)->endpoint().port;
    by_name = (co_await network.Connect({"localhost", port})).has_value();
    by_address = (co_await network.Connect({std::string(kLoopback), port})).has_value();
  });
  EXPECT_TRUE(by_name);
  EXPECT_TRUE(by_address);
}

TEST_P(Sockets, ABoundPortIsRefusedToASecondListenerUntilTheFirstIsGone) {
  std::optional<Error> error;
  std::string address;
  bool again = false;
  Run([&]() -> Task<void> {
    Network& network = ThisShard().network();
    auto first = network.Listen(AnyPort());
    STROM_CO_ASSERT(first);
    const Endpoint endpoint = (*first)->endpoint();
    address = ToString(endpoint);
    auto second = network.Listen(endpoint);
    if (!second) error = second.error();
    first->reset();
    again = network.Listen(endpoint).has_value();
    co_return;
  });
  EXPECT_EQ(error, (Error{ErrorCode::kNetwork,
                          fmt::format("Cannot listen on {}: address already in use.", address)}));
  EXPECT_TRUE(again);
}

TEST_P(Sockets, AnUnknownAddressIsRefusedWithItsName) {
  std::optional<Error> foreign;
  Run([&]() -> Task<void> {
    // An address for documentation (RFC 5737): no machine has it.
    auto listener = ThisShard().network().Listen({"192.0.2.1", 9123});
    if (!listener) foreign = listener.error();
    co_return;
  });
  EXPECT_EQ(foreign, (Error{ErrorCode::kNetwork,
                            "Cannot listen on 192.0.2.1:9123: cannot assign requested address."}));
}

TEST_P(Sockets, ConnectingWhereNobodyListensIsRefused) {
  std::optional<Error> error;
  std::string address;
  Run([&]() -> Task<void> {
    Network& network = ThisShard().network();
    Endpoint endpoint;
    {
      auto listener = network.Listen(AnyPort());
      STROM_CO_ASSERT(listener);
      endpoint = (*listener)->endpoint();
    }
    address = ToString(endpoint);
    auto connection = co_await network.Connect(endpoint);
    if (!connection) error = connection.error();
  });
  EXPECT_EQ(error, (Error{ErrorCode::kNetwork,
                          fmt::format("Cannot connect to {}: connection refused.", address)}));
}

TEST_P(Sockets, CloseEndsAPendingAccept) {
  std::optional<Error> error;
  std::string address;
  Run([&]() -> Task<void> {
    auto listener = ThisShard().network().Listen(AnyPort());
    STROM_CO_ASSERT(listener);
    address = ToString((*listener)->endpoint());
    TaskGroup group;
    const auto accept = [&]() -> Task<void> {
      auto accepted = co_await (*listener)->Accept();
      if (!accepted) error = accepted.error();
    };
    group.Spawn(accept());
    co_await Yield{};
    (*listener)->Close();
    co_await group.Join();
  });
  EXPECT_EQ(error, (Error{ErrorCode::kNetwork, fmt::format("Listener on {} is closed.", address)}));
}

TEST_P(Sockets, AConnectionThatNobodyAttachesIsClosed) {
  std::optional<size_t> end;
  Run([&]() -> Task<void> {
    Network& network = ThisShard().network();
    auto listener = network.Listen(AnyPort());
    STROM_CO_ASSERT(listener);
    auto client = co_await network.Connect((*listener)->endpoint());
    STROM_CO_ASSERT(client);
    {
      auto dropped = co_await (*listener)->Accept();
    }
    Bytes buffer(10);
    auto got = co_await (*client)->Read(buffer);
    if (got) end = *got;
  });
  EXPECT_EQ(end, 0U);
}

TEST_P(Sockets, ManyConnectionsAreServedSideBySide) {
  constexpr size_t kConnections = 50;
  size_t equal = 0;
  Run(
      [&]() -> Task<void> {
        Network& network = ThisShard().network();
        auto listener = network.Listen(AnyPort());
        STROM_CO_ASSERT(listener);
        TaskGroup servers;
        const auto serve_one = [](std::unique_ptr<PendingConnection> pending,
                                  int shard) -> Task<void> {
          co_await CallOn(ThisShard().peer(ShardId(shard)), [&]() -> Task<bool> {
            auto connection = ThisShard().network().Attach(std::move(pending));
            co_await EchoUntilClosed(*connection);
            co_return true;
          });
        };
        const auto accept_all = [&]() -> Task<void> {
          for (size_t i = 0; i < kConnections; ++i) {
            auto accepted = co_await (*listener)->Accept();
            STROM_CO_ASSERT(accepted);
            servers.Spawn(serve_one(std::move(*accepted), static_cast<int>(i % 2)));
          }
        };
        servers.Spawn(accept_all());
        const auto call = [&](size_t i) -> Task<int> {
          auto client = co_await network.Connect((*listener)->endpoint());
          if (!client) co_return 0;
          int same = 0;
          for (int round = 0; round < 10; ++round) {
            const Bytes sent = Pattern(100 + i, static_cast<uint8_t>(i));
            if (!co_await Send(**client, sent)) break;
            same += co_await Receive(**client, sent.size()) == sent ? 1 : 0;
          }
          co_return same;
        };
        std::vector<Task<int>> calls;
        for (size_t i = 0; i < kConnections; ++i)
          calls.push_back(call(i));
        for (const int same : co_await WhenAll(std::move(calls)))
          equal += same == 10 ? 1 : 0;
        co_await servers.Join();
      },
      2);
  EXPECT_EQ(equal, kConnections);
}

TEST(EndpointText, PutsAnIpv6AddressInBrackets) {
  EXPECT_EQ(ToString({"127.0.0.1", 9123}), "127.0.0.1:9123");
  EXPECT_EQ(ToString({"::1", 80}), "[::1]:80");
  EXPECT_EQ(ToString({"host", 0}), "host:0");
}

}  // namespace
}  // namespace strom::runtime
