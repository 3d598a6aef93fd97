// One client connection (spec 01, 3). Requests start in the order in which they arrive; each runs
// as a coroutine of its own, so that a parked fetch delays nothing; answers leave as they come.
//
// Backpressure: while the connection has too many requests under way, or holds too much memory in
// requests and unsent answers, nothing more is read from it. A client that reads slowly thereby
// slows down only itself.
//
// Lives on one shard, in its SessionRegistry; ends when both sides are done.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "replica/parked_fetch.h"
#include "runtime/network.h"
#include "runtime/sync.h"
#include "server/dispatch.h"
#include "server/frame_reader.h"
#include "wire/frame.h"

namespace strom::server {

struct ServerShard;

class Session {
 public:
  Session(ServerShard& home, std::unique_ptr<runtime::Connection> connection, size_t listener);
  ~Session();

  // Serves the connection until it is closed and every request that was started has ended.
  runtime::Task<void> Run();
  // From the shard's own code: ends both directions; parked fetches are dropped.
  void Close(std::string_view reason);

  // The listener it came in on: index into ServerSettings::listeners.
  size_t listener() const { return listener_; }
  const runtime::Connection& connection() const { return *connection_; }
  ServerShard& home() { return home_; }
  const std::string& client_software() const { return client_software_; }
  void set_client_software(std::string name) { client_software_ = std::move(name); }

  // A parked fetch of this session; fired when the connection ends.
  void AddWaiter(std::shared_ptr<replica::FetchWaiter> waiter) {
    waiters_.push_back(std::move(waiter));
  }
  void RemoveWaiter(const std::shared_ptr<replica::FetchWaiter>& waiter) {
    std::erase(waiters_, waiter);
  }
  bool closed() const { return closed_; }

  // Bytes of requests under way, unfinished frames and unsent answers.
  size_t held_bytes() const;
  size_t running_requests() const { return requests_; }
  // Closes a connection that was idle, or stuck in the middle of a frame, for too long.
  void CloseIfStale(runtime::Instant now);

 private:
  runtime::Task<void> ReadLoop();
  runtime::Task<void> WriteLoop();
  runtime::Task<void> Handle(Frame frame, wire::RequestHeader header);
  bool overloaded() const;
  void Enqueue(Response response);

  ServerShard& home_;
  const std::unique_ptr<runtime::Connection> connection_;
  const size_t listener_;
  FrameReader reader_;
  std::string client_software_;
  std::vector<std::shared_ptr<replica::FetchWaiter>> waiters_;

  std::deque<Response> unsent_;
  size_t unsent_bytes_ = 0;   // queued or being written
  size_t request_bytes_ = 0;  // of requests under way
  size_t requests_ = 0;
  runtime::Instant last_write_;
  bool closed_ = false;
  bool reading_done_ = false;
  runtime::Event answer_queued_;
  runtime::Event load_fell_;
  runtime::TaskGroup handlers_;
};

}  // namespace strom::server
