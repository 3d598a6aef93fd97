#include "client/generated_batch.h"

#include "format/arrow_message.h"
#include "format/record_batch.h"

namespace strom::client {
namespace {

// splitmix64: the same values on every machine.
uint64_t Random(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void Pad(Bytes& body) {
  body.resize((body.size() + 7) / 8 * 8);
}

// The buffers of a message, gathered before the metadata that describes them is written.
struct Body {
  Bytes bytes;
  std::vector<format::ArrowBuffer> buffers;

  void Add(ByteView buffer) {
    buffers.push_back({static_cast<int64_t>(bytes.size()), static_cast<int64_t>(buffer.size())});
    Append(bytes, buffer);
    Pad(bytes);
  }
};

void AddNumbers(Body& body, int rows, bool counting, uint64_t& state) {
  Bytes values;
  for (int row = 0; row < rows; ++row) {
    AppendLittle(values,
                 counting ? static_cast<int64_t>(row) : static_cast<int64_t>(Random(state) >> 24));
  }
  body.Add({});  // no nulls
  body.Add(values);
}

void AddTexts(Body& body, int rows, uint64_t& state) {
  Bytes offsets;
  Bytes texts;
  AppendLittle(offsets, int32_t{0});
  for (int row = 0; row < rows; ++row) {
    Append(texts, AsBytes(fmt::format("event {:x}", Random(state) >> 8)));
    AppendLittle(offsets, static_cast<int32_t>(texts.size()));
  }
  body.Add({});
  body.Add(offsets);
  body.Add(texts);
}

}  // namespace

Bytes GenerateBatch(const GeneratedShape& shape) {
  uint64_t state = 1;
  Body body;
  const int numbers = shape.columns / 2;
  for (int column = 0; column < shape.columns; ++column) {
    if (column < numbers) {
      AddNumbers(body, shape.rows, column == 0, state);
    } else {
      AddTexts(body, shape.rows, state);
    }
  }
  const auto nodes = static_cast<size_t>(shape.columns);
  const size_t prefix =
      format::ArrowMessageBytes(nodes, body.buffers.size(), format::BodyCodec::kNone);
  const size_t header_bytes = format::BatchHeaderBytes(0);
  Bytes batch(header_bytes + prefix);
  format::ArrowMessageWriter writer(batch.data() + header_bytes, nodes, body.buffers.size(),
                                    format::BodyCodec::kNone, shape.rows);
  for (size_t i = 0; i < nodes; ++i)
    writer.AddNode({.length = shape.rows, .null_count = 0});
  for (const format::ArrowBuffer& buffer : body.buffers)
    writer.AddBuffer(buffer);
  writer.Finish(static_cast<int64_t>(body.bytes.size()));
  Append(batch, body.bytes);
  format::BatchHeader header{.base_offset = Offset(0),
                             .size_bytes = static_cast<uint32_t>(batch.size()),
                             .header_bytes = static_cast<uint32_t>(header_bytes),
                             .schema_id = shape.schema,
                             .attributes = 1,
                             .last_offset_delta = shape.rows - 1,
                             .record_count = shape.rows};
  format::WriteBatchHeader(batch, header);
  format::SetBatchCrc(batch, header);
  return batch;
}

int RowsForBytes(int columns, size_t bytes) {
  constexpr int kSample = 1000;
  const size_t sample = GenerateBatch({.columns = columns, .rows = kSample}).size();
  const size_t none = GenerateBatch({.columns = columns, .rows = 1}).size();
  const double row_bytes = static_cast<double>(sample - none) / (kSample - 1);
  if (bytes <= none) return 1;
  return 1 + static_cast<int>(static_cast<double>(bytes - none) / row_bytes);
}

std::string GeneratedTable(int columns, int buckets) {
  std::string fields;
  for (int column = 0; column < columns; ++column) {
    const bool number = column < columns / 2;
    fields +=
        fmt::format(R"({}{{"name":"{}{}","data_type":{{"type":"{}"}},"id":{}}})",
                    column == 0 ? "" : ",", number ? "number" : "text",
                    number ? column : column - columns / 2, number ? "BIGINT" : "STRING", column);
  }
  return fmt::format(
      R"({{"version":1,"schema":{{"version":1,"columns":[{}],"highest_field_id":{}}},)"
      R"("partition_key":[],"bucket_key":[],"bucket_count":{},)"
      R"("properties":{{"table.log.arrow.compression.type":"NONE"}},"custom_properties":{{}}}})",
      fields, columns - 1, buckets);
}

}  // namespace strom::client
