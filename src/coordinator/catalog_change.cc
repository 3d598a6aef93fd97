#include "coordinator/catalog_change.h"

namespace strom::coordinator {

// What goes, goes first: a table may be made again under the name of a dropped one.
void Apply(const CatalogChange& change, metadata::Catalog& catalog) {
  for (const auto& table : change.dropped_tables)
    catalog.RemoveTable(table->id);
  for (const std::string& database : change.dropped_databases)
    catalog.RemoveDatabase(database);
  for (const auto& database : change.databases)
    catalog.Put(database);
  for (const auto& table : change.created_tables)
    catalog.Put(table);
  for (const auto& table : change.altered_tables)
    catalog.Put(table);
}

}  // namespace strom::coordinator
