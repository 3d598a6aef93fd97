// The stored documents of databases, tables and assignments: the JSON of the reference's
// coordination service (spec 06, 19), so that an importer or a cluster's store holds the same.
// Readers check everything; errors are kStorage and name what is wrong.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "format/table_descriptor.h"
#include "metadata/catalog.h"

namespace strom::metadata {

namespace path {
inline constexpr std::string_view kDatabases = "/metadata/databases/";
inline constexpr std::string_view kTableCounter = "/metadata/table_seqid";
inline constexpr std::string_view kWriterCounter = "/metadata/writer_id";
inline constexpr std::string_view kCoordinatorEpoch = "/coordinators/epoch";
std::string Database(std::string_view database);
std::string Table(const TablePath& table);
std::string Schemas(const TablePath& table);  // prefix
std::string Schema(const TablePath& table, SchemaId id);
std::string Assignment(TableId table);
// The last number given out of an auto-increment column.
std::string AutoIncrement(const TablePath& table, int32_t column_id);
}  // namespace path

std::string WriteDatabase(const DatabaseInfo& database);
Result<DatabaseInfo> ReadDatabase(std::string name, std::string_view json);

// A table without its schema, which is kept apart.
struct TableRegistration {
  TableId id;
  format::TableDescriptor descriptor;  // schema is empty
  std::string remote_data_dir;         // empty: not recorded
  Timestamp created;
  Timestamp modified;
};
std::string WriteTable(const TableRegistration& table);
Result<TableRegistration> ReadTable(std::string_view json);

using BucketServers = std::vector<std::vector<ServerId>>;  // [bucket]
std::string WriteAssignment(const BucketServers& assignment);
Result<BucketServers> ReadAssignment(std::string_view json);

// A counter holds the next value (the next epoch, the next id) in decimal.
std::string WriteCounter(int64_t next);
Result<int64_t> ReadCounter(std::string_view text);

// Everything about a table that is derived from its documents.
TableInfo MakeTableInfo(TablePath path, TableRegistration registration,
                        std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas,
                        BucketServers assignment);

}  // namespace strom::metadata
