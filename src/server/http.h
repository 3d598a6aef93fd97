// The operator's HTTP port: GET /health/live, /health/ready, /metrics. HTTP/1.1 with keep-alive,
// one request at a time per connection, requests of at most 16 KiB; anything else is answered with
// the fitting 4xx and closed. Beast parses and serialises; bytes go through the runtime's sockets,
// so the port works under the simulated runtime too.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/network.h"
#include "runtime/sync.h"

namespace strom::server {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpRoute {
  std::string path;
  std::function<HttpAnswer()> answer;
};

// On one shard; Stop must have finished before it is destroyed.
class HttpServer {
 public:
  static constexpr size_t kMaxRequestBytes = 16 << 10;
  static constexpr size_t kMaxConnections = 256;

  HttpServer(std::unique_ptr<runtime::Listener> listener, std::vector<HttpRoute> routes);
  void Start();
  runtime::Task<void> Stop();
  const runtime::Endpoint& endpoint() const { return listener_->endpoint(); }

 private:
  runtime::Task<void> AcceptLoop();
  runtime::Task<void> Serve(std::unique_ptr<runtime::Connection> connection);
  HttpAnswer Answer(std::string_view method, std::string_view target) const;

  std::unique_ptr<runtime::Listener> listener_;
  const std::vector<HttpRoute> routes_;
  std::vector<runtime::Connection*> open_;
  runtime::TaskGroup tasks_;
};

}  // namespace strom::server
