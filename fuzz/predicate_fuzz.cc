// Filters of fetches: what can be used must bind to any schema and be evaluated.
#include "base/check.h"
#include "schemas.h"
#include "wire/predicate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  if (size < 1) return 0;
  const auto predicate =
      wire::ParsePredicate(ByteView(data + 1, size - 1), *fuzz::Schemas()[data[0] % 4]);
  if (!predicate) return 0;
  const std::array<format::ColumnRange, 3> known{
      format::ColumnRange{0, format::Value::Int(-1), format::Value::Int(1)},
      format::ColumnRange{1, format::Value::Text("a"), format::Value::Text("b")},
      format::ColumnRange{2, format::Value::Double(-0.0), format::Value::Null()}};
  for (const auto& schema : fuzz::Schemas()) {
    const format::Predicate bound = format::Bind(*predicate, *schema);
    const bool informed =
        format::MayMatch(bound, 2, [&](size_t column) -> const format::ColumnRange* {
          return column < known.size() ? &known[column] : nullptr;
        });
    const bool ignorant =
        format::MayMatch(bound, 2, [](size_t) -> const format::ColumnRange* { return nullptr; });
    // To know more never keeps more.
    STROM_CHECK(informed <= ignorant);
  }
  return 0;
}
