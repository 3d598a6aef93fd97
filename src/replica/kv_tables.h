// What the key-value store has to know of a table, out of the catalog's TableInfo.
#pragma once

#include <memory>

#include "base/result.h"
#include "kv/kv_table.h"
#include "metadata/catalog.h"

namespace strom::replica {

// Of a table with a primary key; one for each shard that has buckets of it. Fails only when what is
// stored of the table is damaged.
Result<std::shared_ptr<kv::KvTable>> MakeKvTable(const metadata::TableInfo& table);

}  // namespace strom::replica
