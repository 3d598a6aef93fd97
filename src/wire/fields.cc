#include "wire/fields.h"

namespace strom::wire {

bool FieldReader::Next() {
  if (failed_ || reader_.done()) return false;
  const auto tag = reader_.Varint<uint32_t>();
  if (!tag || (*tag >> 3) == 0) {
    failed_ = true;
    return false;
  }
  tag_ = *tag;
  if (type() == WireType::kStartGroup) {
    if (SkipGroup(number())) return Next();
    failed_ = true;
    return false;
  }
  failed_ = !ReadValue();
  return !failed_;
}

bool FieldReader::ReadValue() {
  switch (type()) {
    case WireType::kVarint: {
      const auto value = reader_.Varint<uint64_t>();
      value_ = value.value_or(0);
      return value.has_value();
    }
    case WireType::kFixed64: {
      const auto value = reader_.Little<uint64_t>();
      value_ = value.value_or(0);
      return value.has_value();
    }
    case WireType::kFixed32: {
      const auto value = reader_.Little<uint32_t>();
      value_ = value.value_or(0);
      return value.has_value();
    }
    case WireType::kBytes: {
      const auto size = reader_.Varint<uint32_t>();
      if (!size) return false;
      const auto view = reader_.Take(*size);
      if (!view) return false;
      bytes_ = *view;
      return true;
    }
    default:
      return false;
  }
}

