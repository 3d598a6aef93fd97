// The Arrow IPC message inside an ARROW batch (spec 02, 3.2): a bounds-checked view of its metadata
// and a writer of it. Neither allocates nor copies; nothing is decompressed.
//
//   message  = ff ff ff ff | int32 metadata size M | metadata | body
//   metadata = flatbuffer Message{version, header: RecordBatch{length, nodes, buffers,
//              compression?}, bodyLength}, padded so that 8 + M is a multiple of 8
//
// The body runs to the end of the batch. Reading trusts nothing: any bytes give a view whose
// accessors stay inside them, or the words that say what is wrong.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "format/record_batch.h"

namespace strom::format {

// One field (spec 02, 3.2); nodes and buffers come in pre-order of the schema.
struct ArrowNode {
  int64_t length = 0;
  int64_t null_count = 0;
  friend bool operator==(const ArrowNode&, const ArrowNode&) = default;
};

// A stretch of the body; the length is without padding, after compression.
struct ArrowBuffer {
  int64_t offset = 0;
  int64_t length = 0;
  friend bool operator==(const ArrowBuffer&, const ArrowBuffer&) = default;
};

// How each buffer of the body is compressed; the numbers are those of the format.
enum class BodyCodec : int8_t { kNone = -1, kLz4Frame = 0, kZstd = 1 };

inline constexpr size_t kArrowPrefixBytes = 8;  // continuation marker and metadata size
// Before the bytes of a compressed buffer: its uncompressed length, or -1 for bytes as they are.
inline constexpr size_t kCompressedLengthBytes = 8;
inline constexpr int64_t kNotCompressed = -1;

// A message whose metadata has been checked: accessors never leave the bytes. The values of nodes
// and buffers, the row count and the body length are as the writer put them: the caller judges.
class ArrowMessageView {
 public:
  int64_t row_count() const { return row_count_; }
  // What the metadata says; body() is what there is.
  int64_t body_length() const { return body_length_; }
  ByteView body() const { return body_; }
  BodyCodec codec() const { return codec_; }
  size_t node_count() const { return node_count_; }
  size_t buffer_count() const { return buffer_count_; }

  // The caller guarantees i < node_count() (buffer_count()).
  ArrowNode node(size_t i) const {
    const uint8_t* p = nodes_ + i * kStructBytes;
    return {LoadLittle<int64_t>(p), LoadLittle<int64_t>(p + 8)};
  }
  ArrowBuffer buffer(size_t i) const {
    const uint8_t* p = buffers_ + i * kStructBytes;
    return {LoadLittle<int64_t>(p), LoadLittle<int64_t>(p + 8)};
  }

 private:
  friend Parsed<ArrowMessageView> ReadArrowMessage(ByteView head, ByteView payload);
  static constexpr size_t kStructBytes = 16;

  const uint8_t* nodes_ = nullptr;
  const uint8_t* buffers_ = nullptr;
  size_t node_count_ = 0;
  size_t buffer_count_ = 0;
  int64_t row_count_ = 0;
  int64_t body_length_ = 0;
  BodyCodec codec_ = BodyCodec::kNone;
  ByteView body_;
};

// `payload` begins with the continuation marker and ends with the batch. The metadata is read from
// `head`, which is `payload` or a copy of its beginning and must outlive the view.
Parsed<ArrowMessageView> ReadArrowMessage(ByteView head, ByteView payload);
inline Parsed<ArrowMessageView> ReadArrowMessage(ByteView payload) {
  return ReadArrowMessage(payload, payload);
}

// The records of an ARROW batch: one change type a record (empty if the batch is append-only) and
// the message.
struct ArrowRecords {
  ByteView change_types;
  ArrowMessageView message;
};

// Of a batch that is not empty. `batch` holds at least header.size_bytes. The change types are
// inside the batch; their values are not looked at.
Parsed<ArrowRecords> ReadArrowRecords(ByteView batch, const BatchHeader& header);
// The same with change types and metadata from `head`, which is `batch` or a copy of its beginning.
Parsed<ArrowRecords> ReadArrowRecords(ByteView head, ByteView batch, const BatchHeader& header);

// Size of prefix and metadata that ArrowMessageWriter writes, a multiple of 8. A message without
// compression is as long as what Java writes, one with it at most as long.
size_t ArrowMessageBytes(size_t node_count, size_t buffer_count, BodyCodec codec);

// Writes prefix and metadata into `out`, which holds ArrowMessageBytes(…) and outlives the writer.
// Exactly the announced nodes and buffers must be added, in order, then Finish() be called.
class ArrowMessageWriter {
 public:
  ArrowMessageWriter(uint8_t* out, size_t node_count, size_t buffer_count, BodyCodec codec,
                     int64_t row_count);

  void AddNode(ArrowNode node) { node_ = Put(node_, node.length, node.null_count); }
  void AddBuffer(ArrowBuffer buffer) { buffer_ = Put(buffer_, buffer.offset, buffer.length); }
  void Finish(int64_t body_length);

 private:
  static uint8_t* Put(uint8_t* p, int64_t first, int64_t second) {
    StoreLittle(p, first);
    StoreLittle(p + 8, second);
    return p + 16;
  }

  uint8_t* const metadata_;
  uint8_t* node_;
  uint8_t* buffer_;
  const uint8_t* nodes_end_;
  const uint8_t* buffers_end_;
};

}  // namespace strom::format
