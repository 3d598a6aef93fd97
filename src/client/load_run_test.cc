#include "client/load_run.h"

#include <gtest/gtest.h>

#include "client/test_server.h"
#include "runtime/test_runtime.h"

namespace strom::client {
namespace {

using runtime::Task;
using std::chrono::milliseconds;

// Requests of one byte; an answer counts as a row.
class CountingLoad : public Load {
 public:
  std::optional<LoadRequest> Next(size_t slot) override {
    most_slot = std::max(most_slot, slot);
    if (left-- == 0) return std::nullopt;
    return LoadRequest{.api = wire::Api::kFetchLog, .head = Bytes(1)};
  }
  Result<Yield> Judge(size_t /*slot*/, ByteView body) override {
    if (refuse) return Fail(ErrorCode::kCorruptRecord, "refused");
    if (behind-- > 0) return Fail(ErrorCode::kStorageBackpressure, "behind");
    return Yield{.rows = 1, .record_bytes = body.size()};
  }

  size_t most_slot = 0;
  int left = -1;
  bool refuse = false;
  int behind = 0;  // answers that say that the server is behind its writes
};

// On a simulated machine, where time passes only when all wait: the figures are exact.
Result<LoadFigures> RunAgainst(ScriptedServer::Script script, Load& load, LoadRunOptions options) {
  Result<LoadFigures> figures = Fail(ErrorCode::kUnknownServerError, "not run");
  runtime::RunSimulated(
      [&]() -> Task<void> {
        ScriptedServer server(script);
        const LocatedTable table{.id = TableId(1), .leaders = {server.endpoint()}};
        figures = co_await RunLoad(table, load, options);
        co_await server.Stop();
      },
      1, "/folder");
  return figures;
}

// Answers everything after `delay`, one request of a connection after the other.
ScriptedServer::Script After(std::function<runtime::Duration(int)> delay) {
  return [delay, count = 0](runtime::Connection& connection,
                            ScriptedRequest request) mutable -> Task<bool> {
    // The first request is the greeting.
    co_await runtime::Sleep(delay(count++));
    const Bytes frame = SuccessFrame(request.header.request_id, {});
    const ByteView piece = frame;
    co_return (co_await connection.Write({&piece, 1})).has_value();
  };
}

TEST(LoadRun, AStallDelaysWhatWasDueDuringItAndThatCounts) {
  CountingLoad load;
  // 100 a second for two seconds; the request due after 0.5 s takes a second, all others 1 ms.
  const auto figures =
      RunAgainst(After([](int i) { return milliseconds(i == 51 ? 1000 : 1); }), load,
                 {.in_flight = 1000, .rate = 100, .duration = std::chrono::seconds(2)});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->requests, 200);
  EXPECT_EQ(figures->rows, 200);
  EXPECT_EQ(figures->unsent, 0);
  Latencies latencies = figures->latencies;
  EXPECT_GE(latencies.Percentile(100), milliseconds(1000));
  // About 100 were due while it stalled; the median of all is between quick ones and those.
  EXPECT_GE(latencies.Percentile(90), milliseconds(700));
  EXPECT_LT(latencies.Percentile(20), milliseconds(50));
  EXPECT_GE(figures->elapsed, milliseconds(1990));
}

TEST(LoadRun, WhenAllSlotsAreTakenTheWaitForOneCounts) {
  CountingLoad load;
  // Each takes 20 ms and one is due every 10 ms: the last is a second late.
  const auto figures = RunAgainst(After([](int) { return milliseconds(20); }), load,
                                  {.in_flight = 1, .rate = 100, .count = 100});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->requests, 100);
  Latencies latencies = figures->latencies;
  Latencies delays = figures->delays;
  EXPECT_GE(latencies.Percentile(100), milliseconds(1000));
  EXPECT_GE(delays.Percentile(100), milliseconds(980));
  EXPECT_LT(delays.Percentile(100), latencies.Percentile(100));
}

TEST(LoadRun, AServerFarTooSlowLeavesRequestsUnsent) {
  CountingLoad load;
  const auto figures =
      RunAgainst(After([](int) { return milliseconds(100); }), load,
                 {.in_flight = 1, .rate = 100, .duration = std::chrono::seconds(1)});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->requests + figures->unsent, 100);
  EXPECT_GE(figures->requests, 19);
  EXPECT_LE(figures->requests, 21);
}

TEST(LoadRun, WithoutARateEachSlotHasOneRequestUnderWay) {
  CountingLoad load;
  const auto figures = RunAgainst(After([](int) { return milliseconds(1); }), load,
                                  {.connections = 3, .in_flight = 5, .count = 1000});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->requests, 1000);
  EXPECT_EQ(figures->latencies.count(), 1000U);
  EXPECT_EQ(load.most_slot, 14U);
}

TEST(LoadRun, EndsWhenTheLoadIsDone) {
  CountingLoad load;
  load.left = 7;
  const auto figures = RunAgainst(After([](int) { return milliseconds(1); }), load, {});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->requests, 7);
}

TEST(LoadRun, AnAnswerThatTheLoadRefusesEndsTheRun) {
  CountingLoad load;
  load.refuse = true;
  const auto figures =
      RunAgainst(After([](int) { return milliseconds(1); }), load, {.in_flight = 10});
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().message, "refused");
}

TEST(LoadRun, ARequestThatTheServerIsTooFarBehindForIsSentAgain) {
  CountingLoad load;
  load.behind = 3;
  const auto figures = RunAgainst(After([](int) { return milliseconds(1); }), load, {.count = 10});
  ASSERT_TRUE(figures) << figures.error().message;
  EXPECT_EQ(figures->requests, 10);
  EXPECT_EQ(figures->refused, 3);
  EXPECT_EQ(figures->latencies.count(), 10U);
  // The wait of the first one counts.
  Latencies latencies = figures->latencies;
  EXPECT_GE(latencies.Percentile(100), milliseconds(15));
}

TEST(LoadRun, AServerThatStaysBehindEndsTheRun) {
  CountingLoad load;
  load.behind = 1'000'000;
  const auto figures = RunAgainst(After([](int) { return milliseconds(1); }), load,
                                  {.duration = std::chrono::seconds(1), .count = 10});
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().code, ErrorCode::kStorageBackpressure);
}

TEST(LoadRun, AServerThatClosesTheConnectionEndsTheRun) {
  CountingLoad load;
  auto answer = After([](int) { return milliseconds(1); });
  const auto figures = RunAgainst(
      [answer, count = 0](runtime::Connection& connection,
                          ScriptedRequest request) mutable -> Task<bool> {
        if (++count == 30) co_return false;
        co_return co_await answer(connection, std::move(request));
      },
      load, {.in_flight = 4});
  ASSERT_FALSE(figures);
  EXPECT_EQ(figures.error().code, ErrorCode::kNetwork);
}

}  // namespace
}  // namespace strom::client
