#include "format/arrow_column.h"

#include <limits>

#include "format/arrow_values.h"

namespace strom::format {
namespace {

constexpr size_t kMaxOffset = static_cast<size_t>(std::numeric_limits<int32_t>::max());
constexpr const char* kTooLong = "a column of the batch passes 2 GiB";
constexpr const char* kWrongKind = "a value is of another kind than its type";

}  // namespace

ArrowColumn::ArrowColumn(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kBoolean:
      kind_ = Kind::kBoolean;
      break;
    case TypeRoot::kChar:
    case TypeRoot::kString:
    case TypeRoot::kBytes:
      kind_ = Kind::kText;
      break;
    case TypeRoot::kArray:
      kind_ = Kind::kList;
      children_.emplace_back(type.children[0]);
      break;
    case TypeRoot::kMap:
      kind_ = Kind::kMap;
      // The list's child is a struct of key and value.
      children_.emplace_back(
          DataType{.root = TypeRoot::kRow, .nullable = false, .children = type.children});
      break;
    case TypeRoot::kRow:
      kind_ = Kind::kStruct;
      for (const DataType& field : type.children)
        children_.emplace_back(field);
      break;
    default:
      kind_ = Kind::kFixed;
      width_ = ArrowWidth(type);
  }
  Clear();
}

void ArrowColumn::Clear() {
  rows_ = nulls_ = 0;
  validity_.clear();
  offsets_.clear();
  values_.clear();
  if (has_offsets()) AppendOffset(0);
  for (ArrowColumn& child : children_)
    child.Clear();
}

size_t ArrowColumn::NodeCount() const {
  size_t count = 1;
  for (const ArrowColumn& child : children_)
    count += child.NodeCount();
  return count;
}

size_t ArrowColumn::BufferCount() const {
  size_t count = 0;
  auto on_node = [](size_t, size_t) {};
  auto on_buffer = [&count](ByteView) { ++count; };
  Visit(on_node, on_buffer);
  return count;
}

void ArrowColumn::AppendNull() {
  if (kind_ == Kind::kBoolean) {
    if (rows_ % 8 == 0) values_.push_back(0);
  } else if (kind_ == Kind::kFixed) {
    values_.resize(values_.size() + width_);
  } else if (kind_ == Kind::kStruct) {
    for (ArrowColumn& child : children_)
      child.AppendNull();
  }
  if (kind_ == Kind::kText) AppendOffset(values_.size());
  if (kind_ == Kind::kList || kind_ == Kind::kMap) AppendOffset(children_[0].rows());
  MarkRow(false);
  ++nulls_;
}

void ArrowColumn::AppendBool(bool value) {
  if (rows_ % 8 == 0) values_.push_back(0);
  if (value) values_.back() |= static_cast<uint8_t>(1u << (rows_ % 8));
  MarkValid();
}

bool ArrowColumn::AppendText(ByteView bytes) {
  if (values_.size() + bytes.size() > kMaxOffset) return false;
  Append(values_, bytes);
  AppendOffset(values_.size());
  MarkValid();
  return true;
}

const char* ArrowColumn::AppendValue(const DataType& type, const Value& value) {
  if (value.is_null()) {
    AppendNull();
    return nullptr;
  }
  switch (kind_) {
    case Kind::kBoolean: {
      const auto* flag = value.As<bool>();
      if (flag == nullptr) return kWrongKind;
      AppendBool(*flag);
      return nullptr;
    }
    case Kind::kFixed:
      return StoreArrowValue(type, value, AppendFixed());
    case Kind::kText: {
      const auto* text = value.As<std::string>();
      if (text == nullptr) return kWrongKind;
      return AppendText(AsBytes(*text)) ? nullptr : kTooLong;
    }
    case Kind::kList: {
      const auto* items = value.As<ValueList>();
      return items == nullptr ? kWrongKind : AppendItems(type, *items);
    }
    case Kind::kMap: {
      const auto* entries = value.As<MapValue>();
      return entries == nullptr ? kWrongKind : AppendEntries(type, *entries);
    }
    case Kind::kStruct: {
      const auto* fields = value.As<ValueList>();
      return fields == nullptr ? kWrongKind : AppendFields(type, *fields);
    }
  }
  return kWrongKind;
}

const char* ArrowColumn::AppendItems(const DataType& type, const ValueList& items) {
  for (const Value& item : items) {
    if (const char* problem = children_[0].AppendValue(type.children[0], item)) return problem;
  }
  if (children_[0].rows() > kMaxOffset) return kTooLong;
  AppendOffset(children_[0].rows());
  MarkValid();
  return nullptr;
}

const char* ArrowColumn::AppendEntries(const DataType& type, const MapValue& entries) {
  if (entries.keys.size() != entries.values.size()) return kWrongKind;
  ArrowColumn& pairs = children_[0];
  for (size_t i = 0; i < entries.keys.size(); ++i) {
    const char* problem = pairs.children_[0].AppendValue(type.children[0], entries.keys[i]);
    if (problem == nullptr) {
      problem = pairs.children_[1].AppendValue(type.children[1], entries.values[i]);
    }
    if (problem != nullptr) return problem;
    pairs.MarkValid();
  }
  if (pairs.rows() > kMaxOffset) return kTooLong;
  AppendOffset(pairs.rows());
  MarkValid();
  return nullptr;
}

const char* ArrowColumn::AppendFields(const DataType& type, const ValueList& fields) {
  if (fields.size() != children_.size()) return kWrongKind;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (const char* problem = children_[i].AppendValue(type.children[i], fields[i])) return problem;
  }
  MarkValid();
  return nullptr;
}

}  // namespace strom::format
