// The client's side of one TCP connection. Many requests may be under way at once; answers are
// matched by request id, in whatever order they come. Belongs to the shard that opened it. When the
// connection breaks, every call that waits and every later one fails with kNetwork.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/network.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "wire/api.h"
#include "wire/message.h"

namespace strom::client {

// A success answer: `body` is a view into `frame`.
struct Answer {
  Bytes frame;
  ByteView body;
};

class Connection {
 public:
  static runtime::Task<Result<std::unique_ptr<Connection>>> Open(runtime::Endpoint endpoint);
  // Close() was awaited, and no call is pending.
  ~Connection() = default;
  Connection(const Connection&) = delete;

  // Sends a request whose body is `pieces` one after the other, and waits for its answer; an error
  // frame becomes its error. The pieces and what they point to stay as they are until it returns.
  runtime::Task<Result<Answer>> Call(wire::Api api, std::span<const ByteView> pieces);
  // Gives the memory of an answer back, for later ones.
  void Recycle(Answer answer);

  // The same for a message of the generated classes.
  template <class PbAnswer, class PbRequest>
  runtime::Task<Result<PbAnswer>> Ask(wire::Api api, const PbRequest& request) {
    Bytes body(request.ByteSizeLong());
    request.SerializeToArray(body.data(), static_cast<int>(body.size()));
    const ByteView piece = body;
    STROM_CO_TRY(const Answer answer, co_await Call(api, {&piece, 1}));
    co_return wire::ParseMessage<PbAnswer>(answer.body, kAnswerLimits);
  }

  runtime::Task<void> Close();

  uint64_t sent_bytes() const { return sent_bytes_; }
  uint64_t received_bytes() const { return received_bytes_; }

 private:
  using Waiting = runtime::OneShot<Result<Answer>>;

  // Metadata of many buckets is larger than what a server takes as a request.
  static constexpr wire::MessageLimits kAnswerLimits{.max_bytes = 256 << 20,
                                                     .max_fields = 10'000'000};

  explicit Connection(std::unique_ptr<runtime::Connection> connection);

  // Writes what calls have queued until nothing is left.
  runtime::Task<void> Flush();
  runtime::Task<void> ReadAnswers();
  // Frames without their length bytes.
  runtime::Task<Result<Bytes>> ReadFrame();
  Status Deliver(Bytes frame);

  std::unique_ptr<runtime::Connection> connection_;
  std::unordered_map<int32_t, Waiting*> waiting_;
  std::vector<ByteView> outgoing_;
  bool flushing_ = false;
  uint64_t queued_calls_ = 0;
  uint64_t written_calls_ = 0;
  runtime::Event flushed_;  // written_calls_ went up, or flushing_ ended
  bool broken_ = false;
  runtime::TaskGroup tasks_;
  uint32_t next_id_ = 0;  // wraps around after 2^32 calls
  std::vector<Bytes> spare_frames_;
  // Bytes read and not used: buffer_[begin_, end_).
  Bytes buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t received_bytes_ = 0;
};

}  // namespace strom::client
