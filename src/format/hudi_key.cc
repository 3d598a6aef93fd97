#include "format/hudi_key.h"

#include "format/java_text.h"
#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr std::string_view kNullText = "__null__";
constexpr std::string_view kEmptyText = "__empty__";
constexpr char32_t kReplacement = 0xfffd;

std::unexpected<Error> CannotEncode(std::string_view problem) {
  return Fail(ErrorCode::kUnknownServerError, "Cannot encode a Hudi key: {}.", problem);
}

// The code point at the start of `text`, which is not empty and loses its bytes.
char32_t TakeCodePoint(std::string_view& text) {
  const auto first = static_cast<uint8_t>(text[0]);
  text.remove_prefix(1);
  if (first < 0x80) return first;
  const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || text.size() < more) return kReplacement;
  char32_t code = first & (0x3f >> more);
  for (size_t i = 0; i < more; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) return kReplacement;
    code = code << 6 | (byte & 0x3f);
  }
  text.remove_prefix(more);
  return code;
}

Result<std::string> TimestampText(const DataType& type, const Value& value) {
  const auto* timestamp = value.As<TimestampValue>();
  if (timestamp == nullptr) return CannotEncode("the value is no timestamp");
  const CivilTime time = CivilTimeOf(*timestamp);
  return type.root == TypeRoot::kTimestamp ? IsoLocalTime(time) : IsoInstant(time);
}

// The hash of a value among several columns.
Result<uint32_t> HashOfColumn(const DataType& type, const Value& value) {
  if (value.is_null()) return 0;
  STROM_TRY(const std::string text, HudiKeyText(type, value));
  if (text == kNullText || text == kEmptyText || text.find(',') != std::string::npos) {
    return CannotEncode("a text of several holds ',' or is one of Hudi's marks");
  }
  return static_cast<uint32_t>(JavaHash(text));
}

Result<uint32_t> HashOfOnlyColumn(const DataType& type, const Value& value) {
  if (value.is_null()) return static_cast<uint32_t>(JavaHash(kNullText));
  STROM_TRY(const std::string text, HudiKeyText(type, value));
  return static_cast<uint32_t>(JavaHash(text));
}

}  // namespace

int32_t JavaHash(std::string_view utf8) {
  uint32_t hash = 0;
  while (!utf8.empty()) {
    const char32_t code = TakeCodePoint(utf8);
    if (code >= 0x10000) {
      hash = hash * 31 + (0xd800 + ((code - 0x10000) >> 10));
      hash = hash * 31 + (0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      hash = hash * 31 + code;
    }
  }
  return static_cast<int32_t>(hash);
}

bool SuitsHudiKey(const DataType& type) {
  switch (type.root) {
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return false;
    default:
      return true;
  }
}

Result<std::string> HudiKeyText(const DataType& type, const Value& value) {
  switch (type.root) {
    case TypeRoot::kChar:
    case TypeRoot::kString:
      if (const auto* text = value.As<std::string>()) return *text;
      break;
    case TypeRoot::kBoolean:
      if (const auto* flag = value.As<bool>()) return std::string(*flag ? "true" : "false");
      break;
    case TypeRoot::kFloat:
      if (const auto* number = value.As<float>()) return JavaText(*number);
      break;
    case TypeRoot::kDouble:
      if (const auto* number = value.As<double>()) return JavaText(*number);
      break;
    case TypeRoot::kDecimal:
      if (const auto* decimal = value.As<DecimalValue>()) {
        return DecimalText(decimal->unscaled, type.scale);
      }
      break;
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return TimestampText(type, value);
    default:
      if (const auto* number = value.As<int64_t>(); number != nullptr && SuitsHudiKey(type)) {
        return fmt::format("{}", *number);
      }
      break;
  }
  return CannotEncode("the value is of another kind than its type");
}

Status AppendHudiKey(RowType types, std::span<const Value> values, Bytes& out) {
  uint32_t hash = 1;
  for (size_t i = 0; i < types.size(); ++i) {
    STROM_TRY(const uint32_t column, types.size() == 1 ? HashOfOnlyColumn(types[i], values[i])
                                                       : HashOfColumn(types[i], values[i]));
    hash = hash * 31 + column;
  }
  AppendBig(out, hash);
  return {};
}

}  // namespace strom::format
