// CREATE_TABLE's document: parsing, defaults, validation, and the way back.
#include "base/check.h"
#include "metadata/table_validation.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)format::ParseDatabaseDescriptor(text);
  (void)format::ParseSchemaText(text);
  const auto table = metadata::PrepareTable({"db", "t"}, text, {}, 3);
  if (!table) return 0;
  const auto again = format::ParseTableDescriptor(format::ToJsonText(*table));
  STROM_CHECK(again && *again == *table);
  return 0;
}
