#include "server/session.h"

#include "base/log.h"
#include "server/dispatch.h"
#include "server/server_shard.h"

namespace strom::server {
namespace {

// Ranges gathered into one write; the socket layer splits them at its own limit.
constexpr size_t kMaxPiecesPerWrite = 4096;

}  // namespace

Session::Session(ServerShard& home, std::unique_ptr<runtime::Connection> connection,
                 size_t listener)
    : home_(home),
      connection_(std::move(connection)),
      listener_(listener),
      reader_(*connection_, home.buffers, home.settings().max_frame_bytes),
      last_write_(home.shard.Now()) {}

Session::~Session() {
  STROM_CHECK(requests_ == 0);
}

runtime::Task<void> Session::Run() {
  runtime::TaskGroup writer;
  writer.Spawn(WriteLoop());
  co_await ReadLoop();
  Close("done");
  co_await handlers_.Join();
  reading_done_ = true;
  answer_queued_.Notify();
  co_await writer.Join();
}

size_t Session::held_bytes() const {
  return request_bytes_ + unsent_bytes_ + reader_.buffered_bytes();
}

bool Session::overloaded() const {
  return requests_ >= home_.settings().connection_requests ||
         held_bytes() >= home_.settings().connection_memory_bytes;
}

runtime::Task<void> Session::ReadLoop() {
  while (!closed_) {
    while (overloaded() && !closed_)
      co_await load_fell_.Wait();
    if (closed_) break;
    Result<std::optional<Frame>> frame = co_await reader_.Next();
    if (!frame) {
      if (!closed_ && frame.error().code == ErrorCode::kCorruptMessage) {
        home_.metrics.bad_frames.Add();
        Log(LogLevel::kWarn, "connection.bad_frame",
            {{"peer", connection_->peer_address()}, {"reason", frame.error().message}});
      }
      break;
    }
    if (!*frame) break;
    Result<wire::RequestHeader> header = wire::ParseRequestHeader((*frame)->payload);
    STROM_CHECK(header);  // the frame reader refuses shorter frames
    ++requests_;
    request_bytes_ += (*frame)->payload.size();
    home_.metrics.received_bytes.Add((*frame)->payload.size() + wire::kFrameLengthBytes);
    handlers_.Spawn(Handle(std::move(**frame), *header));
  }
}

runtime::Task<void> Session::Handle(Frame frame, wire::RequestHeader header) {
  const size_t frame_bytes = frame.payload.size();
  RequestContext context{*this, home_, header, frame.payload.subspan(wire::kRequestHeaderBytes)};
  Response response = co_await Dispatch(context);
  frame.buffer.reset();
  --requests_;
  request_bytes_ -= frame_bytes;
  if (!closed_) Enqueue(std::move(response));
  if (load_fell_.has_waiters() && !overloaded()) load_fell_.Notify();
}

void Session::Enqueue(Response response) {
  unsent_bytes_ += response.size_bytes();
  unsent_.push_back(std::move(response));
  answer_queued_.Notify();
}

runtime::Task<void> Session::WriteLoop() {
  std::vector<Response> sending;
  std::vector<ByteView> pieces;
  for (;;) {
    while (unsent_.empty() && !reading_done_)
      co_await answer_queued_.Wait();
    if (unsent_.empty()) co_return;
    size_t bytes = 0;
    while (!unsent_.empty() && (pieces.empty() || pieces.size() + unsent_.front().pieces().size() <=
                                                      kMaxPiecesPerWrite)) {
      sending.push_back(std::move(unsent_.front()));
      unsent_.pop_front();
      const Response& next = sending.back();
      pieces.insert(pieces.end(), next.pieces().begin(), next.pieces().end());
      bytes += next.size_bytes();
    }
    if (!closed_) {
      Status written = co_await connection_->Write(pieces);
      last_write_ = home_.shard.Now();
      home_.metrics.sent_bytes.Add(bytes);
      if (!written) Close("write failed");
    }
    sending.clear();
    pieces.clear();
    unsent_bytes_ -= bytes;
    if (load_fell_.has_waiters() && !overloaded()) load_fell_.Notify();
  }
}

void Session::Close(std::string_view reason) {
  if (closed_) return;
  closed_ = true;
  Log(LogLevel::kDebug, "connection.closed",
      {{"peer", connection_->peer_address()}, {"reason", reason}});
  connection_->Close();
  for (const auto& waiter : waiters_)
    replica::FetchWaiter::Fire(waiter);
  load_fell_.Notify();
}

void Session::CloseIfStale(runtime::Instant now) {
  const auto& settings = home_.settings();
  if (const auto since = reader_.partial_since();
      since && now - *since > settings.partial_frame_timeout) {
    home_.metrics.stale_connections.Add();
    Close("a frame did not arrive in time");
    return;
  }
  const runtime::Instant last_use = std::max(reader_.last_read(), last_write_);
  if (requests_ == 0 && now - last_use > settings.idle_timeout) {
    home_.metrics.stale_connections.Add();
    Close("idle");
  }
}

}  // namespace strom::server
