// Cuts a connection's bytes into frames (spec 01, 1). Small frames are parsed in place, many to a
// buffer; a large one is read straight to where it stays. Memory grows with the bytes that have
// arrived, never with the length that a peer merely declares.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/network.h"
#include "runtime/shard.h"
#include "runtime/task.h"
#include "server/frame_buffer.h"

namespace strom::server {

// The payload of one frame (without its length), and what keeps it alive.
struct Frame {
  MutableByteView payload;
  std::shared_ptr<FrameBuffer> buffer;
};

class FrameReader {
 public:
  // A connection starts with a small buffer (thousands may be idle) and moves to larger ones while
  // its reads fill them.
  static constexpr size_t kFirstBufferBytes = 4 << 10;
  static constexpr size_t kReadBufferBytes = 64 << 10;
  // A frame larger than a read buffer gets one of its own: this much at first, then four times as
  // much whenever it is full.
  static constexpr size_t kFirstLargeBytes = 1 << 20;

  // `max_frame_bytes` counts the length field. All three outlive the reader.
  FrameReader(runtime::Connection& connection, FrameBufferPool& pool, size_t max_frame_bytes)
      : connection_(connection), pool_(pool), max_frame_bytes_(max_frame_bytes) {}

  // The next frame; nothing when the peer closed between frames. An error (kNetwork: cut off or
  // closed; kCorruptMessage: a length that is no length) means that the connection must be closed.
  runtime::Task<Result<std::optional<Frame>>> Next();

  // A whole frame is in the buffer: Next() will not wait.
  bool HasBufferedFrame() const;
  // Since when an unfinished frame has been waiting for its rest, if one is.
  std::optional<runtime::Instant> partial_since() const { return partial_since_; }
  runtime::Instant last_read() const { return last_read_; }
  // Memory held for an unfinished frame.
  size_t buffered_bytes() const { return filled_ - parsed_; }

 private:
  void MakeRoom(size_t needed_bytes);

  runtime::Connection& connection_;
  FrameBufferPool& pool_;
  const size_t max_frame_bytes_;
  std::shared_ptr<FrameBuffer> buffer_;
  size_t read_buffer_bytes_ = kFirstBufferBytes;
  size_t parsed_ = 0;  // [parsed_, filled_) is read but not handed out
  size_t filled_ = 0;
  std::optional<runtime::Instant> partial_since_;
  runtime::Instant last_read_ = runtime::ThisShard().Now();
};

}  // namespace strom::server
