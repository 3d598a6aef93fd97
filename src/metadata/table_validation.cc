#include "metadata/table_validation.h"

#include <algorithm>

#include "format/key_encoder.h"
#include "metadata/bucket_assignment.h"
#include "metadata/names.h"
#include "metadata/table_rules.h"

namespace strom::metadata {

namespace {

using format::kMaxKvFormatVersion;
using format::Properties;
using format::TableDescriptor;

Status CheckKindAllowed(const TableDescriptor& table, const ClusterSettings& cluster) {
  const bool kv = table.schema.has_primary_key();
  if (kv ? cluster.allow_create_kv_tables : cluster.allow_create_log_tables) return {};
  return Fail(ErrorCode::kInvalidTable, "Creation of {} Tables is disallowed in the cluster.",
              kv ? "Primary Key" : "Log");
}

const std::string* FindProperty(const Properties& properties, std::string_view key) {
  const auto found = properties.find(std::string(key));
  return found == properties.end() ? nullptr : &found->second;
}

// A given property is kept as the user wrote it.
void AddIfAbsent(Properties& properties, std::string_view key, std::string_view value) {
  properties.emplace(key, value);
}

// Defaulting looks at single properties before all of them are checked. Their errors have no
// "Invalid value for config" in front.
Status ReadProperty(const Properties& properties, std::string_view key, TableSettings& settings) {
  const std::string* value = FindProperty(properties, key);
  if (value == nullptr) return {};
  return SetTableOption(settings, *FindTableOption(key), *value);
}

Status ApplyLakeDefaults(Properties& properties, const ClusterSettings& cluster) {
  TableSettings settings;
  // A value that is no bool is reported with all the others.
  const Status read = ReadProperty(properties, option::kLakeEnabled, settings);
  if (read && settings.lake_enabled && !cluster.lake_available()) {
    return Fail(ErrorCode::kInvalidTable,
                "'{}' is enabled for the table, but the Fluss cluster doesn't enable datalake "
                "tables.",
                option::kLakeEnabled);
  }
  if (cluster.datalake_format) {
    AddIfAbsent(properties, option::kLakeFormat, TextOf(*cluster.datalake_format));
  }
  return {};
}

Status ApplyKvDefaults(Properties& properties) {
  TableSettings settings;
  STROM_TRY_VOID(ReadProperty(properties, option::kMergeEngine, settings));
  STROM_TRY_VOID(ReadProperty(properties, option::kDeleteBehavior, settings));
  if (settings.merge_engine) {
    AddIfAbsent(properties, option::kDeleteBehavior, TextOf(DeleteBehavior::kIgnore));
  }
  STROM_TRY_VOID(ReadProperty(properties, option::kKvFormatVersion, settings));
  const int32_t version = settings.kv_format_version.value_or(kMaxKvFormatVersion);
  if (version > kMaxKvFormatVersion) {
    return Fail(ErrorCode::kInvalidConfig,
                "Unsupported kv format version {}. The maximum supported version is {}.", version,
                kMaxKvFormatVersion);
  }
  if (version < 1) {
    return Fail(ErrorCode::kInvalidConfig,
                "Unsupported kv format version {}. The minimum supported version is 1.", version);
  }
  AddIfAbsent(properties, option::kKvFormatVersion, fmt::format("{}", kMaxKvFormatVersion));
  AddIfAbsent(properties, option::kKvStandbyReplica, "true");
  return {};
}

Result<TableDescriptor> Prepare(const TablePath& path, std::string_view table_json,
                                const ClusterSettings& cluster, int live_tablet_servers) {
  STROM_TRY_VOID(CheckTablePath(path));
  STROM_TRY(TableDescriptor table, format::ParseTableDescriptor(table_json));
  STROM_TRY_VOID(CheckKindAllowed(table, cluster));
  STROM_TRY_VOID(ApplyTableDefaults(table, cluster));
  STROM_TRY_VOID(ValidateTable(table, cluster));
  STROM_TRY_VOID(CheckBucketCount(*table.bucket_count));
  if (!table.partitioned()) {
    STROM_TRY(const TableSettings settings, ParseTableSettings(table.properties));
    STROM_TRY_VOID(CheckReplicationFactor(settings.replication_factor.value_or(1),
                                          static_cast<size_t>(std::max(live_tablet_servers, 0))));
  }
  return table;
}

// At most `limit` bytes, cut between two characters.
std::string Shortened(std::string text, size_t limit) {
  constexpr std::string_view kMore = "...";
  if (text.size() <= limit) return text;
  size_t end = limit - kMore.size();
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80)
    --end;
  text.resize(end);
  text += kMore;
  return text;
}

}  // namespace

Status ApplyTableDefaults(TableDescriptor& table, const ClusterSettings& cluster) {
  if (!table.bucket_count) table.bucket_count = cluster.default_bucket_number;
  table.has_distribution = true;
  Properties& properties = table.properties;
  AddIfAbsent(properties, option::kReplicationFactor,
              fmt::format("{}", cluster.default_replication_factor));
  // The one place where the raw text counts: "TRUE" does not add anything (spec 06, Pitfalls).
  const std::string* auto_partition = FindProperty(properties, option::kAutoPartitionEnabled);
  if (table.partition_keys.size() > 1 && auto_partition != nullptr && *auto_partition == "true") {
    AddIfAbsent(properties, option::kAutoPartitionNumPrecreate, "0");
  }
  STROM_TRY_VOID(ApplyLakeDefaults(properties, cluster));
  if (table.schema.has_primary_key()) STROM_TRY_VOID(ApplyKvDefaults(properties));
  return {};
}

Status ValidateTable(const TableDescriptor& table, const ClusterSettings& cluster) {
  STROM_TRY(const TableSettings settings, CheckTableProperties(table.properties));
  const CheckedTable checked(table, settings, cluster);
  for (const TableRule rule : TableRules())
    STROM_TRY_VOID(rule(checked));
  return {};
}

Result<TableDescriptor> PrepareTable(const TablePath& path, std::string_view table_json,
                                     const ClusterSettings& cluster, int live_tablet_servers) {
  auto table = Prepare(path, table_json, cluster, live_tablet_servers);
  if (table) return table;
  return Fail(table.error().code, "{}",
              Shortened(std::move(table.error().message), kMaxErrorMessageBytes));
}

}  // namespace strom::metadata
