// What a DDL statement did to the catalog. Made once on the coordinator's shard and sent to every
// other; the infos are immutable and shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metadata/catalog.h"

namespace strom::coordinator {

struct CatalogChange {
  std::vector<std::shared_ptr<const metadata::TableInfo>> dropped_tables;
  std::vector<std::string> dropped_databases;
  std::vector<std::shared_ptr<const metadata::DatabaseInfo>> databases;  // new or altered
  std::vector<std::shared_ptr<const metadata::TableInfo>> created_tables;
  std::vector<std::shared_ptr<const metadata::TableInfo>> altered_tables;  // same ids as before
};

void Apply(const CatalogChange& change, metadata::Catalog& catalog);

}  // namespace strom::coordinator
