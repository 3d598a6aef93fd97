// Schemas that the fuzz targets read bytes with; the first byte of the input chooses.
#pragma once

#include <memory>
#include <vector>

#include "base/check.h"
#include "format/schema.h"
#include "format/type_text.h"

namespace strom::fuzz {

inline format::Schema MakeSchema(const std::vector<std::string>& types) {
  format::Schema schema;
  for (const std::string& text : types) {
    auto type = format::ParseTypeText(text);
    STROM_CHECK(type);
    const auto id = static_cast<int32_t>(schema.columns.size());
    schema.columns.push_back({.name = fmt::format("c{}", id), .type = *type, .id = id});
    schema.highest_field_id = id;
  }
  return schema;
}

inline const std::vector<std::shared_ptr<const format::Schema>>& Schemas() {
  static const auto schemas = [] {
    std::vector<std::shared_ptr<const format::Schema>> all;
    for (const std::vector<std::string>& types : std::vector<std::vector<std::string>>{
             {"INT"},
             {"INT", "STRING", "DOUBLE"},
             {"BOOLEAN", "TINYINT", "CHAR(3)", "BINARY(4)", "BYTES", "DECIMAL(38, 10)", "TIME(9)",
              "TIMESTAMP(9)", "TIMESTAMP(3) WITH LOCAL TIME ZONE"},
             {"ARRAY<STRING>", "MAP<STRING, BIGINT>", "ROW<`a` INT, `b` ARRAY<ROW<`c` STRING>>>"},
         }) {
      all.push_back(std::make_shared<const format::Schema>(MakeSchema(types)));
    }
    return all;
  }();
  return schemas;
}

}  // namespace strom::fuzz
