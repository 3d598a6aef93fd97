// Rows in each layout; what decodes must encode again.
#include "base/check.h"
#include "format/row_codec.h"
#include "schemas.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  if (size < 1) return 0;
  const auto format = static_cast<format::RowFormat>(data[0] % 3);
  const auto types = format::FieldTypes(*fuzz::Schemas()[data[0] / 3 % 3]);
  const auto row = format::DecodeRow(format, ByteView(data + 1, size - 1), types);
  if (!row) return 0;
  Bytes encoded;
  (void)format::AppendRow(format, types, *row, encoded);
  return 0;
}
