#include "client/load_run.h"

#include "base/check.h"

namespace strom::client {
namespace {

using runtime::Instant;
using runtime::Task;

// Before a request is sent again to a server that is behind its writes, and for how long at most.
constexpr runtime::Duration kBackOff = std::chrono::milliseconds(5);
constexpr runtime::Duration kLongestBackOff = std::chrono::seconds(30);

// One connection to each server that leads a bucket.
struct Lane {
  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<Connection*> of_bucket;
};

struct Run {
  Load& load;
  const LoadRunOptions options;
  std::vector<Lane> lanes;
  Instant began;
  Instant deadline;    // nothing is due from then on
  Instant given_up;    // nothing is sent from then on
  int64_t issued = 0;  // requests that were given their moment
  LoadFigures figures;
  std::optional<Error> error;  // the first one; ends the run
};

Task<Status> OpenLane(Lane& lane, const LocatedTable& table) {
  std::vector<runtime::Endpoint> opened;
  for (const runtime::Endpoint& leader : table.leaders) {
    const auto known = std::ranges::find(opened, leader);
    const auto position = static_cast<size_t>(known - opened.begin());
    if (known == opened.end()) {
      STROM_CO_TRY(auto connection, co_await OpenAndGreet(leader));
      lane.connections.push_back(std::move(connection));
      opened.push_back(leader);
    }
    lane.of_bucket.push_back(lane.connections[position].get());
  }
  co_return Status();
}

Instant DueAtRate(const Run& run) {
  const std::chrono::duration<double> since(static_cast<double>(run.issued) / run.options.rate);
  return run.began + std::chrono::duration_cast<runtime::Duration>(since);
}

// When the next request is due; nothing when there is none any more.
std::optional<Instant> NextDue(Run& run) {
  const Instant now = runtime::ThisShard().Now();
  while (!run.error && (run.options.count == 0 || run.issued < run.options.count)) {
    const Instant due = run.options.rate > 0 ? DueAtRate(run) : now;
    if (due >= run.deadline) break;
    ++run.issued;
    if (now < run.given_up) return due;
    ++run.figures.unsent;
  }
  return std::nullopt;
}

// Versions of PUT_KV below 2 know the one as the other.
bool IsBehind(const Error& error) {
  return error.code == ErrorCode::kStorageBackpressure || error.code == ErrorCode::kKvStorage;
}

Task<Status> Exchange(Run& run, const Lane& lane, size_t slot, const LoadRequest& request,
                      Instant due) {
  Connection& connection = *lane.of_bucket[request.bucket];
  const std::array<ByteView, 2> pieces = {ByteView(request.head), request.tail};
  run.figures.delays.Add(runtime::ThisShard().Now() - due);
  const Instant last_try = std::min(run.given_up, runtime::ThisShard().Now() + kLongestBackOff);
  Result<Yield> yield;
  while (true) {
    STROM_CO_TRY(Answer answer, co_await connection.Call(request.api, pieces));
    yield = run.load.Judge(slot, answer.body);
    connection.Recycle(std::move(answer));
    if (yield) break;
    if (!IsBehind(yield.error()) || runtime::ThisShard().Now() >= last_try)
      co_return std::unexpected(std::move(yield).error());
    ++run.figures.refused;
    co_await runtime::Sleep(kBackOff);
  }
  run.figures.latencies.Add(runtime::ThisShard().Now() - due);
  ++run.figures.requests;
  run.figures.rows += yield->rows;
  run.figures.record_bytes += yield->record_bytes;
  co_return Status();
}

Task<void> RunSlot(Run& run, const Lane& lane, size_t slot) {
  while (const auto due = NextDue(run)) {
    const Instant now = runtime::ThisShard().Now();
    if (*due > now) co_await runtime::Sleep(*due - now);
    if (run.error) break;
    const auto request = run.load.Next(slot);
    if (!request) break;
    Status done = co_await Exchange(run, lane, slot, *request, *due);
    if (!done && !run.error) run.error = std::move(done).error();
  }
}

Task<void> RunSlots(Run& run) {
  runtime::TaskGroup slots;
  run.began = runtime::ThisShard().Now();
  run.deadline = run.began + run.options.duration;
  run.given_up = run.deadline + run.options.duration;
  for (size_t slot = 0; slot < run.options.slots(); ++slot)
    slots.Spawn(RunSlot(run, run.lanes[slot % run.lanes.size()], slot));
  co_await slots.Join();
  run.figures.elapsed = runtime::ThisShard().Now() - run.began;
}

}  // namespace

Task<Result<LoadFigures>> RunLoad(const LocatedTable& table, Load& load, LoadRunOptions options) {
  STROM_CHECK(options.connections > 0 && options.in_flight > 0 && options.rate >= 0);
  Run run{.load = load, .options = options};
  for (int i = 0; i < options.connections && !run.error; ++i) {
    Status opened = co_await OpenLane(run.lanes.emplace_back(), table);
    if (!opened) run.error = std::move(opened).error();
  }
  if (!run.error) co_await RunSlots(run);
  for (const Lane& lane : run.lanes) {
    for (const auto& connection : lane.connections) {
      co_await connection->Close();
      run.figures.sent_bytes += connection->sent_bytes();
      run.figures.received_bytes += connection->received_bytes();
    }
  }
  if (run.error) co_return std::unexpected(std::move(*run.error));
  co_return std::move(run.figures);
}

}  // namespace strom::client
