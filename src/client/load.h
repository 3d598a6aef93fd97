// A load: makes the next request of a benchmark and judges its answer. How many are under way, when
// they are sent and how long they took is the business of load_run.h. The load of another API is
// one more class like those of log_loads.h. Belongs to the shard that runs it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/api.h"

namespace strom::client {

struct LoadRequest {
  wire::Api api{};
  size_t bucket = 0;  // its leader gets the request
  Bytes head;         // the body's own part
  ByteView tail;      // what follows it; lives as long as the load
};

// What one answer brought.
struct Yield {
  int64_t rows = 0;
  uint64_t record_bytes = 0;
};

class Load {
 public:
  virtual ~Load() = default;
  // A slot has one request under way at a time; slots count from 0. Nothing: the slot is done.
  virtual std::optional<LoadRequest> Next(size_t slot) = 0;
  // `body` answers the last request of the slot. An error ends the run.
  virtual Result<Yield> Judge(size_t slot, ByteView body) = 0;
};

}  // namespace strom::client
