// The properties of a table that the server understands: one table of all `table.*` options (spec
// 06, 5.3) generates checking, alterability, typed access and the page of the documentation.
// Other properties are the user's own and live in TableDescriptor::custom_properties.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "format/lake_format.h"
#include "format/record_batch.h"
#include "format/table_descriptor.h"

namespace strom::metadata {

using format::LakeFormat;

enum class ArrowCompression : uint8_t { kNone, kLz4Frame, kZstd };
enum class KvFormat : uint8_t { kCompacted, kIndexed };
enum class AutoPartitionUnit : uint8_t { kYear, kQuarter, kMonth, kDay, kHour };
enum class MergeEngine : uint8_t { kFirstRow, kVersioned, kAggregation };
enum class DeleteBehavior : uint8_t { kAllow, kIgnore, kDisable };
enum class ChangelogImage : uint8_t { kFull, kWal };

// As the reference spells it: "paimon", "FIRST_ROW", "DAY".
std::string_view TextOf(LakeFormat format);
std::string_view TextOf(MergeEngine engine);
std::string_view TextOf(DeleteBehavior behavior);
std::string_view TextOf(AutoPartitionUnit unit);
std::optional<LakeFormat> ParseLakeFormat(std::string_view text);

// A table's options with their values. Without a value: not given, and the option has no default.
struct TableSettings {
  std::optional<int32_t> replication_factor;  // the server sets it on creation
  format::LogFormat log_format{};
  ArrowCompression arrow_compression{};
  int32_t arrow_zstd_level{};
  std::chrono::milliseconds log_ttl{};  // 0: kept for ever
  std::optional<std::chrono::milliseconds> log_local_ttl;
  int32_t tiered_log_local_segments{};
  KvFormat kv_format{};
  std::optional<int32_t> kv_format_version;  // none: 1
  std::optional<bool> kv_standby_replica_enabled;
  bool auto_partition_enabled{};
  std::optional<std::string> auto_partition_key;
  AutoPartitionUnit auto_partition_unit{};
  std::optional<std::string> auto_partition_time_format;
  std::optional<std::string> auto_partition_time_zone;  // none: the server's; unknown: GMT
  int32_t auto_partition_num_precreate{};
  int32_t auto_partition_num_retention{};  // negative: partitions are never dropped
  bool lake_enabled{};
  bool lake_historical_partition_enabled{};
  std::optional<LakeFormat> lake_format;  // none: the cluster's
  std::chrono::milliseconds lake_freshness{};
  bool lake_auto_compaction{};
  bool lake_auto_expire_snapshot{};
  std::optional<MergeEngine> merge_engine;  // none: last row wins
  std::optional<std::string> version_column;
  DeleteBehavior delete_behavior{};
  ChangelogImage changelog_image{};
  int64_t auto_increment_cache_size{};
  std::optional<std::string> statistics_columns;

  // How long segments stay on this server once they are in remote storage.
  std::chrono::milliseconds local_ttl() const { return log_local_ttl.value_or(log_ttl); }
};

enum class OptionType { kBool, kInt, kLong, kText, kDuration, kEnum };

struct TableOption {
  std::string_view name;
  OptionType type;
  std::optional<std::string_view> default_text;
  bool alterable;                            // by AlterTable
  std::string_view since;                    // the release of the reference that has it
  std::span<const std::string_view> values;  // of kEnum
  std::string_view doc;
  // False when the text is no value of the type.
  bool (*set)(TableSettings& settings, std::string_view text);
};

std::span<const TableOption> TableOptions();
const TableOption* FindTableOption(std::string_view name);  // nullptr: unknown

inline constexpr std::string_view kTableOptionPrefix = "table.";

// Names that error texts and defaulting mention. The table of options is in table_options.cc.
namespace option {
inline constexpr std::string_view kReplicationFactor = "table.replication.factor";
inline constexpr std::string_view kLogTtl = "table.log.ttl";
inline constexpr std::string_view kLogLocalTtl = "table.log.local-ttl";
inline constexpr std::string_view kTieredLogLocalSegments = "table.log.tiered.local-segments";
inline constexpr std::string_view kArrowZstdLevel = "table.log.arrow.compression.zstd.level";
inline constexpr std::string_view kKvFormatVersion = "table.kv.format-version";
inline constexpr std::string_view kKvStandbyReplica = "table.kv.standby-replica.enabled";
inline constexpr std::string_view kAutoPartitionEnabled = "table.auto-partition.enabled";
inline constexpr std::string_view kAutoPartitionKey = "table.auto-partition.key";
inline constexpr std::string_view kAutoPartitionTimeUnit = "table.auto-partition.time-unit";
inline constexpr std::string_view kAutoPartitionTimeFormat = "table.auto-partition.time-format";
inline constexpr std::string_view kAutoPartitionNumPrecreate = "table.auto-partition.num-precreate";
inline constexpr std::string_view kLakeEnabled = "table.datalake.enabled";
inline constexpr std::string_view kLakeFormat = "table.datalake.format";
inline constexpr std::string_view kLakeHistoricalPartition =
    "table.datalake.historical-partition.enabled";
inline constexpr std::string_view kMergeEngine = "table.merge-engine";
inline constexpr std::string_view kVersionColumn = "table.merge-engine.versioned.ver-column";
inline constexpr std::string_view kDeleteBehavior = "table.delete.behavior";
inline constexpr std::string_view kChangelogImage = "table.changelog.image";
inline constexpr std::string_view kStatisticsColumns = "table.statistics.columns";
}  // namespace option

// The settings of a stored table. Unknown properties are passed over; a value that cannot be parsed
// is kInvalidConfig.
Result<TableSettings> ParseTableSettings(const format::Properties& properties);
// For a new table: unknown properties are kInvalidConfig too (spec 06, 5.2, rule 1).
Result<TableSettings> CheckTableProperties(const format::Properties& properties);
// Sets one option. The error (kInvalidConfig) is "Could not parse value 'V' for key 'K'.".
Status SetTableOption(TableSettings& settings, const TableOption& option, std::string_view value);

}  // namespace strom::metadata
