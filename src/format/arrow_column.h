// One column of an Arrow message while it is built: validity, offsets, values and children of a
// node (spec 02, 3.2). Internal to ArrowBatchBuilder.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "format/data_type.h"
#include "format/value.h"

namespace strom::format {

class ArrowColumn {
 public:
  explicit ArrowColumn(const DataType& type);

  void Clear();
  void AppendNull();
  // nullptr, or what is wrong with the value.
  const char* AppendValue(const DataType& type, const Value& value);

  // A value of a type with ArrowWidth: where its bytes go.
  uint8_t* AppendFixed() {
    MarkValid();
    const size_t at = values_.size();
    values_.resize(at + width_);
    return values_.data() + at;
  }
  void AppendBool(bool value);
  // CHAR, STRING, BYTES. False: the column has 2 GiB already.
  bool AppendText(ByteView bytes);
  size_t width() const { return width_; }

  size_t rows() const { return rows_; }
  size_t null_count() const { return nulls_; }
  // In the order of the message: this node's buffers, then those of the children.
  size_t NodeCount() const;
  size_t BufferCount() const;
  template <class OnNode, class OnBuffer>
  void Visit(OnNode& on_node, OnBuffer& on_buffer) const {
    on_node(rows_, nulls_);
    on_buffer(ByteView(validity_));
    if (has_offsets()) on_buffer(ByteView(offsets_));
    if (kind_ == Kind::kBoolean || kind_ == Kind::kFixed || kind_ == Kind::kText) {
      on_buffer(ByteView(values_));
    }
    for (const ArrowColumn& child : children_)
      child.Visit(on_node, on_buffer);
  }

 private:
  enum class Kind : uint8_t { kBoolean, kFixed, kText, kList, kMap, kStruct };

  bool has_offsets() const {
    return kind_ == Kind::kText || kind_ == Kind::kList || kind_ == Kind::kMap;
  }
  void MarkRow(bool valid) {
    if (rows_ % 8 == 0) validity_.push_back(0);
    if (valid) validity_.back() |= static_cast<uint8_t>(1u << (rows_ % 8));
    ++rows_;
  }
  void MarkValid() { MarkRow(true); }
  void AppendOffset(size_t end) { AppendLittle(offsets_, static_cast<int32_t>(end)); }
  const char* AppendItems(const DataType& type, const ValueList& items);
  const char* AppendEntries(const DataType& type, const MapValue& entries);
  const char* AppendFields(const DataType& type, const ValueList& fields);

  Kind kind_;
  size_t width_ = 0;
  size_t rows_ = 0;
  size_t nulls_ = 0;
  Bytes validity_;
  Bytes offsets_;  // int32 little-endian, rows + 1 of them once there is a row
  Bytes values_;
  std::vector<ArrowColumn> children_;
};

}  // namespace strom::format
