#include "metadata/table_options.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/check.h"
#include "base/value_syntax.h"

namespace strom::metadata {

namespace {

using std::chrono::milliseconds;
using Texts = std::span<const std::string_view>;

// The texts of an enum's values, in the order of the enum.
constexpr std::string_view kLogFormats[] = {"ARROW", "INDEXED", "COMPACTED"};
constexpr std::string_view kArrowCompressions[] = {"NONE", "LZ4_FRAME", "ZSTD"};
constexpr std::string_view kKvFormats[] = {"COMPACTED", "INDEXED"};
constexpr std::string_view kUnits[] = {"YEAR", "QUARTER", "MONTH", "DAY", "HOUR"};
constexpr std::string_view kLakeFormats[] = {"paimon", "lance", "iceberg", "hudi"};
constexpr std::string_view kMergeEngines[] = {"FIRST_ROW", "VERSIONED", "AGGREGATION"};
constexpr std::string_view kDeleteBehaviors[] = {"ALLOW", "IGNORE", "DISABLE"};
constexpr std::string_view kChangelogImages[] = {"FULL", "WAL"};

template <class T>
struct ValueKind;  // type, texts, Parse

template <>
struct ValueKind<bool> {
  static constexpr OptionType kType = OptionType::kBool;
  static constexpr Texts kTexts{};
  static std::optional<bool> Parse(std::string_view text) { return ParseBool(text); }
};
template <>
struct ValueKind<int32_t> {
  static constexpr OptionType kType = OptionType::kInt;
  static constexpr Texts kTexts{};
  static std::optional<int32_t> Parse(std::string_view text) { return ParseInt32(text); }
};
template <>
struct ValueKind<int64_t> {
  static constexpr OptionType kType = OptionType::kLong;
  static constexpr Texts kTexts{};
  static std::optional<int64_t> Parse(std::string_view text) { return ParseInt64(text); }
};
template <>
struct ValueKind<std::string> {
  static constexpr OptionType kType = OptionType::kText;
  static constexpr Texts kTexts{};
  static std::optional<std::string> Parse(std::string_view text) { return std::string(text); }
};
template <>
struct ValueKind<milliseconds> {
  static constexpr OptionType kType = OptionType::kDuration;
  static constexpr Texts kTexts{};
  static std::optional<milliseconds> Parse(std::string_view text) {
    const auto duration = ParseDuration(text);
    if (!duration) return std::nullopt;
    return std::chrono::duration_cast<milliseconds>(*duration);
  }
};

template <class E, const auto& kNames>
struct EnumKind {
  static constexpr OptionType kType = OptionType::kEnum;
  static constexpr Texts kTexts{kNames};
  static std::optional<E> Parse(std::string_view text) {
    const auto index = FindIgnoringCase(kTexts, text);
    if (!index) return std::nullopt;
    return static_cast<E>(*index);
  }
};
template <>
struct ValueKind<format::LogFormat> : EnumKind<format::LogFormat, kLogFormats> {};
template <>
struct ValueKind<ArrowCompression> : EnumKind<ArrowCompression, kArrowCompressions> {};
template <>
struct ValueKind<KvFormat> : EnumKind<KvFormat, kKvFormats> {};
template <>
struct ValueKind<AutoPartitionUnit> : EnumKind<AutoPartitionUnit, kUnits> {};
template <>
struct ValueKind<LakeFormat> : EnumKind<LakeFormat, kLakeFormats> {};
template <>
struct ValueKind<MergeEngine> : EnumKind<MergeEngine, kMergeEngines> {};
template <>
struct ValueKind<DeleteBehavior> : EnumKind<DeleteBehavior, kDeleteBehaviors> {};
template <>
struct ValueKind<ChangelogImage> : EnumKind<ChangelogImage, kChangelogImages> {};

template <class T>
struct WithoutOptional {
  using type = T;
};
template <class T>
struct WithoutOptional<std::optional<T>> {
  using type = T;
};
template <auto kMember>
using KindOf = ValueKind<typename WithoutOptional<
    std::remove_cvref_t<decltype(std::declval<TableSettings&>().*kMember)>>::type>;

template <auto kMember>
bool Set(TableSettings& settings, std::string_view text) {
  auto value = KindOf<kMember>::Parse(text);
  if (!value) return false;
  settings.*kMember = *std::move(value);
  return true;
}

enum class Alter { kNo, kYes };

template <auto kMember>
constexpr TableOption Row(std::string_view name, std::optional<std::string_view> default_text,
                          Alter alter, std::string_view since, std::string_view doc) {
  using Kind = KindOf<kMember>;
  return {name,  Kind::kType,  default_text, alter == Alter::kYes,
          since, Kind::kTexts, doc,          &Set<kMember>};
}

constexpr std::nullopt_t kNone = std::nullopt;
using S = TableSettings;

// clang-format off
constexpr auto kOptions = std::to_array<TableOption>({
    Row<&S::replication_factor>(option::kReplicationFactor, kNone, Alter::kNo, "0.9.1",
        "Copies of every bucket, 1 up to the number of tablet servers. Set by the server when "
        "absent (default.replication.factor)."),
    Row<&S::log_format>("table.log.format", "ARROW", Alter::kNo, "0.9.1",
        "How records lie in the log. Column projection needs ARROW."),
    Row<&S::arrow_compression>("table.log.arrow.compression.type", "ZSTD", Alter::kNo, "0.9.1",
        "How clients compress the columns of ARROW batches."),
    Row<&S::arrow_zstd_level>(option::kArrowZstdLevel, "3", Alter::kNo, "0.9.1",
        "Level of ZSTD, 1 to 22."),
    Row<&S::log_ttl>(option::kLogTtl, "7 d", Alter::kYes, "0.9.1",
        "How long log records are kept; 0 keeps them for ever."),
    Row<&S::log_local_ttl>(option::kLogLocalTtl, kNone, Alter::kYes, "1.0",
        "How long log records stay on the tablet server; table.log.ttl when absent, and never "
        "longer."),
    Row<&S::tiered_log_local_segments>(option::kTieredLogLocalSegments, "2", Alter::kYes, "0.9.1",
        "Segments that stay on the tablet server after they were copied to remote storage, at "
        "least 1."),
    Row<&S::kv_format>("table.kv.format", "COMPACTED", Alter::kNo, "0.9.1",
        "How rows of a primary key table are stored. Rust-based clients write COMPACTED only, in "
        "upper case."),
    Row<&S::kv_format_version>(option::kKvFormatVersion, kNone, Alter::kNo, "0.9.1",
        "Version of the key encoding, 1 or 2. Set by the server when absent."),
    Row<&S::kv_standby_replica_enabled>(option::kKvStandbyReplica, kNone, Alter::kYes, "1.0",
        "Whether a follower of a primary key table keeps a copy of the snapshot at hand. Set by "
        "the server when absent."),
    Row<&S::auto_partition_enabled>(option::kAutoPartitionEnabled, "false", Alter::kYes, "0.9.1",
        "Whether partitions are created and dropped as time goes by."),
    Row<&S::auto_partition_key>(option::kAutoPartitionKey, kNone, Alter::kNo, "0.9.1",
        "The partition key that holds the time; required when there are several."),
    Row<&S::auto_partition_unit>(option::kAutoPartitionTimeUnit, "DAY", Alter::kNo, "0.9.1",
        "The time that one partition covers."),
    Row<&S::auto_partition_time_format>(option::kAutoPartitionTimeFormat, kNone, Alter::kNo, "1.0",
        "How the time is written in partition names, e.g. yyyy-MM-dd; digits without separators "
        "when absent."),
    Row<&S::auto_partition_time_zone>("table.auto-partition.time-zone", kNone, Alter::kNo, "0.9.1",
        "Time zone of the partitions; the server's when absent, GMT when unknown."),
    Row<&S::auto_partition_num_precreate>(option::kAutoPartitionNumPrecreate, "2", Alter::kYes,
        "0.9.1", "Partitions that exist from the current one on. 0 with several partition keys."),
    Row<&S::auto_partition_num_retention>("table.auto-partition.num-retention", "7", Alter::kYes,
        "0.9.1", "Past partitions that are kept; negative keeps all."),
    Row<&S::lake_enabled>(option::kLakeEnabled, "false", Alter::kYes, "0.9.1",
        "Whether the table is tiered into the lake."),
    Row<&S::lake_historical_partition_enabled>(option::kLakeHistoricalPartition, "false",
        Alter::kYes, "1.0", "Whether partitions that were dropped can be looked up in the lake."),
    Row<&S::lake_format>(option::kLakeFormat, kNone, Alter::kNo, "0.9.1",
        "Format of the lake table. Set by the server when absent (datalake.format)."),
    Row<&S::lake_freshness>("table.datalake.freshness", "3 min", Alter::kYes, "0.9.1",
        "How old the lake's copy may get."),
    Row<&S::lake_auto_compaction>("table.datalake.auto-compaction", "false", Alter::kYes, "0.9.1",
        "Whether tiering compacts the lake table."),
    Row<&S::lake_auto_expire_snapshot>("table.datalake.auto-expire-snapshot", "false", Alter::kNo,
        "0.9.1", "Whether tiering drops old snapshots of the lake table."),
    Row<&S::merge_engine>(option::kMergeEngine, kNone, Alter::kNo, "0.9.1",
        "What a primary key table does with a row whose key exists; the last row wins when "
        "absent."),
    Row<&S::version_column>(option::kVersionColumn, kNone, Alter::kNo, "0.9.1",
        "Column that decides in merge engine VERSIONED."),
    Row<&S::delete_behavior>(option::kDeleteBehavior, "ALLOW", Alter::kNo, "0.9.1",
        "What a primary key table does with deletions. IGNORE when absent and a merge engine is "
        "set."),
    Row<&S::changelog_image>(option::kChangelogImage, "FULL", Alter::kNo, "0.9.1",
        "Whether the changelog holds the row before an update (FULL) or only what was written "
        "(WAL)."),
    Row<&S::auto_increment_cache_size>("table.auto-increment.cache-size", "100000", Alter::kNo,
        "0.9.1", "Numbers that a tablet server takes at once for an auto-increment column."),
    Row<&S::statistics_columns>(option::kStatisticsColumns, kNone, Alter::kYes, "1.0",
        "Columns of a log table whose minima and maxima batches carry, comma separated, or *."),
});
// clang-format on

TableSettings DefaultSettings() {
  TableSettings settings;
  for (const TableOption& option : kOptions) {
    if (option.default_text) STROM_CHECK(option.set(settings, *option.default_text));
  }
  return settings;
}

std::unexpected<Error> InvalidValue(const TableOption& option, const Error& reason) {
  return Fail(ErrorCode::kInvalidConfig, "Invalid value for config '{}'. Reason: {}", option.name,
              reason.message);
}

}  // namespace

std::string_view TextOf(LakeFormat value) {
  return kLakeFormats[static_cast<size_t>(value)];
}
std::string_view TextOf(MergeEngine value) {
  return kMergeEngines[static_cast<size_t>(value)];
}
std::string_view TextOf(DeleteBehavior value) {
  return kDeleteBehaviors[static_cast<size_t>(value)];
}
std::string_view TextOf(AutoPartitionUnit value) {
  return kUnits[static_cast<size_t>(value)];
}

std::optional<LakeFormat> ParseLakeFormat(std::string_view text) {
  return ValueKind<LakeFormat>::Parse(text);
}

std::span<const TableOption> TableOptions() {
  return kOptions;
}

const TableOption* FindTableOption(std::string_view name) {
  const auto* found = std::ranges::find(kOptions, name, &TableOption::name);
  return found == kOptions.end() ? nullptr : found;
}

Status SetTableOption(TableSettings& settings, const TableOption& option, std::string_view value) {
  if (option.set(settings, value)) return {};
  return Fail(ErrorCode::kInvalidConfig, "Could not parse value '{}' for key '{}'.", value,
              option.name);
}

Result<TableSettings> ParseTableSettings(const format::Properties& properties) {
  static const TableSettings kDefaults = DefaultSettings();
  TableSettings settings = kDefaults;
  for (const TableOption& option : kOptions) {
    const auto found = properties.find(std::string(option.name));
    if (found == properties.end()) continue;
    const Status status = SetTableOption(settings, option, found->second);
    if (!status) return InvalidValue(option, status.error());
  }
  return settings;
}

Result<TableSettings> CheckTableProperties(const format::Properties& properties) {
  for (const auto& [key, value] : properties) {
    if (FindTableOption(key) != nullptr) continue;
    if (key.starts_with(kTableOptionPrefix)) {
      return Fail(ErrorCode::kInvalidConfig,
                  "'{}' is not a recognized Fluss table property in the current cluster version. "
                  "You may be using an older Fluss cluster that does not support this property.",
                  key);
    }
    return Fail(
        ErrorCode::kInvalidConfig,
        "'{}' is not a Fluss table property. Please use '.customProperty(..)' to set custom "
        "properties.",
        key);
  }
  return ParseTableSettings(properties);
}

}  // namespace strom::metadata
