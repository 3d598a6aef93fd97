#include "client/connection.h"

namespace strom::client {
namespace {

constexpr size_t kReadBufferBytes = 256 << 10;
constexpr size_t kMostSpareFrames = 64;

std::unexpected<Error> Broken() {
  return Fail(ErrorCode::kNetwork, "The connection to the server is broken.");
}

}  // namespace

Connection::Connection(std::unique_ptr<runtime::Connection> connection)
    : connection_(std::move(connection)), buffer_(kReadBufferBytes) {}

runtime::Task<Result<std::unique_ptr<Connection>>> Connection::Open(runtime::Endpoint endpoint) {
  STROM_CO_TRY(auto raw, co_await runtime::ThisShard().network().Connect(endpoint));
  std::unique_ptr<Connection> opened(new Connection(std::move(raw)));
  opened->tasks_.Spawn(opened->ReadAnswers());
  co_return opened;
}

runtime::Task<Result<Answer>> Connection::Call(wire::Api api, std::span<const ByteView> pieces) {
  if (broken_) co_return Broken();
  size_t body_bytes = 0;
  for (const ByteView piece : pieces)
    body_bytes += piece.size();
  const auto id = static_cast<int32_t>(next_id_++);
  std::array<uint8_t, wire::kFrameLengthBytes + wire::kRequestHeaderBytes> header;
  StoreBig(header.data(), static_cast<int32_t>(wire::kRequestHeaderBytes + body_bytes));
  StoreBig(header.data() + 4, static_cast<int16_t>(api));
  StoreBig(header.data() + 6, int16_t{0});
  StoreBig(header.data() + 8, id);
  sent_bytes_ += header.size() + body_bytes;

  Waiting answer;
  waiting_.emplace(id, &answer);
  outgoing_.emplace_back(header);
  outgoing_.insert(outgoing_.end(), pieces.begin(), pieces.end());
  const uint64_t own = ++queued_calls_;
  if (!flushing_) {
    flushing_ = true;
    tasks_.Spawn(Flush());
  }
  Result<Answer> result = co_await answer;
  // An error may overtake the last bytes of its request, which are still the caller's.
  while (written_calls_ < own && flushing_)
    co_await flushed_.Wait();
  co_return result;
}

void Connection::Recycle(Answer answer) {
  if (spare_frames_.size() < kMostSpareFrames) spare_frames_.push_back(std::move(answer.frame));
}

runtime::Task<void> Connection::Flush() {
  while (!outgoing_.empty() && !broken_) {
    const std::vector<ByteView> pieces = std::exchange(outgoing_, {});
    const uint64_t through = queued_calls_;
    if (!co_await connection_->Write(pieces)) {
      broken_ = true;
      connection_->Close();  // which ends ReadAnswers, and that fails the calls
      break;
    }
    written_calls_ = through;
    flushed_.Notify();
  }
  flushing_ = false;
  flushed_.Notify();
}

runtime::Task<void> Connection::ReadAnswers() {
  Error error{ErrorCode::kNetwork, "The server closed the connection."};
  while (true) {
    Result<Bytes> frame = co_await ReadFrame();
    if (!frame) {
      error = std::move(frame).error();
      break;
    }
    if (Status delivered = Deliver(std::move(*frame)); !delivered) {
      error = std::move(delivered).error();
      break;
    }
  }
  broken_ = true;
  connection_->Close();
  // A pending write still reads what the calls own.
  while (flushing_)
    co_await flushed_.Wait();
  outgoing_.clear();
  for (const auto& [id, waiting] : std::exchange(waiting_, {}))
    waiting->Set(std::unexpected(error));
}

Status Connection::Deliver(Bytes frame) {
  STROM_TRY(const wire::Response response, wire::ParseResponse(frame));
  if (response.type == wire::ResponseType::kFailure) {
    const Result<ByteView> failure = wire::SuccessBody(response);
    return failure ? Broken() : std::unexpected(failure.error());
  }
  const auto found = waiting_.find(response.request_id);
  if (found == waiting_.end()) {
    return Fail(ErrorCode::kNetwork, "An answer to request {}, which nobody asked.",
                response.request_id);
  }
  Waiting* waiting = found->second;
  waiting_.erase(found);
  if (Result<ByteView> body = wire::SuccessBody(response)) {
    waiting->Set(Answer{std::move(frame), *body});
  } else {
    waiting->Set(std::unexpected(std::move(body).error()));
  }
  return {};
}

runtime::Task<Result<Bytes>> Connection::ReadFrame() {
  while (end_ - begin_ < wire::kFrameLengthBytes) {
    std::copy(buffer_.begin() + static_cast<ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
    STROM_CO_TRY(const size_t got,
                 co_await connection_->Read(MutableByteView(buffer_).subspan(end_)));
    if (got == 0) co_return Fail(ErrorCode::kNetwork, "The server closed the connection.");
    end_ += got;
  }
  const auto length = LoadBig<int32_t>(buffer_.data() + begin_);
  if (length < 1) co_return Fail(ErrorCode::kNetwork, "A frame of {} bytes.", length);
  begin_ += wire::kFrameLengthBytes;
  Bytes frame;
  if (!spare_frames_.empty()) {
    frame = std::move(spare_frames_.back());
    spare_frames_.pop_back();
  }
  frame.resize(static_cast<size_t>(length));
  size_t have = std::min(frame.size(), end_ - begin_);
  std::copy_n(buffer_.begin() + static_cast<ptrdiff_t>(begin_), have, frame.begin());
  begin_ += have;
  while (have < frame.size()) {
    STROM_CO_TRY(const size_t got,
                 co_await connection_->Read(MutableByteView(frame).subspan(have)));
    if (got == 0) co_return Fail(ErrorCode::kNetwork, "The server closed the connection.");
    have += got;
  }
  received_bytes_ += wire::kFrameLengthBytes + frame.size();
  co_return frame;
}

runtime::Task<void> Connection::Close() {
  broken_ = true;
  connection_->Close();
  co_await tasks_.Join();
}

}  // namespace strom::client
