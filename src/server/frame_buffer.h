// Memory that requests are read into. Frames are views on a FrameBuffer; a request keeps its buffer
// until it is answered. Buffers come from a pool of the shard and go back to it: fresh pages cost
// more than everything else on the produce path, warm ones are free. One shard only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace strom::server {

class FrameBufferPool;

class FrameBuffer {
 public:
  FrameBuffer(uint8_t* data, size_t capacity) : data_(data), capacity_(capacity) {}
  FrameBuffer(const FrameBuffer&) = delete;
  ~FrameBuffer();

  uint8_t* data() { return data_; }
  size_t capacity() const { return capacity_; }
  MutableByteView View(size_t from, size_t size) { return {data_ + from, size}; }
  // Keeps the content; the address changes. Only while nobody holds views.
  void Grow(size_t capacity);

 private:
  uint8_t* data_;
  size_t capacity_;
};

class FrameBufferPool {
 public:
  // Frees what comes back beyond `max_idle_bytes`.
  explicit FrameBufferPool(size_t max_idle_bytes)
      : state_(std::make_shared<State>(State{max_idle_bytes, 0, {}})) {}

  // At least `capacity` bytes, content undefined.
  std::shared_ptr<FrameBuffer> Take(size_t capacity);
  size_t idle_bytes() const { return state_->idle_bytes; }

 private:
  struct State {
    size_t max_idle_bytes;
    size_t idle_bytes;
    std::vector<std::unique_ptr<FrameBuffer>> idle;
  };
  // Shared with the buffers out there: the last ones may come back after the pool is gone.
  std::shared_ptr<State> state_;
};

}  // namespace strom::server
