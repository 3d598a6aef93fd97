#include "metadata/names.h"

#include <algorithm>
#include <array>

namespace strom::metadata {

namespace {

constexpr std::string_view kReservedPrefix = "__";
constexpr std::array<std::string_view, 6> kSystemColumns{
    "__offset", "__timestamp", "__bucket", "_change_type", "_log_offset", "_commit_timestamp"};

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::optional<std::string> ProblemOfNewName(std::string_view name) {
  auto problem = ProblemOfName(name);
  return problem ? problem : ProblemOfPrefix(name);
}

}  // namespace

std::optional<std::string> ProblemOfName(std::string_view name) {
  if (name.empty()) return "the empty string is not allowed";
  if (name == "." || name == "..") return fmt::format("'{}' is not allowed", name);
  if (name.size() > kMaxNameLength) {
    return fmt::format("the length of '{}' is longer than the max allowed length {}", name,
                       kMaxNameLength);
  }
  if (!std::ranges::all_of(name, IsNameByte)) {
    return fmt::format(
        "'{}' contains one or more characters other than ASCII alphanumerics, '_' and '-'", name);
  }
  return std::nullopt;
}

std::optional<std::string> ProblemOfPrefix(std::string_view name) {
  if (!name.starts_with(kReservedPrefix)) return std::nullopt;
  return fmt::format(
      "'{}' is not allowed as prefix, since it is reserved for internal databases/internal "
      "tables/internal partitions in Fluss server",
      kReservedPrefix);
}

Status CheckDatabaseName(std::string_view name) {
  const auto problem = ProblemOfNewName(name);
  if (!problem) return {};
  return Fail(ErrorCode::kInvalidDatabase, "Database name {} is invalid: {}", name, *problem);
}

Status CheckTableName(std::string_view name) {
  const auto problem = ProblemOfNewName(name);
  if (!problem) return {};
  return Fail(ErrorCode::kInvalidTable, "Table name {} is invalid: {}", name, *problem);
}

Status CheckTablePath(const TablePath& path) {
  STROM_TRY_VOID(CheckDatabaseName(path.database));
  return CheckTableName(path.table);
}

Status CheckNewPartitionValue(std::string_view value) {
  const auto problem = ProblemOfNewName(value);
  if (!problem) return {};
  return Fail(ErrorCode::kPartitionSpecInvalid, "The partition value {} is invalid: {}", value,
              *problem);
}

Status CheckExistingPartitionValue(std::string_view value) {
  const auto problem = ProblemOfName(value);
  if (!problem) return {};
  return Fail(ErrorCode::kPartitionSpecInvalid, "The partition value {} is invalid: {}", value,
              *problem);
}

Status CheckProducerId(std::string_view id) {
  const auto problem = ProblemOfName(id);
  if (!problem) return {};
  return Fail(ErrorCode::kInvalidProducerId, "Invalid producer ID '{}': {}", id, *problem);
}

Status CheckLeaseId(std::string_view id) {
  const auto problem = ProblemOfName(id);
  if (!problem) return {};
  return Fail(ErrorCode::kInvalidProducerId, "Invalid lease ID '{}': {}", id, *problem);
}

std::span<const std::string_view> SystemColumns() {
  return kSystemColumns;
}

bool IsSystemColumn(std::string_view name) {
  return std::ranges::find(kSystemColumns, name) != kSystemColumns.end();
}

}  // namespace strom::metadata
