#include "format/partition_name.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "base/check.h"
#include "format/java_text.h"
#include "format/row_parts.h"

namespace strom::format {
namespace {

constexpr int64_t kMsPerDay = 86'400'000;

std::string DateText(const CivilTime& day) {
  return fmt::format("{:04}-{:02}-{:02}", day.year, day.month, day.day);
}

std::string TimestampText(TimestampValue timestamp) {
  const CivilTime time = CivilTimeOf(timestamp);
  std::string fraction = fmt::format("{:09}", time.nano);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fmt::format("{}-{:02}-{:02}-{:02}_{}", DateText(time), time.hour, time.minute, time.second,
                     fraction);
}

std::string TimeText(int64_t ms) {
  return fmt::format("{:02}-{:02}-{:02}_{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                     ms % 1000);
}

template <class T>
std::string FloatingText(T value) {
  if (std::isinf(value)) return value < 0 ? "-Inf" : "Inf";
  std::string text = JavaText(value);
  std::ranges::replace(text, '.', '_');
  return text;
}

// What the value is when it is of the kind that its type holds; empty otherwise.
std::string TextOf(const DataType& type, const Value& value) {
  switch (type.root) {
    case TypeRoot::kBoolean:
      if (const auto* flag = value.As<bool>()) return *flag ? "true" : "false";
      return "";
    case TypeRoot::kFloat:
      if (const auto* number = value.As<float>()) return FloatingText(*number);
      return "";
    case TypeRoot::kDouble:
      if (const auto* number = value.As<double>()) return FloatingText(*number);
      return "";
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      if (const auto* bytes = value.As<std::string>()) return ToHex(AsBytes(*bytes));
      return "";
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      if (const auto* timestamp = value.As<TimestampValue>()) return TimestampText(*timestamp);
      return "";
    default:
      break;
  }
  const auto* number = value.As<int64_t>();
  if (number == nullptr) return "";
  if (type.root == TypeRoot::kDate) return DateText(CivilDayOf(*number));
  if (type.root != TypeRoot::kTime) return fmt::format("{}", *number);
  return *number >= 0 && *number < kMsPerDay ? TimeText(*number) : "";
}

bool CanPartition(const DataType& type) {
  return type.root != TypeRoot::kDecimal && !IsNested(type);
}

}  // namespace

Result<std::string> PartitionValue(const DataType& type, const Value& value) {
  if (type.root == TypeRoot::kString || type.root == TypeRoot::kChar) {
    if (const auto* text = value.As<std::string>()) return *text;
  } else if (CanPartition(type)) {
    std::string text = TextOf(type, value);
    const bool may_be_empty = type.root == TypeRoot::kBinary || type.root == TypeRoot::kBytes;
    if (!text.empty() || (may_be_empty && !value.is_null())) return text;
  }
  return Fail(ErrorCode::kPartitionSpecInvalid, "A value of type {} names no partition.",
              ToSummaryString(type));
}

std::string PartitionName(std::span<const std::string> values) {
  return fmt::format("{}", fmt::join(values, std::string_view(&kPartitionSeparator, 1)));
}

std::string QualifiedPartitionName(std::span<const std::string> keys,
                                   std::span<const std::string> values) {
  STROM_CHECK(keys.size() == values.size());
  std::string name;
  for (size_t i = 0; i < keys.size(); ++i)
    name += fmt::format("{}{}={}", i == 0 ? "" : "/", keys[i], values[i]);
  return name;
}

}  // namespace strom::format
