// What every shard knows of databases and tables. A TableInfo is immutable and shared; DDL makes a
// new one. The catalog of the coordinator shard is the authority; the others hold copies that DDL
// updates before it answers, so that a client reads its own writes on any connection.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "format/record_batch.h"
#include "format/schema.h"
#include "format/table_descriptor.h"

namespace strom::metadata {

using format::LogFormat;

struct TableInfo {
  TablePath path;
  TableId id;
  SchemaId schema_id;  // latest
  // All versions, ascending; schemas[i] has id i + 1 unless noted otherwise.
  std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas;
  format::TableDescriptor descriptor;  // with the server's defaults; schema is the latest
  std::string table_json;              // ToJsonText(descriptor)
  Timestamp created;
  Timestamp modified;
  std::string remote_data_dir;
  // Derived from the descriptor once.
  LogFormat log_format = LogFormat::kArrow;
  int32_t bucket_count = 1;
  bool has_primary_key = false;
  int64_t log_ttl_ms = 0;       // 0: for ever
  int64_t ids_at_once = 1;      // auto-increment ids that a bucket takes at a time
  bool needs_new_keys = false;  // clients must know key format 2 (spec 05, 1)
  // assignment[b] = tablet servers that hold bucket b, the preferred leader first
  std::vector<std::vector<ServerId>> assignment;
};

struct DatabaseInfo {
  std::string name;
  format::DatabaseDescriptor descriptor;
  Timestamp created;
  Timestamp modified;
};

class Catalog {
 public:
  std::shared_ptr<const DatabaseInfo> FindDatabase(const std::string& name) const;
  std::shared_ptr<const TableInfo> FindTable(const TablePath& path) const;
  std::shared_ptr<const TableInfo> FindTable(TableId id) const;
  std::vector<std::string> DatabaseNames() const;
  std::vector<std::string> TableNames(const std::string& database) const;
  size_t table_count() const { return by_id_.size(); }
  size_t database_count() const { return databases_.size(); }

  // Replace or add; the caller keeps databases and tables consistent.
  void Put(std::shared_ptr<const DatabaseInfo> database);
  void Put(std::shared_ptr<const TableInfo> table);
  void RemoveDatabase(const std::string& name);
  void RemoveTable(TableId id);

 private:
  std::map<std::string, std::shared_ptr<const DatabaseInfo>> databases_;
  std::map<std::string, std::map<std::string, std::shared_ptr<const TableInfo>>> by_path_;
  std::unordered_map<TableId, std::shared_ptr<const TableInfo>> by_id_;
};

}  // namespace strom::metadata
