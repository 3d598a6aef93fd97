#include "server/frame_reader.h"

#include <algorithm>
#include <cstring>

namespace strom::server {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr int32_t kMinRequestLength = 8;  // key, version, request id

}  // namespace

bool FrameReader::HasBufferedFrame() const {
  if (filled_ - parsed_ < kLengthBytes) return false;
  const auto length = LoadBig<int32_t>(buffer_->data() + parsed_);
  return length >= 0 && filled_ - parsed_ - kLengthBytes >= static_cast<size_t>(length);
}

// After this, buffer_ has room behind filled_ to read on towards `needed_bytes` from parsed_ on.
void FrameReader::MakeRoom(size_t needed_bytes) {
  const size_t have = filled_ - parsed_;
  const bool sole_owner = buffer_ != nullptr && buffer_.use_count() == 1;
  if (sole_owner && have == 0) parsed_ = filled_ = 0;
  if (buffer_ != nullptr && parsed_ + needed_bytes <= buffer_->capacity()) return;
  if (sole_owner && parsed_ == 0 && buffer_->capacity() >= kFirstLargeBytes) {
    if (filled_ == buffer_->capacity()) {
      buffer_->Grow(std::min(needed_bytes, buffer_->capacity() * 4));
    }
    return;
  }
  const size_t capacity = needed_bytes > kReadBufferBytes
                              ? std::min(needed_bytes, kFirstLargeBytes)
                              : std::max(needed_bytes, read_buffer_bytes_);
  std::shared_ptr<FrameBuffer> next = pool_.Take(std::max(capacity, have + 1));
  if (have > 0) std::memcpy(next->data(), buffer_->data() + parsed_, have);
  buffer_ = std::move(next);
  parsed_ = 0;
  filled_ = have;
}

runtime::Task<Result<std::optional<Frame>>> FrameReader::Next() {
  for (;;) {
    const size_t have = filled_ - parsed_;
    size_t needed = kLengthBytes;
    if (have >= kLengthBytes) {
      const auto length = LoadBig<int32_t>(buffer_->data() + parsed_);
      if (length < kMinRequestLength ||
          static_cast<size_t>(length) + kLengthBytes > max_frame_bytes_) {
        co_return Fail(ErrorCode::kCorruptMessage,
                       "A frame of length {} is not between {} and {} bytes.", length,
                       kMinRequestLength, max_frame_bytes_ - kLengthBytes);
      }
      needed = kLengthBytes + static_cast<size_t>(length);
      if (have >= needed) {
        Frame frame{buffer_->View(parsed_ + kLengthBytes, needed - kLengthBytes), buffer_};
        parsed_ += needed;
        partial_since_.reset();
        co_return frame;
      }
    }
    if (have > 0 && !partial_since_) partial_since_ = runtime::ThisShard().Now();
    MakeRoom(needed);
    // A large frame is read up to its end exactly, so that nothing behind it has to move.
    size_t room = buffer_->capacity() - filled_;
    if (needed > kReadBufferBytes) room = std::min(room, parsed_ + needed - filled_);
    Result<size_t> got = co_await connection_.Read(buffer_->View(filled_, room));
    if (!got) co_return Fail(got.error());
    if (*got == 0) {
      if (filled_ == parsed_) co_return std::nullopt;
      co_return Fail(ErrorCode::kNetwork,
                     "The peer closed the connection in the middle of a frame.");
    }
    if (*got == room) read_buffer_bytes_ = std::min(read_buffer_bytes_ * 4, kReadBufferBytes);
    filled_ += *got;
    last_read_ = runtime::ThisShard().Now();
  }
}

}  // namespace strom::server
