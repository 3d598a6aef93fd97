#include "format/value_batch.h"

#include <utility>

namespace strom::format {
namespace {

constexpr size_t kMagicAt = 4;
constexpr size_t kRecordCountAt = 5;
constexpr int8_t kMagic = 0;
constexpr size_t kMinRecordBytes = sizeof(int32_t) + kStoredSchemaIdBytes;

std::unexpected<Error> Damaged(std::string_view problem) {
  return Fail(ErrorCode::kCorruptMessage, "The value batch is damaged: {}.", problem);
}

}  // namespace

Result<StoredValue> SplitStoredValue(ByteView value) {
  if (value.size() < kStoredSchemaIdBytes) {
    return Fail(ErrorCode::kKvStorage, "A stored value has {} bytes, less than its schema id.",
                value.size());
  }
  return StoredValue{SchemaId(LoadLittle<int16_t>(value.data())),
                     value.subspan(kStoredSchemaIdBytes)};
}

void AppendStoredValue(SchemaId schema_id, ByteView row, Bytes& out) {
  AppendLittle(out, static_cast<int16_t>(schema_id.value));
  Append(out, row);
}

void ValueBatchBuilder::Add(ByteView stored_value) {
  AppendLittle(bytes_, static_cast<int32_t>(stored_value.size()));
  Append(bytes_, stored_value);
  ++record_count_;
}

Bytes ValueBatchBuilder::Finish() {
  StoreLittle(bytes_.data(), static_cast<int32_t>(bytes_.size() - sizeof(int32_t)));
  StoreLittle(bytes_.data() + kMagicAt, kMagic);
  StoreLittle(bytes_.data() + kRecordCountAt, record_count_);
  Bytes batch = std::exchange(bytes_, {});
  Clear();
  return batch;
}

void ValueBatchBuilder::Clear() {
  bytes_.assign(kValueBatchHeaderBytes, 0);
  record_count_ = 0;
}

Result<std::vector<ByteView>> ParseValueBatch(ByteView bytes) {
  ByteReader in(bytes);
  const auto length = in.Little<int32_t>();
  const auto magic = in.Little<int8_t>();
  const auto count = in.Little<int32_t>();
  if (!count) return Damaged("it is shorter than its header");
  if (*length < 0 || static_cast<size_t>(*length) != bytes.size() - sizeof(int32_t)) {
    return Damaged("its length is not that of its bytes");
  }
  if (*magic != kMagic) return Damaged("its magic is not 0");
  if (*count < 0 || static_cast<size_t>(*count) > in.remaining() / kMinRecordBytes) {
    return Damaged("it cannot hold as many records as it says");
  }
  std::vector<ByteView> values;
  values.reserve(static_cast<size_t>(*count));
  for (int32_t i = 0; i < *count; ++i) {
    const auto value_length = in.Little<int32_t>();
    if (!value_length || *value_length < static_cast<int32_t>(kStoredSchemaIdBytes)) {
      return Damaged("a record is shorter than a schema id");
    }
    const auto value = in.Take(static_cast<uint64_t>(*value_length));
    if (!value) return Damaged("a record ends behind it");
    values.push_back(*value);
  }
  if (!in.done()) return Damaged("bytes follow its last record");
  return values;
}

}  // namespace strom::format
