#include "format/row_check.h"

namespace strom::format {
namespace {

constexpr const char* kCutOff = "the row ends inside the field";

bool CheckNested(RowFormat format, ByteView bytes, const DataType& type, DecodeContext& context) {
  Value value;
  return DecodeNested(format, bytes, type, context, value);
}

bool CheckNull(const DataType& type, DecodeContext& context) {
  return type.nullable || context.Fail("a NOT NULL field is null");
}

bool CheckCompacted(ByteView row, RowType types, DecodeContext& context) {
  const size_t null_bytes = (types.size() + 7) / 8;
  if (row.size() < null_bytes) return context.Fail("the row is shorter than its null bitmap");
  CompactedSkipper fields(row.subspan(null_bytes));
  for (size_t i = 0; i < types.size(); ++i) {
    if (BitAt(row, i)) {
      if (!CheckNull(types[i], context)) return false;
      continue;
    }
    if (!fields.Skip(types[i])) return context.Fail(fields.problem());
    if (IsNested(types[i]) &&
        !CheckNested(RowFormat::kCompacted, fields.content(), types[i], context)) {
      return false;
    }
  }
  return true;
}

bool CheckIndexedVariable(ByteView bytes, const DataType& type, DecodeContext& context) {
  if (type.root == TypeRoot::kDecimal) {
    return (!bytes.empty() && bytes.size() <= 16) ||
           context.Fail("the decimal has no 1 to 16 bytes");
  }
  return !IsNested(type) || CheckNested(RowFormat::kIndexed, bytes, type, context);
}

bool CheckIndexed(ByteView row, RowType types, DecodeContext& context) {
  ByteReader values(row);
  const auto nulls = values.Take((types.size() + 7) / 8);
  const auto length_area = values.Take(CountIndexedVariable(types) * sizeof(int32_t));
  if (!nulls || !length_area) return context.Fail("the row is shorter than its fixed part");
  ByteReader lengths(*length_area);
  for (size_t i = 0; i < types.size(); ++i) {
    if (BitAt(*nulls, i)) {
      if (!CheckNull(types[i], context)) return false;
      continue;
    }
    if (!IsIndexedVariable(types[i])) {
      if (!values.Take(IndexedFixedBytes(types[i]))) return context.Fail(kCutOff);
      continue;
    }
    const auto length = lengths.Little<int32_t>();
    if (!length || *length < 0) return context.Fail("a length is negative");
    const auto bytes = values.Take(static_cast<uint64_t>(*length));
    if (!bytes) return context.Fail(kCutOff);
    if (!CheckIndexedVariable(*bytes, types[i], context)) return false;
  }
  return true;
}

}  // namespace

bool CompactedSkipper::SkipVarint(size_t max_bytes, uint8_t max_last) {
  for (size_t i = 1; i <= max_bytes; ++i) {
    const auto byte = in_.Little<uint8_t>();
    if (!byte) return Stop("a varint is cut off");
    if ((*byte & 0x80) != 0) continue;
    if (i == max_bytes && *byte > max_last) break;
    if (i > 1 && *byte == 0) canonical_ = false;
    return true;
  }
  return Stop("a varint is wider than its type");
}

bool CompactedSkipper::TakeSized() {
  ByteReader length(in_);
  if (!SkipVarint32()) return false;
  const auto bytes = in_.Take(*length.Varint<uint32_t>());
  if (!bytes) return Stop(kCutOff);
  content_ = *bytes;
  return true;
}

bool CompactedSkipper::SkipDecimal(const DataType& type) {
  if (IsCompactDecimal(type)) return SkipVarint64();
  if (!TakeSized()) return false;
  if (content_.empty() || content_.size() > 16) return Stop("the decimal has no 1 to 16 bytes");
  if (content_.size() > 1 &&
      ((content_[0] == 0 && content_[1] < 0x80) || (content_[0] == 0xff && content_[1] >= 0x80))) {
    canonical_ = false;
  }
  return true;
}

bool CompactedSkipper::SkipContent(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kDate:
    case TypeRoot::kTime:
      return SkipVarint32();
    case TypeRoot::kBigInt:
      return SkipVarint64();
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return TakeSized();
    case TypeRoot::kDecimal:
      return SkipDecimal(type);
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return SkipVarint64() && (IsCompactTimestamp(type) || SkipVarint32());
    default: {
      const auto bytes = in_.Take(FixedWidth(type));
      if (!bytes) return Stop(kCutOff);
      if (type.root == TypeRoot::kBoolean && (*bytes)[0] > 1) canonical_ = false;
      return true;
    }
  }
}

bool CompactedSkipper::Skip(const DataType& type) {
  canonical_ = true;
  const ByteReader start = in_;
  if (!SkipContent(type)) return false;
  ByteReader field = start;
  field_ = *field.Take(in_.position() - start.position());
  return true;
}

Status CheckRow(RowFormat format, ByteView row, RowType types) {
  if (format == RowFormat::kAligned) {
    STROM_TRY([[maybe_unused]] const Row decoded, DecodeRow(format, row, types));
    return {};
  }
  DecodeContext context;
  const bool ok = context.Take(types.size()) &&
                  (format == RowFormat::kCompacted ? CheckCompacted(row, types, context)
                                                   : CheckIndexed(row, types, context));
  if (ok) return {};
  return Fail(ErrorCode::kCorruptRecord, "Cannot decode a row of {} fields ({}): {}.", types.size(),
              format == RowFormat::kCompacted ? "compacted" : "indexed", context.problem);
}

}  // namespace strom::format
