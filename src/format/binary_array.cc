// BinaryArray and BinaryMap (spec 03, 6), inside all row layouts:
//   array := int32 size, null bits (ceil(size / 32) words of 4 bytes), size slots, pad to 8,
//            variable part
//   map   := int32 bytes of the key array, key array, value array
// Slots of null elements have undefined content. Nested rows follow the enclosing row's layout.
#include "format/row_slots.h"

namespace strom::format {
namespace {

constexpr size_t kSizeBytes = sizeof(int32_t);

size_t NullBytes(uint64_t size) {
  return static_cast<size_t>((size + 31) / 32 * 4);
}

bool DecodeArray(RowFormat format, ByteView array, const DataType& element, DecodeContext& context,
                 ValueList& out) {
  ByteReader in(array);
  const auto size = in.Little<int32_t>();
  if (!size || *size < 0) return context.Fail("an array has no size");
  const auto count = static_cast<size_t>(*size);
  const size_t width = ArraySlotWidth(element);
  const auto nulls = in.Take(NullBytes(count));
  const auto slots = in.Take(uint64_t{count} * width);
  if (!nulls || !slots) return context.Fail("an array is shorter than its size says");
  if (!context.Take(count)) return false;
  const size_t fixed_bytes = std::min(array.size(), (in.position() + 7) / 8 * 8);
  VariablePart part(array, fixed_bytes);
  out.clear();
  out.resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (BitAt(*nulls, i)) continue;
    if (!DecodeSlot(format, slots->data() + i * width, element, part, context, out[i])) {
      return false;
    }
  }
  return true;
}

bool AppendArray(RowFormat format, const DataType& element, const ValueList& items,
                 EncodeContext& context, Bytes& out) {
  const size_t start = out.size();
  const size_t width = ArraySlotWidth(element);
  if (items.size() > (size_t{1} << 31) / 16) return context.Fail("an array is too large");
  AppendLittle(out, static_cast<int32_t>(items.size()));
  const size_t slots = start + kSizeBytes + NullBytes(items.size());
  out.resize(slots + items.size() * width, 0);
  PadTo8(out, start);
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].is_null()) {
      if (!element.nullable) return context.Fail("a NOT NULL element is null");
      SetBit(out, start + kSizeBytes, i);
    } else if (!StoreSlot(format, element, items[i], start, slots + i * width, context, out)) {
      return false;
    }
  }
  return true;
}

bool DecodeMap(RowFormat format, ByteView map, const DataType& type, DecodeContext& context,
               MapValue& out) {
  ByteReader in(map);
  const auto key_bytes = in.Little<int32_t>();
  if (!key_bytes || *key_bytes < 0) return context.Fail("a map has no key array");
  const auto keys = in.Take(static_cast<uint64_t>(*key_bytes));
  if (!keys) return context.Fail("a map is shorter than its key array");
  const ByteView values = map.subspan(in.position());
  if (!DecodeArray(format, *keys, type.children[0], context, out.keys) ||
      !DecodeArray(format, values, type.children[1], context, out.values)) {
    return false;
  }
  if (out.keys.size() != out.values.size()) {
    return context.Fail("a map has more keys than values or fewer");
  }
  return true;
}

bool AppendMap(RowFormat format, const DataType& type, const MapValue& map, EncodeContext& context,
               Bytes& out) {
  if (map.keys.size() != map.values.size()) {
    return context.Fail("a map has more keys than values or fewer");
  }
  const size_t start = out.size();
  AppendLittle(out, int32_t{0});
  if (!AppendArray(format, type.children[0], map.keys, context, out)) return false;
  StoreLittle(out.data() + start, static_cast<int32_t>(out.size() - start - kSizeBytes));
  return AppendArray(format, type.children[1], map.values, context, out);
}

bool HasChildren(const DataType& type) {
  return (type.root == TypeRoot::kArray && type.children.size() == 1) ||
         (type.root == TypeRoot::kMap && type.children.size() == 2);
}

}  // namespace

bool DecodeNested(RowFormat format, ByteView bytes, const DataType& type, DecodeContext& context,
                  Value& out) {
  if (type.root == TypeRoot::kRow) {
    Row row;
    if (!DecodeRowAt(format, bytes, type.children, context, row)) return false;
    out = Value::List(std::move(row));
    return true;
  }
  if (!HasChildren(type)) return context.Fail("the type is not nested");
  if (type.root == TypeRoot::kArray) {
    ValueList items;
    if (!DecodeArray(format, bytes, type.children[0], context, items)) return false;
    out = Value::List(std::move(items));
    return true;
  }
  MapValue map;
  if (!DecodeMap(format, bytes, type, context, map)) return false;
  out = Value::Map(std::move(map));
  return true;
}

bool AppendNested(RowFormat format, const DataType& type, const Value& value,
                  EncodeContext& context, Bytes& out) {
  if (type.root == TypeRoot::kMap) {
    const auto* map = value.As<MapValue>();
    if (map == nullptr || !HasChildren(type)) return context.Fail("the value is no map");
    return AppendMap(format, type, *map, context, out);
  }
  const auto* items = value.As<ValueList>();
  if (items == nullptr) return context.Fail("the value is no list");
  if (type.root == TypeRoot::kRow) {
    return AppendRowAt(format, type.children, *items, context, out);
  }
  if (!HasChildren(type)) return context.Fail("the type is not nested");
  return AppendArray(format, type.children[0], *items, context, out);
}

}  // namespace strom::format
