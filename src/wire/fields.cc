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

// Skips to the end of the group `number`; nested groups are counted, not recursed into.
bool FieldReader::SkipGroup(uint32_t number) {
  uint32_t open[kMaxGroupDepth] = {number};
  int depth = 1;
  while (depth > 0) {
    const auto tag = reader_.Varint<uint32_t>();
    if (!tag || (*tag >> 3) == 0) return false;
    tag_ = *tag;
    if (type() == WireType::kStartGroup) {
      if (depth == kMaxGroupDepth) return false;
      open[depth++] = this->number();
    } else if (type() == WireType::kEndGroup) {
      if (open[--depth] != this->number()) return false;
    } else if (!ReadValue()) {
      return false;
    }
  }
  return true;
}

std::unexpected<Error> Malformed(std::string_view message, const FieldReader& fields) {
  return Fail(ErrorCode::kCorruptMessage, "{} is malformed at byte {} of {}.", message,
              fields.position(), fields.size());
}

std::unexpected<Error> TooMany(std::string_view what, size_t limit) {
  return Fail(ErrorCode::kUnknownServerError,
              "The request names more than {} {}; split it into smaller ones.", limit, what);
}

Status AppendInt32s(const FieldReader& fields, size_t limit, std::string_view what,
                    std::vector<int32_t>& out) {
  if (fields.type() == WireType::kVarint) {
    if (out.size() == limit) return TooMany(what, limit);
    out.push_back(fields.Int32());
    return {};
  }
  ByteReader packed(fields.bytes());
  while (!packed.done()) {
    const auto value = packed.Varint<uint64_t>();
    if (!value) {
      return Fail(ErrorCode::kCorruptMessage, "The packed list of {} is malformed.", what);
    }
    if (out.size() == limit) return TooMany(what, limit);
    out.push_back(static_cast<int32_t>(*value));
  }
  return {};
}

}  // namespace strom::wire
