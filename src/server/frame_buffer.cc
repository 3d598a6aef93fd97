#include "server/frame_buffer.h"

#include <cstdlib>
#include <new>

#include "base/check.h"

namespace strom::server {

FrameBuffer::~FrameBuffer() {
  std::free(data_);
}

void FrameBuffer::Grow(size_t capacity) {
  if (capacity <= capacity_) return;
  // Large blocks are moved by remapping pages, not by copying.
  void* grown = std::realloc(data_, capacity);
  STROM_CHECK(grown != nullptr);
  data_ = static_cast<uint8_t*>(grown);
  capacity_ = capacity;
}

std::shared_ptr<FrameBuffer> FrameBufferPool::Take(size_t capacity) {
  // The smallest idle buffer that fits; the pool holds few, a scan is cheap.
  auto best = state_->idle.end();
  for (auto it = state_->idle.begin(); it != state_->idle.end(); ++it) {
    if ((*it)->capacity() < capacity) continue;
    if (best == state_->idle.end() || (*it)->capacity() < (*best)->capacity()) best = it;
  }
  std::unique_ptr<FrameBuffer> buffer;
  if (best != state_->idle.end()) {
    buffer = std::move(*best);
    *best = std::move(state_->idle.back());
    state_->idle.pop_back();
    state_->idle_bytes -= buffer->capacity();
  } else {
    void* data = std::malloc(capacity);
    STROM_CHECK(data != nullptr);
    buffer = std::make_unique<FrameBuffer>(static_cast<uint8_t*>(data), capacity);
  }
  return {buffer.release(), [state = state_](FrameBuffer* raw) {
            std::unique_ptr<FrameBuffer> back(raw);
            if (state->idle_bytes + back->capacity() > state->max_idle_bytes) return;
            state->idle_bytes += back->capacity();
            state->idle.push_back(std::move(back));
          }};
}

}  // namespace strom::server
