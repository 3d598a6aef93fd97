// Keys in each encoding. What decodes must encode to the same bytes.
#include "base/check.h"
#include "format/key_encoder.h"
#include "schemas.h"

namespace {

// Each list of types once; the second byte of the input chooses.
const std::vector<std::vector<strom::format::DataType>>& KeyTypes() {
  using namespace strom;
  static const auto all = [] {
    std::vector<std::vector<format::DataType>> lists;
    for (const char* type :
         {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "CHAR(5)", "STRING",
          "BINARY(4)", "BYTES", "DECIMAL(5, 2)", "DECIMAL(38, 10)", "DATE", "TIME(9)",
          "TIMESTAMP(3)", "TIMESTAMP(9)", "TIMESTAMP(9) WITH LOCAL TIME ZONE"}) {
      lists.push_back(format::FieldTypes(fuzz::MakeSchema({type})));
    }
    lists.push_back(format::FieldTypes(fuzz::MakeSchema({"INT NOT NULL", "STRING NOT NULL"})));
    lists.push_back(
        format::FieldTypes(fuzz::MakeSchema({"BIGINT", "TIMESTAMP(6)", "DECIMAL(20, 2)"})));
    return lists;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  if (size < 2) return 0;
  const auto encoding = static_cast<format::KeyEncoding>(data[0] % 3);
  const auto& types = KeyTypes()[data[1] % KeyTypes().size()];
  const ByteView key(data + 2, size - 2);
  const auto row = format::DecodeKey(encoding, key, types);
  if (!row) return 0;
  Bytes encoded;
  STROM_CHECK(format::AppendKey(encoding, types, *row, encoded));
  STROM_CHECK(std::ranges::equal(encoded, key));
  Bytes hudi;
  (void)format::AppendKey(format::KeyEncoding::kHudi, types, *row, hudi);
  return 0;
}
