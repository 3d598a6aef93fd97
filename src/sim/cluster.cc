#include "sim/cluster.h"

#include "base/check.h"

namespace strom::sim {
namespace {

// How often the clients' machine looks whether the server got somewhere.
constexpr runtime::Duration kLook = std::chrono::microseconds(500);

}  // namespace

runtime::Task<void> SimServer::StartHere(SimServer* self) {
  auto started = co_await server::Server::Start(self->settings_);
  if (started) {
    self->server_ = std::move(*started);
    self->result_ = {};
  } else {
    self->result_ = Fail(started.error());
  }
  self->state_ = started ? State::kUp : State::kDown;
}

runtime::Task<void> SimServer::StopHere(SimServer* self) {
  self->result_ = co_await self->server_->Stop();
  self->server_.reset();
  self->state_ = State::kDown;
}

runtime::Task<void> SimServer::Leave(State state) {
  while (state_ == state)
    co_await runtime::Sleep{kLook};
}

runtime::Task<Status> SimServer::Start() {
  STROM_CHECK(state_ == State::kDown);
  state_ = State::kStarting;
  ++lives_;
  machine_.shard(0).Post([this] { runtime::Spawn(StartHere(this)); });
  co_await Leave(State::kStarting);
  co_return result_;
}

runtime::Task<Status> SimServer::TakeDown() {
  if (state_ == State::kUp) {
    state_ = State::kStopping;
    machine_.shard(0).Post([this] { runtime::Spawn(StopHere(this)); });
    co_await Leave(State::kStopping);
  }
  if (machine_.down()) machine_.Reboot();
  co_return result_;
}

}  // namespace strom::sim
