// What CREATE_TABLE carries and GET_TABLE_INFO returns: schema, keys, buckets, properties
// (spec 06, 4.4), and the descriptor of a database (spec 06, 3).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format/schema.h"

namespace strom::format {

using Properties = std::map<std::string, std::string>;

struct TableDescriptor {
  Schema schema;
  std::optional<std::string> comment;
  std::vector<std::string> partition_keys;
  // Empty with has_distribution: rows of a log table go to any bucket.
  bool has_distribution = false;
  std::vector<std::string> bucket_keys;
  std::optional<int32_t> bucket_count;
  Properties properties;         // table.*
  Properties custom_properties;  // the user's own

  bool partitioned() const { return !partition_keys.empty(); }
  friend bool operator==(const TableDescriptor&, const TableDescriptor&) = default;
};

struct DatabaseDescriptor {
  std::optional<std::string> comment;
  Properties custom_properties;

  friend bool operator==(const DatabaseDescriptor&, const DatabaseDescriptor&) = default;
};

// At most 4 MiB of JSON, depth 64, no duplicate members. Errors are kInvalidTable (tables) and
// kInvalidDatabase (databases).
Result<TableDescriptor> ParseTableDescriptor(std::string_view utf8);
std::string ToJsonText(const TableDescriptor& descriptor);
Result<DatabaseDescriptor> ParseDatabaseDescriptor(std::string_view utf8);
std::string ToJsonText(const DatabaseDescriptor& descriptor);

}  // namespace strom::format
