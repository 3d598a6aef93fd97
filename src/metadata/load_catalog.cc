#include "metadata/load_catalog.h"

#include <charconv>

#include "metadata/documents.h"

namespace strom::metadata {
namespace {

// What follows the prefix, cut at '/'.
std::vector<std::string> Segments(std::string_view key) {
  std::vector<std::string> segments;
  key.remove_prefix(path::kDatabases.size());
  while (true) {
    const size_t slash = key.find('/');
    segments.emplace_back(key.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    key.remove_prefix(slash + 1);
  }
}

std::unexpected<Error> Unreadable(const Document& document, std::string_view reason) {
  return Fail(ErrorCode::kStorage, "The metadata document {} is unreadable: {}", document.key,
              reason);
}

struct TableParts {
  std::optional<TableRegistration> registration;
  std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas;
};

Status Take(const Document& document, Catalog& catalog, std::map<TablePath, TableParts>& tables) {
  const std::vector<std::string> names = Segments(document.key);
  if (names.size() == 1) {
    auto database = ReadDatabase(names[0], document.content);
    if (!database) return Unreadable(document, database.error().message);
    catalog.Put(std::make_shared<const DatabaseInfo>(std::move(*database)));
  } else if (names.size() == 3 && names[1] == "tables") {
    auto table = ReadTable(document.content);
    if (!table) return Unreadable(document, table.error().message);
    tables[{names[0], names[2]}].registration = std::move(*table);
  } else if (names.size() == 5 && names[3] == "schemas") {
    int32_t id = 0;
    const auto [end, error] =
        std::from_chars(names[4].data(), names[4].data() + names[4].size(), id);
    auto schema = format::ParseSchemaText(document.content);
    if (error != std::errc() || id < 1 || *end != '\0' || !schema) {
      return Unreadable(document, schema ? "its id is no number" : schema.error().message);
    }
    tables[{names[0], names[2]}].schemas[SchemaId(id)] =
        std::make_shared<const format::Schema>(std::move(*schema));
  }
  return {};
}

}  // namespace

runtime::Task<Result<Catalog>> LoadCatalog(MetadataStore& store) {
  Catalog catalog;
  std::map<TablePath, TableParts> tables;
  STROM_CO_TRY(const std::vector<Document> documents,
               co_await store.List(std::string(path::kDatabases)));
  for (const Document& document : documents) {
    STROM_CO_TRY_VOID(Take(document, catalog, tables));
  }
  for (auto& [table_path, parts] : tables) {
    if (!parts.registration) continue;
    const std::string key = path::Assignment(parts.registration->id);
    STROM_CO_TRY(const std::optional<Document> stored, co_await store.Get(key));
    BucketServers assignment;
    if (stored) {
      auto read = ReadAssignment(stored->content);
      if (!read) co_return Unreadable(*stored, read.error().message);
      assignment = std::move(*read);
    }
    const TableRegistration& table = *parts.registration;
    if (!table.descriptor.partitioned() &&
        static_cast<int64_t>(assignment.size()) != table.descriptor.bucket_count) {
      co_return Fail(ErrorCode::kStorage,
                     "Table {} has {} buckets, but the metadata document {} places {} of them.",
                     table_path, *table.descriptor.bucket_count, key, assignment.size());
    }
    if (catalog.FindDatabase(table_path.database) == nullptr) {
      co_return Fail(ErrorCode::kStorage, "Table {} has no database in the metadata.", table_path);
    }
    if (parts.schemas.empty()) {
      co_return Fail(ErrorCode::kStorage, "Table {} has no schema in the metadata.", table_path);
    }
    catalog.Put(std::make_shared<const TableInfo>(
        MakeTableInfo(table_path, std::move(*parts.registration), std::move(parts.schemas),
                      std::move(assignment))));
  }
  co_return catalog;
}

}  // namespace strom::metadata
