// Delivers process signals to a shard. At most one exists in a process at a time.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/shard.h"
#include "runtime/unique_fd.h"

namespace strom::runtime::internal {

class SignalSource {
 public:
  // `callback` runs on `shard`, once for each delivery.
  SignalSource(std::vector<int> signals, Shard& shard, std::function<void(int)> callback);
  SignalSource(const SignalSource&) = delete;
  // Puts the handlers back that were there before.
  ~SignalSource();

 private:
  void Serve(Shard& shard, const std::function<void(int)>& callback);

  UniqueFd read_end_;
  UniqueFd write_end_;
  std::vector<std::pair<int, struct sigaction>> previous_;
  std::thread thread_;
};

}  // namespace strom::runtime::internal
