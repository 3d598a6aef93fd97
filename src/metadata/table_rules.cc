#include "metadata/table_rules.h"

#include "base/value_syntax.h"
#include "metadata/names.h"

namespace strom::metadata {

namespace {

using format::Column;
using format::TypeRoot;

Status CheckMaxBuckets(const CheckedTable& checked) {
  const int32_t count = checked.table.bucket_count.value_or(0);
  if (count <= checked.cluster.max_bucket_num) return {};
  return Fail(ErrorCode::kBucketMaxNum,
              "Bucket count {} exceeds the maximum limit {} for a non-partitioned table or "
              "partition.",
              count, checked.cluster.max_bucket_num);
}

bool IsNested(TypeRoot root) {
  return root == TypeRoot::kArray || root == TypeRoot::kMap || root == TypeRoot::kRow;
}

Status CheckBucketKeyTypes(const CheckedTable& checked) {
  for (const auto& key : checked.table.bucket_keys) {
    const Column* column = checked.Find(key);
    if (column == nullptr || !IsNested(column->type.root)) continue;
    return Fail(ErrorCode::kInvalidTable,
                "Bucket key column '{}' has unsupported data type {}. Currently, bucket key column "
                "does not support types: [ARRAY, MAP, ROW].",
                key, ToSummaryString(column->type));
  }
  return {};
}

Status CheckPrimaryKeyTypes(const CheckedTable& checked) {
  for (const auto& key : checked.table.schema.primary_key) {
    const Column* column = checked.Find(key);
    if (column == nullptr || !IsNested(column->type.root)) continue;
    return Fail(ErrorCode::kInvalidTable,
                "Primary key column '{}' has unsupported data type {}. Currently, primary key "
                "column does not support types: [ARRAY, MAP, ROW].",
                key, ToSummaryString(column->type));
  }
  return {};
}

Status CheckReplication(const CheckedTable& checked) {
  if (checked.settings.replication_factor.value_or(1) >= 1) return {};
  return Fail(ErrorCode::kInvalidConfig, "'{}' must be greater than 0.",
              option::kReplicationFactor);
}

Status CheckFormats(const CheckedTable& checked) {
  if (checked.has_primary_key() && checked.settings.kv_format == KvFormat::kCompacted &&
      checked.settings.log_format == format::LogFormat::kIndexed) {
    return Fail(
        ErrorCode::kInvalidConfig,
        "Currently, Primary Key Table supports ARROW or COMPACTED log format when kv format "
        "is COMPACTED.");
  }
  return {};
}

Status CheckZstdLevel(const CheckedTable& checked) {
  constexpr int32_t kMin = 1;
  constexpr int32_t kMax = 22;
  const int32_t level = checked.settings.arrow_zstd_level;
  if (level >= kMin && level <= kMax) return {};
  return Fail(ErrorCode::kInvalidConfig,
              "Invalid ZSTD compression level: {}. Expected a value between {} and {}.", level,
              kMin, kMax);
}

Status CheckDeleteBehavior(const CheckedTable& checked) {
  if (checked.Given(option::kDeleteBehavior) && !checked.has_primary_key()) {
    return Fail(ErrorCode::kInvalidConfig,
                "The '{}' configuration is only supported for primary key tables.",
                option::kDeleteBehavior);
  }
  const auto engine = checked.settings.merge_engine;
  const bool cannot_delete = engine == MergeEngine::kFirstRow || engine == MergeEngine::kVersioned;
  if (cannot_delete && checked.settings.delete_behavior == DeleteBehavior::kAllow) {
    return Fail(ErrorCode::kInvalidConfig,
                "Table with '{}' merge engine does not support delete operations. The '{}' config "
                "must be set to 'ignore' or 'disable', but got 'allow'.",
                TextOf(*engine), option::kDeleteBehavior);
  }
  return {};
}

Status CheckTiering(const CheckedTable& checked) {
  const TableSettings& settings = checked.settings;
  if (settings.tiered_log_local_segments < 1) {
    return Fail(ErrorCode::kInvalidConfig, "'{}' must be greater than 0.",
                option::kTieredLogLocalSegments);
  }
  const auto ttl = settings.log_ttl.count();
  const auto local_ttl = settings.local_ttl().count();
  if (ttl > 0 && local_ttl > 0 && local_ttl > ttl) {
    return Fail(ErrorCode::kInvalidConfig, "'{}' must be less than or equal to '{}'.",
                option::kLogLocalTtl, option::kLogTtl);
  }
  return {};
}

Status CheckNoSystemColumns(const CheckedTable& checked) {
  return CheckSystemColumns(checked.table.schema.columns);
}

Status CheckLakeFormat(const CheckedTable& checked) {
  const auto format = checked.settings.lake_format;
  const auto cluster = checked.cluster.datalake_format;
  if (!checked.settings.lake_enabled || !format || !cluster || format == cluster) return {};
  return Fail(ErrorCode::kInvalidConfig,
              "'{}' ('{}') must match cluster 'datalake.format' ('{}') when '{}' is enabled.",
              option::kLakeFormat, TextOf(*format), TextOf(*cluster), option::kLakeEnabled);
}

bool HasStatistics(TypeRoot root) {
  return !IsNested(root) && root != TypeRoot::kBinary && root != TypeRoot::kBytes;
}

constexpr TableRule kRules[] = {
    CheckMaxBuckets,
    CheckBucketKeyTypes,
    CheckPrimaryKeyTypes,
    CheckReplication,
    CheckFormats,
    CheckZstdLevel,
    CheckMergeEngine,
    CheckDeleteBehavior,
    CheckTiering,
    CheckHistoricalPartition,
    CheckAutoPartitionNeedsKeys,
    CheckPartitionKeyTypes,
    CheckTimeFormat,
    CheckAutoPartition,
    CheckNoSystemColumns,
    CheckStatisticsColumns,
    CheckLakeFormat,
};

}  // namespace

CheckedTable::CheckedTable(const format::TableDescriptor& descriptor,
                           const TableSettings& table_settings,
                           const ClusterSettings& cluster_settings)
    : table(descriptor), settings(table_settings), cluster(cluster_settings) {
  for (const Column& column : table.schema.columns)
    columns_.emplace(column.name, &column);
}

const Column* CheckedTable::Find(std::string_view column) const {
  const auto found = columns_.find(column);
  return found == columns_.end() ? nullptr : found->second;
}

bool CheckedTable::Given(std::string_view property) const {
  return table.properties.contains(std::string(property));
}

std::span<const TableRule> TableRules() {
  return kRules;
}

Status CheckSystemColumns(const std::vector<Column>& columns) {
  std::vector<std::string_view> found;
  for (const Column& column : columns) {
    if (IsSystemColumn(column.name)) found.push_back(column.name);
  }
  if (found.empty()) return {};
  return Fail(
      ErrorCode::kInvalidTable,
      "{} cannot be used as column names, because they are reserved system columns in "
      "Fluss. Please use other names for these columns. The reserved system columns are: {}",
      fmt::join(found, ", "), fmt::join(SystemColumns(), ", "));
}

Status CheckStatisticsColumns(const CheckedTable& checked) {
  const auto& text = checked.settings.statistics_columns;
  if (!text) return {};
  if (checked.has_primary_key()) {
    return Fail(ErrorCode::kInvalidConfig,
                "Statistics columns are not supported for primary key tables. Please remove the "
                "'{}' property.",
                option::kStatisticsColumns);
  }
  if (TrimSpaces(*text) == "*") return {};
  const auto names = ParseList(*text);
  if (names.empty()) {
    return Fail(ErrorCode::kInvalidConfig,
                "Statistics columns configuration cannot be empty. Use '*' to collect statistics "
                "for all supported columns, or remove the property to disable statistics "
                "collection.");
  }
  for (const auto& name : names) {
    const Column* column = checked.Find(name);
    if (column == nullptr) {
      return Fail(ErrorCode::kInvalidConfig,
                  "Column '{}' specified in statistics collection does not exist in table schema",
                  name);
    }
    if (!HasStatistics(column->type.root)) {
      return Fail(ErrorCode::kInvalidConfig,
                  "Column '{}' of type '{}' is not supported for statistics collection. Supported "
                  "types are: BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, FLOAT, DOUBLE, STRING, "
                  "CHAR, DECIMAL, DATE, TIME, TIMESTAMP, and TIMESTAMP_LTZ.",
                  name, ToSummaryString(column->type));
    }
  }
  return {};
}

}  // namespace strom::metadata
