#include "metadata/catalog.h"

namespace strom::metadata {

std::shared_ptr<const DatabaseInfo> Catalog::FindDatabase(const std::string& name) const {
  const auto found = databases_.find(name);
  return found == databases_.end() ? nullptr : found->second;
}

std::shared_ptr<const TableInfo> Catalog::FindTable(const TablePath& path) const {
  const auto database = by_path_.find(path.database);
  if (database == by_path_.end()) return nullptr;
  const auto table = database->second.find(path.table);
  return table == database->second.end() ? nullptr : table->second;
}

std::shared_ptr<const TableInfo> Catalog::FindTable(TableId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<std::string> Catalog::DatabaseNames() const {
  std::vector<std::string> names;
  names.reserve(databases_.size());
  for (const auto& [name, database] : databases_)
    names.push_back(name);
  return names;
}

std::vector<std::string> Catalog::TableNames(const std::string& database) const {
  std::vector<std::string> names;
  if (const auto tables = by_path_.find(database); tables != by_path_.end()) {
    for (const auto& [name, table] : tables->second)
      names.push_back(name);
  }
  return names;
}

void Catalog::Put(std::shared_ptr<const DatabaseInfo> database) {
  databases_[database->name] = std::move(database);
}

void Catalog::Put(std::shared_ptr<const TableInfo> table) {
  by_path_[table->path.database][table->path.table] = table;
  by_id_[table->id] = std::move(table);
}

void Catalog::RemoveDatabase(const std::string& name) {
  databases_.erase(name);
  by_path_.erase(name);
}

void Catalog::RemoveTable(TableId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const TablePath& path = found->second->path;
  if (const auto tables = by_path_.find(path.database); tables != by_path_.end()) {
    // A newer table may have the name by now.
    const auto table = tables->second.find(path.table);
    if (table != tables->second.end() && table->second->id == id) tables->second.erase(table);
  }
  by_id_.erase(found);
}

}  // namespace strom::metadata
