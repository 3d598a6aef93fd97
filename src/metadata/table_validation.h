// What CreateTable checks and adds before anything is stored (spec 06, 5). Pure functions of the
// request and the cluster's settings; any shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "format/table_descriptor.h"
#include "metadata/table_options.h"

namespace strom::metadata {

// The options of the cluster that creating a table depends on (spec 06, 20).
struct ClusterSettings {
  int32_t default_bucket_number = 1;
  int32_t default_replication_factor = 1;
  int32_t max_bucket_num = 4096;
  bool allow_create_log_tables = true;
  bool allow_create_kv_tables = true;
  std::optional<LakeFormat> datalake_format;
  std::optional<bool> datalake_enabled;  // none: enabled when a format is set

  bool lake_available() const { return datalake_format && datalake_enabled.value_or(true); }
};

// Error texts repeat what the user sent; longer ones are cut (spec 06, 21).
inline constexpr size_t kMaxErrorMessageBytes = 2048;

// Steps 1, 3 to 6 and the replication factor of step 7 of spec 06, 5: names, parsing, kinds that
// are disallowed, defaults, validation. The result is what is stored and what GetTableInfo returns.
// Authorization (step 2) comes before: callers run CheckTablePath first and then ask.
Result<format::TableDescriptor> PrepareTable(const TablePath& path, std::string_view table_json,
                                             const ClusterSettings& cluster,
                                             int live_tablet_servers);

// Spec 06, 5.1 and 5.2 alone. Validation also follows every change of properties (7.2).
Status ApplyTableDefaults(format::TableDescriptor& table, const ClusterSettings& cluster);
Status ValidateTable(const format::TableDescriptor& table, const ClusterSettings& cluster);

}  // namespace strom::metadata
