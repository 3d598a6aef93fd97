#include "metadata/documents.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "format/json_text.h"
#include "metadata/table_options.h"

namespace strom::metadata {
namespace path {

std::string Database(std::string_view database) {
  return fmt::format("{}{}", kDatabases, database);
}
std::string Table(const TablePath& table) {
  return fmt::format("{}{}/tables/{}", kDatabases, table.database, table.table);
}
std::string Schemas(const TablePath& table) {
  return Table(table) + "/schemas/";
}
std::string Schema(const TablePath& table, SchemaId id) {
  return fmt::format("{}{}", Schemas(table), id);
}
std::string AutoIncrement(const TablePath& table, int32_t column_id) {
  return fmt::format("{}/auto_inc/col_{}", Table(table), column_id);
}
std::string Assignment(TableId table) {
  return fmt::format("/tabletservers/tables/{}", table);
}

}  // namespace path

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Storage that does not read back as what was written is damage, whatever the reader called it.
template <class T>
Result<T> AsStorage(Result<T> result) {
  if (!result) return Fail(ErrorCode::kStorage, "{}", result.error().message);
  return result;
}

Result<int64_t> ReadInt64(const json& object, const char* name, std::string_view owner) {
  STROM_TRY(const json* member, format::RequireMember(object, name, owner));
  if (!member->is_number_integer()) {
    return Fail(ErrorCode::kStorage, "{}: '{}' is no integer.", owner, name);
  }
  return member->get<int64_t>();
}

Result<std::vector<std::string>> ReadOptionalList(const json& object, const char* name,
                                                  std::string_view owner) {
  const json* member = format::FindMember(object, name);
  if (member == nullptr) return std::vector<std::string>();
  return format::ReadTextList(*member, name, owner);
}

Result<format::Properties> ReadProperties(const json& object, const char* name,
                                          std::string_view owner) {
  STROM_TRY(const json* member, format::RequireMember(object, name, owner));
  return format::ReadTextMap(*member, name, owner);
}

Result<std::optional<std::string>> ReadOptionalText(const json& object, const char* name,
                                                    std::string_view owner) {
  const json* member = format::FindMember(object, name);
  if (member == nullptr) return std::nullopt;
  STROM_TRY(std::string text, format::ReadText(*member, name, owner));
  return text;
}

Result<DatabaseInfo> ParseDatabase(std::string name, std::string_view text) {
  constexpr std::string_view kOwner = "Database registration";
  STROM_TRY(const json document, format::ReadJson(text, kOwner));
  DatabaseInfo database;
  database.name = std::move(name);
  STROM_TRY(database.descriptor.comment, ReadOptionalText(document, "comment", kOwner));
  STROM_TRY(database.descriptor.custom_properties,
            ReadProperties(document, "custom_properties", kOwner));
  STROM_TRY(database.created.ms, ReadInt64(document, "created_time", kOwner));
  STROM_TRY(database.modified.ms, ReadInt64(document, "modified_time", kOwner));
  return database;
}

Result<TableRegistration> ParseTable(std::string_view text) {
  constexpr std::string_view kOwner = "Table registration";
  STROM_TRY(const json document, format::ReadJson(text, kOwner));
  TableRegistration table;
  format::TableDescriptor& descriptor = table.descriptor;
  STROM_TRY(const int64_t id, ReadInt64(document, "table_id", kOwner));
  if (id < 0) return Fail(ErrorCode::kStorage, "{}: table_id is {}.", kOwner, id);
  table.id = TableId(id);
  STROM_TRY(descriptor.comment, ReadOptionalText(document, "comment", kOwner));
  STROM_TRY(descriptor.partition_keys, ReadOptionalList(document, "partition_key", kOwner));
  STROM_TRY(descriptor.bucket_keys, ReadOptionalList(document, "bucket_key", kOwner));
  STROM_TRY(const int64_t buckets, ReadInt64(document, "bucket_count", kOwner));
  if (buckets < 1 || buckets > INT32_MAX) {
    return Fail(ErrorCode::kStorage, "{}: bucket_count is {}.", kOwner, buckets);
  }
  descriptor.bucket_count = static_cast<int32_t>(buckets);
  descriptor.has_distribution = true;
  STROM_TRY(descriptor.properties, ReadProperties(document, "properties", kOwner));
  STROM_TRY(descriptor.custom_properties, ReadProperties(document, "custom_properties", kOwner));
  STROM_TRY(const auto remote, ReadOptionalText(document, "remote_data_dir", kOwner));
  table.remote_data_dir = remote.value_or("");
  STROM_TRY(table.created.ms, ReadInt64(document, "created_time", kOwner));
  STROM_TRY(table.modified.ms, ReadInt64(document, "modified_time", kOwner));
  return table;
}

Result<BucketServers> ParseAssignment(std::string_view text) {
  constexpr std::string_view kOwner = "Bucket assignment";
  STROM_TRY(const json document, format::ReadJson(text, kOwner));
  STROM_TRY(const json* buckets, format::RequireMember(document, "buckets", kOwner));
  STROM_TRY_VOID(format::RequireObject(*buckets, kOwner));
  BucketServers assignment(buckets->size());
  for (size_t b = 0; b < assignment.size(); ++b) {
    const auto servers = buckets->find(std::to_string(b));
    if (servers == buckets->end() || !servers->is_array()) {
      return Fail(ErrorCode::kStorage, "{}: bucket {} is missing.", kOwner, b);
    }
    for (const json& server : *servers) {
      STROM_TRY(const int32_t id, format::ReadInt32(server, "buckets", kOwner));
      assignment[b].push_back(ServerId(id));
    }
  }
  return assignment;
}

}  // namespace

std::string WriteDatabase(const DatabaseInfo& database) {
  ordered_json document;
  document["version"] = 1;
  if (database.descriptor.comment) document["comment"] = *database.descriptor.comment;
  document["custom_properties"] = database.descriptor.custom_properties;
  document["created_time"] = database.created.ms;
  document["modified_time"] = database.modified.ms;
  return format::WriteJson(document);
}

Result<DatabaseInfo> ReadDatabase(std::string name, std::string_view text) {
  return AsStorage(ParseDatabase(std::move(name), text));
}

std::string WriteTable(const TableRegistration& table) {
  const format::TableDescriptor& descriptor = table.descriptor;
  ordered_json document;
  document["version"] = 1;
  document["table_id"] = table.id.value;
  if (descriptor.comment) document["comment"] = *descriptor.comment;
  if (!descriptor.partition_keys.empty()) document["partition_key"] = descriptor.partition_keys;
  if (!descriptor.bucket_keys.empty()) document["bucket_key"] = descriptor.bucket_keys;
  document["bucket_count"] = descriptor.bucket_count.value_or(1);
  document["properties"] = descriptor.properties;
  document["custom_properties"] = descriptor.custom_properties;
  if (!table.remote_data_dir.empty()) document["remote_data_dir"] = table.remote_data_dir;
  document["created_time"] = table.created.ms;
  document["modified_time"] = table.modified.ms;
  return format::WriteJson(document);
}

Result<TableRegistration> ReadTable(std::string_view text) {
  return AsStorage(ParseTable(text));
}

std::string WriteAssignment(const BucketServers& assignment) {
  ordered_json buckets = ordered_json::object();
  for (size_t b = 0; b < assignment.size(); ++b) {
    ordered_json servers = ordered_json::array();
    for (const ServerId server : assignment[b])
      servers.push_back(server.value);
    buckets[std::to_string(b)] = std::move(servers);
  }
  ordered_json document;
  document["version"] = 1;
  document["buckets"] = std::move(buckets);
  return format::WriteJson(document);
}

Result<BucketServers> ReadAssignment(std::string_view text) {
  return AsStorage(ParseAssignment(text));
}

std::string WriteCounter(int64_t next) {
  return std::to_string(next);
}

Result<int64_t> ReadCounter(std::string_view text) {
  int64_t next = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, next);
  if (error == std::errc() && at == end && next >= 0) return next;
  return Fail(ErrorCode::kStorage, "A counter holds '{}' instead of a number.", text);
}

namespace {

// Whether rows are spread by less than the whole primary key.
bool HasOwnBucketKey(const format::TableDescriptor& descriptor) {
  std::vector<std::string> keys = descriptor.schema.primary_key;
  for (const std::string& partition : descriptor.partition_keys)
    std::erase(keys, partition);
  return !descriptor.bucket_keys.empty() && descriptor.bucket_keys != keys;
}

}  // namespace

TableInfo MakeTableInfo(TablePath path, TableRegistration registration,
                        std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas,
                        BucketServers assignment) {
  STROM_CHECK(!schemas.empty());
  TableInfo table;
  table.path = std::move(path);
  table.id = registration.id;
  table.schema_id = schemas.rbegin()->first;
  table.descriptor = std::move(registration.descriptor);
  table.descriptor.schema = *schemas.rbegin()->second;
  table.schemas = std::move(schemas);
  table.table_json = format::ToJsonText(table.descriptor);
  table.created = registration.created;
  table.modified = registration.modified;
  table.remote_data_dir = std::move(registration.remote_data_dir);
  table.bucket_count = table.descriptor.bucket_count.value_or(1);
  table.has_primary_key = table.descriptor.schema.has_primary_key();
  table.assignment = std::move(assignment);
  // Stored properties were checked when they came; an unreadable one leaves the default.
  if (const auto settings = ParseTableSettings(table.descriptor.properties)) {
    table.log_format = settings->log_format;
    table.log_ttl_ms = settings->log_ttl.count();
    table.ids_at_once = std::max<int64_t>(settings->auto_increment_cache_size, 1);
    table.needs_new_keys = settings->lake_format && settings->kv_format_version == 2 &&
                           table.has_primary_key && HasOwnBucketKey(table.descriptor);
  }
  return table;
}

}  // namespace strom::metadata
