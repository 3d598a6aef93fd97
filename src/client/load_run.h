// Runs a load against the servers of a table: so many requests under way on so many connections, as
// fast as answers come or at a fixed rate. Belongs to the shard that calls it.
//
// At a fixed rate requests are due at moments that do not depend on the server, and a latency
// counts from when its request was due: a server that stalls delays the requests behind, and their
// wait is counted too (no coordinated omission).
#pragma once

#include <chrono>
#include <optional>

#include "client/cluster.h"
#include "client/latencies.h"
#include "client/load.h"
#include "runtime/shard.h"

namespace strom::client {

struct LoadRunOptions {
  int connections = 1;  // to each server that leads a bucket
  int in_flight = 1;    // requests under way on each connection, at most
  double rate = 0;      // requests a second; 0: as fast as answers come
  runtime::Duration duration{std::chrono::seconds(5)};
  int64_t count = 0;  // requests at most; 0: until time is out or the load is done

  size_t slots() const { return static_cast<size_t>(connections) * static_cast<size_t>(in_flight); }
};

struct LoadFigures {
  int64_t requests = 0;  // answered
  // Due within the duration, but not sent before twice of it was over, as the server was too slow.
  int64_t unsent = 0;
  // Answers that the server is behind its writes: as a client does, the request was sent again.
  int64_t refused = 0;
  int64_t rows = 0;
  uint64_t record_bytes = 0;
  uint64_t sent_bytes = 0;  // of whole frames
  uint64_t received_bytes = 0;
  runtime::Duration elapsed{};
  Latencies latencies;
  // From when a request was due to when it was handed to its connection: what of the latencies was
  // spent here, be it that all slots were taken or that this process was late.
  Latencies delays;
};

// Fails when a connection cannot be opened or breaks, and when the load refuses an
// answer with another error than that the server is behind its writes.
runtime::Task<Result<LoadFigures>> RunLoad(const LocatedTable& table, Load& load,
                                           LoadRunOptions options);

}  // namespace strom::client
