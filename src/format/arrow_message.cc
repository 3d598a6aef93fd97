#include "format/arrow_message.h"

#include <array>
#include <optional>

#include "base/check.h"

namespace strom::format {
namespace {

constexpr uint32_t kContinuation = 0xffffffff;
constexpr int16_t kMetadataV4 = 3;
constexpr int16_t kMetadataV5 = 4;
constexpr uint8_t kRecordBatchHeader = 3;
constexpr size_t kStructBytes = 16;

// Field numbers of the three tables.
enum MessageField { kVersion = 0, kHeaderType = 1, kHeader = 2, kBodyLength = 3 };
enum RecordBatchField { kLength = 0, kNodes = 1, kBuffers = 2, kCompression = 3 };
enum CompressionField { kCodec = 0, kMethod = 1 };

// A table of a flatbuffer: at its position stands the distance back to its vtable, which gives for
// each field the distance from the table, 0 for a field that has its default.
//   vtable = uint16 own size | uint16 table size | uint16 distance per field
// Positions count from the start of the buffer, which is also what alignment refers to.
class FlatTable {
 public:
  static std::optional<FlatTable> At(ByteView buffer, uint64_t position) {
    if (position % 4 != 0 || !Inside(buffer, position, 4)) return std::nullopt;
    FlatTable table;
    table.buffer_ = buffer;
    table.position_ = static_cast<size_t>(position);
    const int64_t vtable =
        static_cast<int64_t>(position) - LoadLittle<int32_t>(buffer.data() + position);
    if (vtable < 0 || vtable % 2 != 0) return std::nullopt;
    table.vtable_ = static_cast<size_t>(vtable);
    if (!Inside(buffer, table.vtable_, 4)) return std::nullopt;
    table.vtable_bytes_ = LoadLittle<uint16_t>(buffer.data() + table.vtable_);
    table.table_bytes_ = LoadLittle<uint16_t>(buffer.data() + table.vtable_ + 2);
    if (table.vtable_bytes_ < 4 || table.vtable_bytes_ % 2 != 0 || table.table_bytes_ < 4 ||
        !Inside(buffer, table.vtable_, table.vtable_bytes_) ||
        !Inside(buffer, position, table.table_bytes_)) {
      return std::nullopt;
    }
    return table;
  }

  // The field's value, `missing` if it is absent; nothing if it does not lie in the table.
  template <std::integral T>
  std::optional<T> Scalar(size_t field, T missing) const {
    const std::optional<size_t> at = Find(field, sizeof(T));
    if (!at) return std::nullopt;
    return *at == 0 ? missing : LoadLittle<T>(buffer_.data() + *at);
  }

  // Where the field's reference leads, 0 if it is absent; nothing if out of the buffer.
  std::optional<size_t> Target(size_t field) const {
    const std::optional<size_t> at = Find(field, sizeof(uint32_t));
    if (!at || *at == 0) return at;
    const uint64_t target = uint64_t{*at} + LoadLittle<uint32_t>(buffer_.data() + *at);
    if (target == *at || target >= buffer_.size()) return std::nullopt;
    return static_cast<size_t>(target);
  }

  // The elements of a vector of 16-byte structs; an absent one is empty.
  std::optional<ByteView> Structs(size_t field) const {
    const std::optional<size_t> target = Target(field);
    if (!target) return std::nullopt;
    if (*target == 0) return ByteView();
    if (*target % 4 != 0 || !Inside(buffer_, *target, 4)) return std::nullopt;
    const uint64_t bytes = uint64_t{LoadLittle<uint32_t>(buffer_.data() + *target)} * kStructBytes;
    const size_t first = *target + 4;
    if (!Inside(buffer_, first, bytes) || (bytes > 0 && first % 8 != 0)) return std::nullopt;
    return buffer_.subspan(first, static_cast<size_t>(bytes));
  }

  std::optional<FlatTable> Child(size_t position) const { return At(buffer_, position); }

 private:
  static bool Inside(ByteView buffer, uint64_t position, uint64_t count) {
    return position <= buffer.size() && count <= buffer.size() - position;
  }

  // Position of a field, 0 if it is absent.
  std::optional<size_t> Find(size_t field, size_t width) const {
    const size_t entry = 4 + 2 * field;
    if (entry + 2 > vtable_bytes_) return 0;
    const size_t distance = LoadLittle<uint16_t>(buffer_.data() + vtable_ + entry);
    if (distance == 0) return 0;
    if (distance < 4 || distance + width > table_bytes_) return std::nullopt;
    if ((position_ + distance) % width != 0) return std::nullopt;
    return position_ + distance;
  }

  ByteView buffer_;
  size_t position_ = 0;
  size_t vtable_ = 0;
  size_t vtable_bytes_ = 0;
  size_t table_bytes_ = 0;
};

Parsed<BodyCodec> ReadCodec(const FlatTable& record_batch) {
  const std::optional<size_t> at = record_batch.Target(kCompression);
  if (!at) return std::unexpected("its Arrow compression does not lie in the metadata");
  if (*at == 0) return BodyCodec::kNone;
  const std::optional<FlatTable> table = record_batch.Child(*at);
  if (!table) return std::unexpected("its Arrow compression is malformed");
  const auto codec = table->Scalar<int8_t>(kCodec, 0);
  const auto method = table->Scalar<int8_t>(kMethod, 0);
  if (!codec || !method) return std::unexpected("its Arrow compression is malformed");
  if (*codec != static_cast<int8_t>(BodyCodec::kLz4Frame) &&
      *codec != static_cast<int8_t>(BodyCodec::kZstd)) {
    return std::unexpected("its Arrow compression codec is not LZ4_FRAME or ZSTD");
  }
  if (*method != 0) return std::unexpected("its Arrow compression method is not BUFFER");
  return static_cast<BodyCodec>(*codec);
}

// The RecordBatch table of a Message, and the Message's body length.
struct RecordBatchTable {
  FlatTable table;
  int64_t body_length;
};

Parsed<RecordBatchTable> FindRecordBatch(ByteView metadata) {
  if (metadata.size() < sizeof(uint32_t)) return std::unexpected("its Arrow metadata is too short");
  const auto message = FlatTable::At(metadata, LoadLittle<uint32_t>(metadata.data()));
  if (!message) return std::unexpected("its Arrow message is malformed");
  const auto version = message->Scalar<int16_t>(kVersion, 0);
  const auto type = message->Scalar<uint8_t>(kHeaderType, 0);
  const auto body_length = message->Scalar<int64_t>(kBodyLength, 0);
  const auto at = message->Target(kHeader);
  if (!version || !type || !body_length || !at) {
    return std::unexpected("its Arrow message is malformed");
  }
  if (*version != kMetadataV4 && *version != kMetadataV5) {
    return std::unexpected("its Arrow metadata version is not V4 or V5");
  }
  if (*type != kRecordBatchHeader || *at == 0) {
    return std::unexpected("its Arrow message is not a RecordBatch");
  }
  const auto table = message->Child(*at);
  if (!table) return std::unexpected("its Arrow RecordBatch is malformed");
  return RecordBatchTable{*table, *body_length};
}

}  // namespace

Parsed<ArrowMessageView> ReadArrowMessage(ByteView head, ByteView payload) {
  if (head.size() < kArrowPrefixBytes) return std::unexpected("its Arrow message is cut off");
  if (LoadLittle<uint32_t>(head.data()) != kContinuation) {
    return std::unexpected("its Arrow message lacks the continuation marker");
  }
  const auto metadata_size = LoadLittle<int32_t>(head.data() + 4);
  const ByteView rest = head.subspan(kArrowPrefixBytes);
  if (metadata_size <= 0 || static_cast<uint32_t>(metadata_size) > rest.size()) {
    return std::unexpected("its Arrow metadata size does not fit the batch");
  }
  const auto metadata_bytes = static_cast<size_t>(metadata_size);
  const Parsed<RecordBatchTable> found = FindRecordBatch(rest.first(metadata_bytes));
  if (!found) return std::unexpected(found.error());

  const auto rows = found->table.Scalar<int64_t>(kLength, 0);
  const auto nodes = found->table.Structs(kNodes);
  const auto buffers = found->table.Structs(kBuffers);
  if (!rows) return std::unexpected("its Arrow RecordBatch is malformed");
  if (!nodes) return std::unexpected("its Arrow field nodes do not lie in the metadata");
  if (!buffers) return std::unexpected("its Arrow buffers do not lie in the metadata");
  const Parsed<BodyCodec> codec = ReadCodec(found->table);
  if (!codec) return std::unexpected(codec.error());

  ArrowMessageView view;
  view.nodes_ = nodes->data();
  view.node_count_ = nodes->size() / kStructBytes;
  view.buffers_ = buffers->data();
  view.buffer_count_ = buffers->size() / kStructBytes;
  view.row_count_ = *rows;
  view.body_length_ = found->body_length;
  view.codec_ = *codec;
  view.body_ = payload.subspan(kArrowPrefixBytes + metadata_bytes);
  return view;
}

Parsed<ArrowRecords> ReadArrowRecords(ByteView batch, const BatchHeader& header) {
  return ReadArrowRecords(batch, batch, header);
}

Parsed<ArrowRecords> ReadArrowRecords(ByteView head, ByteView batch, const BatchHeader& header) {
  STROM_CHECK(batch.size() >= header.size_bytes);
  head = head.first(std::min<size_t>(head.size(), header.size_bytes));
  size_t at = header.records_position();
  ArrowRecords records;
  const int64_t count = header.append_only() ? 0 : header.record_count;
  if (count < 0 || at + static_cast<size_t>(count) > head.size()) {
    return std::unexpected("its change types do not fit the batch");
  }
  records.change_types = head.subspan(at, static_cast<size_t>(count));
  at += records.change_types.size();
  Parsed<ArrowMessageView> message =
      ReadArrowMessage(head.subspan(at), batch.subspan(at, header.size_bytes - at));
  if (!message) return std::unexpected(message.error());
  records.message = *message;
  return records;
}

namespace {

// The metadata that the writer emits, all positions from its start:
//    0 uint32 position of the Message
//    4 vtable of Message: sizes 12, 20; version at 16, header type 18, header 12, bodyLength 4
//   16 unused
//   20 Message: int32 distance to its vtable
//   24   int64 bodyLength
//   32   uint32 distance to RecordBatch
//   36   int16 version, uint8 header type, unused
//   40 vtable of RecordBatch: sizes 12, table; length 4, nodes 12, buffers 16, compression 20 or 0
//   52 RecordBatch: int32 distance to its vtable
//   56   int64 length
//   64   uint32 distance to nodes
//   68   uint32 distance to buffers
//   72   uint32 distance to compression, or unused
//   without compression:          76 uint32 node count, 80 nodes
//   with it: 76 vtable of BodyCompression: sizes 8, 6; codec 4, method 5
//            84 BodyCompression: int32 distance to its vtable, int8 codec, int8 method, unused
//            92 uint32 node count, 96 nodes
//   behind the nodes: 4 unused, uint32 buffer count, buffers
constexpr size_t kNodeCountAt = 76;
constexpr size_t kNodeCountAtCompressed = 92;
constexpr size_t kBodyLengthAt = 24;

using Head = std::array<uint8_t, kNodeCountAtCompressed>;

constexpr void Put16(Head& head, size_t at, uint16_t value) {
  head[at] = static_cast<uint8_t>(value);
  head[at + 1] = static_cast<uint8_t>(value >> 8);
}

constexpr Head MakeHead(bool compressed) {
  Head head{};
  head[0] = 20;
  for (size_t i = 0; const uint16_t entry : {12, 20, 16, 18, 12, 4})
    Put16(head, 4 + 2 * i++, entry);
  head[20] = 20 - 4;
  head[32] = 52 - 32;
  Put16(head, 36, kMetadataV5);
  head[38] = kRecordBatchHeader;
  const uint16_t table_bytes = compressed ? 24 : 20;
  const uint16_t compression_at = compressed ? 20 : 0;
  for (size_t i = 0; const uint16_t entry : {uint16_t{12}, table_bytes, uint16_t{4}, uint16_t{12},
                                             uint16_t{16}, compression_at}) {
    Put16(head, 40 + 2 * i++, entry);
  }
  head[52] = 52 - 40;
  if (compressed) {
    head[72] = 84 - 72;
    for (size_t i = 0; const uint16_t entry : {8, 6, 4, 5})
      Put16(head, 76 + 2 * i++, entry);
    head[84] = 84 - 76;
  }
  return head;
}

constexpr Head kPlainHead = MakeHead(false);
constexpr Head kCompressedHead = MakeHead(true);

constexpr size_t NodeCountAt(BodyCodec codec) {
  return codec == BodyCodec::kNone ? kNodeCountAt : kNodeCountAtCompressed;
}

}  // namespace

size_t ArrowMessageBytes(size_t node_count, size_t buffer_count, BodyCodec codec) {
  return kArrowPrefixBytes + NodeCountAt(codec) + 4 + node_count * kStructBytes + 8 +
         buffer_count * kStructBytes;
}

ArrowMessageWriter::ArrowMessageWriter(uint8_t* out, size_t node_count, size_t buffer_count,
                                       BodyCodec codec, int64_t row_count)
    : metadata_(out + kArrowPrefixBytes) {
  const size_t count_at = NodeCountAt(codec);
  const size_t total = ArrowMessageBytes(node_count, buffer_count, codec);
  STROM_CHECK(total % 8 == 0 && total <= INT32_MAX);
  StoreLittle(out, kContinuation);
  StoreLittle(out + 4, static_cast<int32_t>(total - kArrowPrefixBytes));

  const Head& head = codec == BodyCodec::kNone ? kPlainHead : kCompressedHead;
  std::memcpy(metadata_, head.data(), count_at);
  if (codec != BodyCodec::kNone) StoreLittle(metadata_ + 88, static_cast<int8_t>(codec));
  StoreLittle(metadata_ + 56, row_count);

  node_ = metadata_ + count_at + 4;
  nodes_end_ = node_ + node_count * kStructBytes;
  uint8_t* buffer_count_at = node_ + node_count * kStructBytes + 4;
  StoreLittle(buffer_count_at - 4, uint32_t{0});
  buffer_ = buffer_count_at + 4;
  buffers_end_ = buffer_ + buffer_count * kStructBytes;
  StoreLittle(metadata_ + count_at, static_cast<uint32_t>(node_count));
  StoreLittle(buffer_count_at, static_cast<uint32_t>(buffer_count));
  StoreLittle(metadata_ + 64, static_cast<uint32_t>(count_at - 64));
  StoreLittle(metadata_ + 68, static_cast<uint32_t>(buffer_count_at - metadata_ - 68));
}

void ArrowMessageWriter::Finish(int64_t body_length) {
  STROM_CHECK(node_ == nodes_end_ && buffer_ == buffers_end_);
  StoreLittle(metadata_ + kBodyLengthAt, body_length);
}

}  // namespace strom::format
