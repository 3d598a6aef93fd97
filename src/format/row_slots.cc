#include "format/row_slots.h"

#include <limits>

namespace strom::format {
namespace {

constexpr size_t kMaxInlineBytes = 7;
constexpr uint8_t kInlineFlag = 0x80;

bool DecodeBytes(const uint8_t* slot, VariablePart& part, DecodeContext& context, Value& out) {
  const uint8_t mark = slot[7];
  if ((mark & kInlineFlag) != 0) {
    const size_t length = mark & 0x7f;
    if (length > kMaxInlineBytes) return context.Fail("an inline length is above 7");
    out = Value::Text(AsText(ByteView(slot, length)));
    return true;
  }
  const auto word = LoadLittle<uint64_t>(slot);
  ByteView bytes;
  if (!part.Take(static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word), context, bytes)) {
    return false;
  }
  out = Value::Text(AsText(bytes));
  return true;
}

bool DecodeDecimal(const uint8_t* slot, VariablePart& part, DecodeContext& context, Value& out) {
  const auto word = LoadLittle<uint64_t>(slot);
  ByteView bytes;
  if (!part.Take(static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word), context, bytes)) {
    return false;
  }
  const auto unscaled = ParseDecimalBytes(bytes);
  if (!unscaled) return context.Fail("the decimal has no 1 to 16 bytes");
  out = Value::Decimal(*unscaled);
  return true;
}

bool DecodeTimestamp(const uint8_t* slot, VariablePart& part, DecodeContext& context, Value& out) {
  const auto word = LoadLittle<uint64_t>(slot);
  ByteView bytes;
  if (!part.Take(static_cast<uint32_t>(word >> 32), sizeof(int64_t), context, bytes)) return false;
  out = Value::TimestampOf(LoadLittle<int64_t>(bytes.data()), static_cast<int32_t>(word));
  return true;
}

// Stores the reference to what was appended at `entry_start` and pads it.
bool FinishEntry(size_t start, size_t slot_at, size_t entry_start, uint32_t low_word,
                 EncodeContext& context, Bytes& out) {
  PadTo8(out, start);
  if (out.size() - start > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return context.Fail("the row is larger than 2^31 - 1 bytes");
  }
  StoreLittle(out.data() + slot_at, uint64_t{entry_start - start} << 32 | low_word);
  return true;
}

bool StoreBytes(const Value& value, size_t start, size_t slot_at, EncodeContext& context,
                Bytes& out) {
  ByteView bytes;
  if (!BytesFor(value, context, bytes)) return false;
  if (bytes.size() <= kMaxInlineBytes) {
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<ptrdiff_t>(slot_at));
    out[slot_at + 7] = static_cast<uint8_t>(kInlineFlag | bytes.size());
    return true;
  }
  const size_t entry_start = out.size();
  Append(out, bytes);
  return FinishEntry(start, slot_at, entry_start, static_cast<uint32_t>(bytes.size()), context,
                     out);
}

bool StoreDecimal(const Value& value, size_t start, size_t slot_at, EncodeContext& context,
                  Bytes& out) {
  const auto* decimal = value.As<DecimalValue>();
  if (decimal == nullptr) return context.Fail("the value is no decimal");
  const size_t entry_start = out.size();
  AppendDecimalBytes(decimal->unscaled, out);
  const auto length = static_cast<uint32_t>(out.size() - entry_start);
  out.resize(entry_start + 16, 0);
  return FinishEntry(start, slot_at, entry_start, length, context, out);
}

bool StoreTimestamp(const Value& value, size_t start, size_t slot_at, EncodeContext& context,
                    Bytes& out) {
  const auto* timestamp = value.As<TimestampValue>();
  if (timestamp == nullptr) return context.Fail("the value is no timestamp");
  const size_t entry_start = out.size();
  AppendLittle(out, timestamp->ms);
  return FinishEntry(start, slot_at, entry_start, static_cast<uint32_t>(timestamp->nano_of_ms),
                     context, out);
}

}  // namespace

void PadTo8(Bytes& out, size_t start) {
  out.resize(start + (out.size() - start + 7) / 8 * 8, 0);
}

bool DecodeSlot(RowFormat format, const uint8_t* slot, const DataType& type, VariablePart& part,
                DecodeContext& context, Value& out) {
  switch (type.root) {
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      return DecodeBytes(slot, part, context, out);
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow: {
      const auto word = LoadLittle<uint64_t>(slot);
      ByteView bytes;
      return part.Take(static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word), context,
                       bytes) &&
             DecodeNested(format, bytes, type, context, out);
    }
    case TypeRoot::kDecimal:
      if (!IsCompactDecimal(type)) return DecodeDecimal(slot, part, context, out);
      break;
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      if (!IsCompactTimestamp(type)) return DecodeTimestamp(slot, part, context, out);
      break;
    default:
      break;
  }
  out = LoadFixed(type, slot);
  return true;
}

bool StoreSlot(RowFormat format, const DataType& type, const Value& value, size_t start,
               size_t slot_at, EncodeContext& context, Bytes& out) {
  switch (type.root) {
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      return StoreBytes(value, start, slot_at, context, out);
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow: {
      const size_t entry_start = out.size();
      if (!AppendNested(format, type, value, context, out)) return false;
      return FinishEntry(start, slot_at, entry_start,
                         static_cast<uint32_t>(out.size() - entry_start), context, out);
    }
    case TypeRoot::kDecimal:
      if (!IsCompactDecimal(type)) return StoreDecimal(value, start, slot_at, context, out);
      break;
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      if (!IsCompactTimestamp(type)) return StoreTimestamp(value, start, slot_at, context, out);
      break;
    default:
      break;
  }
  return StoreFixed(type, value, context, out.data() + slot_at);
}

}  // namespace strom::format
