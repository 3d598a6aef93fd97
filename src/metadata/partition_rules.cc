#include <algorithm>

#include "metadata/table_rules.h"
#include "metadata/time_format.h"

namespace strom::metadata {

namespace {

using format::Column;
using format::TypeRoot;

// In the order in which the error text lists them.
constexpr TypeRoot kPartitionKeyTypes[] = {
    TypeRoot::kChar,   TypeRoot::kString,    TypeRoot::kBoolean,     TypeRoot::kBinary,
    TypeRoot::kBytes,  TypeRoot::kTinyInt,   TypeRoot::kSmallInt,    TypeRoot::kInteger,
    TypeRoot::kDate,   TypeRoot::kTime,      TypeRoot::kBigInt,      TypeRoot::kFloat,
    TypeRoot::kDouble, TypeRoot::kTimestamp, TypeRoot::kTimestampLtz};

constexpr std::string_view kDateFormat = "yyyy-MM-dd";

// With several partition keys one must be named, and nothing is created ahead of time.
Status CheckSeveralKeys(const CheckedTable& checked) {
  const auto& keys = checked.table.partition_keys;
  const auto& key = checked.settings.auto_partition_key;
  if (!key) {
    return Fail(ErrorCode::kInvalidTable,
                "Currently, auto partitioned table must set one auto partition key when it has "
                "multiple partition keys. Please set table property '{}'.",
                option::kAutoPartitionKey);
  }
  if (std::ranges::find(keys, *key) == keys.end()) {
    return Fail(
        ErrorCode::kInvalidTable,
        "The specified key for auto partitioned table is not a partition key. Your key '{}' "
        "is not in key list [{}]",
        *key, fmt::join(keys, ", "));
  }
  const int32_t precreate = checked.settings.auto_partition_num_precreate;
  if (precreate > 0) {
    return Fail(ErrorCode::kInvalidTable,
                "For a partitioned table with multiple partition keys, auto pre-create is "
                "unsupported and this value must be set to 0, but is {}",
                precreate);
  }
  return {};
}

Status CheckDateKey(const CheckedTable& checked, const std::string& key) {
  if (checked.settings.auto_partition_unit != AutoPartitionUnit::kDay) {
    return Fail(ErrorCode::kInvalidTable,
                "Table property '{}' must be 'DAY' when auto partition key '{}' has DATE type.",
                option::kAutoPartitionTimeUnit, key);
  }
  if (checked.settings.auto_partition_time_format != kDateFormat) {
    return Fail(ErrorCode::kInvalidTable,
                "Table property '{}' must be '{}' when auto partition key '{}' has DATE type.",
                option::kAutoPartitionTimeFormat, kDateFormat, key);
  }
  return {};
}

}  // namespace

Status CheckHistoricalPartition(const CheckedTable& checked) {
  const TableSettings& settings = checked.settings;
  if (!settings.lake_historical_partition_enabled) return {};
  std::vector<std::string> unmet;
  if (!settings.auto_partition_enabled) {
    unmet.push_back(fmt::format("'{}' must be set to true", option::kAutoPartitionEnabled));
  }
  if (!settings.lake_enabled) {
    unmet.push_back(fmt::format("'{}' must be set to true", option::kLakeEnabled));
  }
  if (settings.lake_format != LakeFormat::kPaimon) {
    const std::string current =
        settings.lake_format ? fmt::format("'{}'", TextOf(*settings.lake_format)) : "not set";
    unmet.push_back(fmt::format("'{}' must be set to '{}' (currently {})", option::kLakeFormat,
                                TextOf(LakeFormat::kPaimon), current));
  }
  if (!checked.has_primary_key()) unmet.emplace_back("the table must define a primary key");
  if (const size_t keys = checked.table.partition_keys.size(); keys != 1) {
    unmet.push_back(
        fmt::format("the table must define exactly one partition key (found {})", keys));
  }
  if (unmet.empty()) return {};
  return Fail(ErrorCode::kInvalidConfig, "'{}' has unmet requirements: {}.",
              option::kLakeHistoricalPartition, fmt::join(unmet, "; "));
}

Status CheckAutoPartitionNeedsKeys(const CheckedTable& checked) {
  if (!checked.settings.auto_partition_enabled || checked.table.partitioned()) return {};
  return Fail(ErrorCode::kInvalidConfig,
              "Currently, auto partition is only supported for partitioned table, please set table "
              "property '{}' to false.",
              option::kAutoPartitionEnabled);
}

Status CheckPartitionKeyTypes(const CheckedTable& checked) {
  for (const auto& key : checked.table.partition_keys) {
    const Column* column = checked.Find(key);
    if (column == nullptr ||
        std::ranges::find(kPartitionKeyTypes, column->type.root) != std::end(kPartitionKeyTypes)) {
      continue;
    }
    std::vector<std::string_view> names;
    for (const TypeRoot root : kPartitionKeyTypes)
      names.push_back(JsonName(root));
    return Fail(ErrorCode::kInvalidTable,
                "Currently, partitioned table supported partition key type are [{}], but got "
                "partition key '{}' with data type {}.",
                fmt::join(names, ", "), key, ToSummaryString(column->type));
  }
  return {};
}

// Also while auto-partitioning is off: it may be switched on later, the format cannot be changed.
Status CheckTimeFormat(const CheckedTable& checked) {
  const auto& pattern = checked.settings.auto_partition_time_format;
  if (!pattern || !checked.table.partitioned()) return {};
  const auto format = TimeFormat::Parse(*pattern, checked.settings.auto_partition_unit);
  if (format) return {};
  return Fail(ErrorCode::kInvalidTable, "Invalid table property '{}': {}",
              option::kAutoPartitionTimeFormat, format.error());
}

Status CheckAutoPartition(const CheckedTable& checked) {
  const auto& keys = checked.table.partition_keys;
  if (!checked.settings.auto_partition_enabled || keys.empty()) return {};
  std::string key = keys[0];
  if (keys.size() > 1) {
    STROM_TRY_VOID(CheckSeveralKeys(checked));
    key = *checked.settings.auto_partition_key;
  }
  const Column* column = checked.Find(key);
  if (column != nullptr && column->type.root == TypeRoot::kDate) return CheckDateKey(checked, key);
  return {};
}

}  // namespace strom::metadata
