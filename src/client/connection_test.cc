#include "client/connection.h"

#include <gtest/gtest.h>

#include "client/test_server.h"
#include "runtime/test_runtime.h"

namespace strom::client {
namespace {

using runtime::RuntimeKind;
using runtime::Task;

class ConnectionTest : public ::testing::TestWithParam<RuntimeKind> {
 protected:
  // Calls `body` with a connection to a server of this script.
  void Run(ScriptedServer::Script script, std::function<Task<void>(Connection&)> body) {
    runtime::AnyRuntime(GetParam())
        .Run(
            [&]() -> Task<void> {
              ScriptedServer server(script);
              auto connection = co_await Connection::Open(server.endpoint());
              EXPECT_TRUE(connection);
              if (!connection) co_return;
              co_await body(**connection);
              co_await (*connection)->Close();
              co_await server.Stop();
            },
            1);
  }

  static Task<void> CallInto(Connection& connection, Bytes body, Result<Bytes>& out) {
    const ByteView piece = body;
    auto answer = co_await connection.Call(wire::Api::kFetchLog, {&piece, 1});
    if (!answer) {
      out = std::unexpected(answer.error());
      co_return;
    }
    out = Bytes(answer->body.begin(), answer->body.end());
    connection.Recycle(std::move(*answer));
  }
};

Task<bool> Answer(runtime::Connection& connection, int32_t request_id, Bytes body) {
  const Bytes frame = SuccessFrame(request_id, body);
  const ByteView piece = frame;
  co_return (co_await connection.Write({&piece, 1})).has_value();
}

TEST_P(ConnectionTest, AnswersAreMatchedByRequestIdInWhateverOrderTheyCome) {
  std::vector<ScriptedRequest> held;
  Run(
      [&held](runtime::Connection& connection, ScriptedRequest request) -> Task<bool> {
        held.push_back(std::move(request));
        if (held.size() < 20) co_return true;
        for (size_t i = held.size(); i-- > 0;) {
          if (!co_await Answer(connection, held[i].header.request_id, held[i].body))
            co_return false;
        }
        held.clear();
        co_return true;
      },
      [](Connection& connection) -> Task<void> {
        for (int round = 0; round < 2; ++round) {
          std::vector<Result<Bytes>> answers(20, Fail(ErrorCode::kNetwork, "none"));
          runtime::TaskGroup calls;
          for (size_t i = 0; i < answers.size(); ++i) {
            // Small and large ones, so that frames end anywhere in the read buffer.
            calls.Spawn(
                CallInto(connection, Bytes(i * i * 1000, static_cast<uint8_t>(i)), answers[i]));
          }
          co_await calls.Join();
          for (size_t i = 0; i < answers.size(); ++i)
            EXPECT_EQ(answers[i], Bytes(i * i * 1000, static_cast<uint8_t>(i)));
        }
        EXPECT_EQ(connection.sent_bytes(), connection.received_bytes() + 2 * 20 * 3);
      });
}

TEST_P(ConnectionTest, ABrokenConnectionFailsEveryCallThatWaitsAndEveryLaterOne) {
  int seen = 0;
  Run([&seen](runtime::Connection&, ScriptedRequest) -> Task<bool> { co_return ++seen < 3; },
      [](Connection& connection) -> Task<void> {
        std::vector<Result<Bytes>> answers(3, Bytes());
        runtime::TaskGroup calls;
        for (auto& answer : answers)
          calls.Spawn(CallInto(connection, Bytes(10), answer));
        co_await calls.Join();
        Result<Bytes> later = Bytes();
        co_await CallInto(connection, Bytes(10), later);
        answers.push_back(later);
        for (const auto& answer : answers)
          EXPECT_EQ(answer.error().code, ErrorCode::kNetwork);
      });
}

TEST_P(ConnectionTest, AnAnswerThatNobodyAskedForBreaksTheConnection) {
  Run(
      [](runtime::Connection& connection, ScriptedRequest request) -> Task<bool> {
        co_return co_await Answer(connection, request.header.request_id + 7, {});
      },
      [](Connection& connection) -> Task<void> {
        Result<Bytes> answer = Bytes();
        co_await CallInto(connection, Bytes(10), answer);
        EXPECT_EQ(answer.error().code, ErrorCode::kNetwork);
        EXPECT_NE(answer.error().message.find("nobody asked"), std::string::npos);
      });
}

TEST_P(ConnectionTest, AFrameOfNegativeLengthBreaksTheConnection) {
  Run(
      [](runtime::Connection& connection, ScriptedRequest) -> Task<bool> {
        const Bytes frame(4, 0xff);
        const ByteView piece = frame;
        co_return (co_await connection.Write({&piece, 1})).has_value();
      },
      [](Connection& connection) -> Task<void> {
        Result<Bytes> answer = Bytes();
        co_await CallInto(connection, Bytes(10), answer);
        EXPECT_EQ(answer.error().message, "A frame of -1 bytes.");
      });
}

INSTANTIATE_TEST_SUITE_P(Runtimes, ConnectionTest,
                         ::testing::Values(RuntimeKind::kReal, RuntimeKind::kSimulated),
                         [](const auto& info) {
                           return info.param == RuntimeKind::kReal ? "Real" : "Simulated";
                         });

}  // namespace
}  // namespace strom::client
