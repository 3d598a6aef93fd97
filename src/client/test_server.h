// For tests only: a server that a test scripts. It reads whole requests and answers each as the
// script says, in the background.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/network.h"
#include "runtime/shard.h"
#include "runtime/sync.h"
#include "wire/frame.h"

namespace strom::client {

struct ScriptedRequest {
  wire::RequestHeader header;
  Bytes body;
};

inline Bytes SuccessFrame(int32_t request_id, ByteView body) {
  Bytes frame;
  AppendBig(frame, static_cast<int32_t>(wire::kResponseHeaderBytes + body.size()));
  frame.push_back(static_cast<uint8_t>(wire::ResponseType::kSuccess));
  AppendBig(frame, request_id);
  Append(frame, body);
  return frame;
}

// Belongs to the shard that made it; Stop() is awaited before it goes.
class ScriptedServer {
 public:
  // Called for each request of a connection, in order; the next is read when it has returned. False
  // ends the connection.
  using Script = std::function<runtime::Task<bool>(runtime::Connection&, ScriptedRequest)>;

  explicit ScriptedServer(Script script)
      : script_(std::move(script)),
        listener_(*runtime::ThisShard().network().Listen({"127.0.0.1", 0})) {
    tasks_.Spawn(Accept());
  }
  runtime::Endpoint endpoint() const { return {"127.0.0.1", listener_->endpoint().port}; }
  runtime::Task<void> Stop() {
    listener_->Close();
    for (const auto& connection : connections_)
      connection->Close();
    co_await tasks_.Join();
  }

 private:
  runtime::Task<void> Accept() {
    while (true) {
      auto pending = co_await listener_->Accept();
      if (!pending) co_return;
      connections_.push_back(runtime::ThisShard().network().Attach(std::move(*pending)));
      tasks_.Spawn(Serve(*connections_.back()));
    }
  }

  runtime::Task<void> Serve(runtime::Connection& connection) {
    while (true) {
      const Bytes length = co_await ReadExactly(connection, wire::kFrameLengthBytes);
      if (length.empty()) co_return;
      const Bytes frame =
          co_await ReadExactly(connection, static_cast<size_t>(LoadBig<int32_t>(length.data())));
      const auto header = wire::ParseRequestHeader(frame);
      if (!header) co_return;
      ScriptedRequest request{*header,
                              Bytes(frame.begin() + wire::kRequestHeaderBytes, frame.end())};
      if (!co_await script_(connection, std::move(request))) {
        connection.Close();
        co_return;
      }
    }
  }

  // Nothing when the connection ends before.
  static runtime::Task<Bytes> ReadExactly(runtime::Connection& connection, size_t bytes) {
    Bytes read(bytes);
    for (size_t have = 0; have < bytes;) {
      const auto got = co_await connection.Read(MutableByteView(read).subspan(have));
      if (!got || *got == 0) co_return Bytes();
      have += *got;
    }
    co_return read;
  }

  const Script script_;
  std::unique_ptr<runtime::Listener> listener_;
  std::vector<std::unique_ptr<runtime::Connection>> connections_;
  runtime::TaskGroup tasks_;
};

}  // namespace strom::client
