// Test support: the golden vectors' schemas and values, turned into ours
// (tests/vectors/log/README.md and tests/vectors/kv/README.md say how values are written). Test
// code only; a malformed vector ends the test with an exception.
#pragma once

#include <bit>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "format/schema.h"
#include "format/type_text.h"
#include "format/value.h"

namespace strom::format::vectors {

using Json = nlohmann::json;

// The document tests/vectors/<name>; a missing one is a failure.
inline Json Load(const std::string& name) {
  std::ifstream file(std::string(STROM_VECTORS_DIR) + "/" + name, std::ios::binary);
  if (!file) throw std::runtime_error("missing vector file " + name);
  std::stringstream text;
  text << file.rdbuf();
  return Json::parse(text.str());
}

inline Bytes Hex(const Json& hex) {
  auto bytes = FromHex(hex.get<std::string>());
  if (!bytes) throw std::runtime_error("a vector is no hex");
  return *bytes;
}

// Columns with ids = positions, from [{name, type as SQL text}].
inline Schema SchemaOf(const Json& columns) {
  Schema schema;
  for (const Json& column : columns) {
    auto type = ParseTypeText(column["type"].get<std::string>());
    if (!type) throw std::runtime_error(type.error().message);
    schema.columns.push_back({.name = column["name"].get<std::string>(),
                              .type = *type,
                              .id = static_cast<int32_t>(schema.columns.size())});
  }
  schema.highest_field_id = static_cast<int32_t>(schema.columns.size()) - 1;
  return schema;
}

inline double DoubleOf(const Json& json) {
  if (!json.is_string()) return json.get<double>();
  const auto text = json.get<std::string>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (text == "-0.0") return -0.0;
  throw std::runtime_error("no number: " + text);
}

inline Int128 UnscaledOf(const std::string& text, int32_t scale) {
  auto unscaled = ParseDecimalText(text, scale);
  if (!unscaled) throw std::runtime_error("no decimal: " + text);
  return *unscaled;
}

template <class ReadScalar>
Value NestedOf(const Json& json, const DataType& type, ReadScalar read) {
  if (type.root == TypeRoot::kMap) {
    MapValue map;
    for (const Json& entry : json) {
      map.keys.push_back(read(entry[0], type.children[0]));
      map.values.push_back(read(entry[1], type.children[1]));
    }
    return Value::Map(std::move(map));
  }
  ValueList items;
  for (size_t i = 0; i < json.size(); ++i) {
    items.push_back(read(json[i], type.children[type.root == TypeRoot::kRow ? i : 0]));
  }
  return Value::List(std::move(items));
}

// A value as tests/vectors/log writes it.
inline Value FromLog(const Json& json, const DataType& type) {
  if (json.is_null()) return Value::Null();
  switch (type.root) {
    case TypeRoot::kBoolean:
      return Value::Bool(json.get<bool>());
    case TypeRoot::kFloat:
      return Value::Float(static_cast<float>(DoubleOf(json)));
    case TypeRoot::kDouble:
      return Value::Double(DoubleOf(json));
    case TypeRoot::kChar:
    case TypeRoot::kString:
      return Value::Text(json.get<std::string>());
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      return Value::Text(AsText(Hex(json)));
    case TypeRoot::kDecimal:
      return Value::Decimal(UnscaledOf(json.get<std::string>(), type.scale));
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return Value::TimestampOf(json["ms"].get<int64_t>(), json["nano_of_ms"].get<int32_t>());
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return NestedOf(json, type, FromLog);
    default:
      return Value::Int(json.get<int64_t>());
  }
}

// A value as tests/vectors/kv writes it.
inline Value FromKv(const Json& json, const DataType& type) {
  if (json.is_null()) return Value::Null();
  switch (type.root) {
    case TypeRoot::kBoolean:
      return Value::Bool(json.get<bool>());
    case TypeRoot::kBigInt:
      return Value::Int(std::stoll(json.get<std::string>()));
    case TypeRoot::kFloat:
      return Value::Float(std::bit_cast<float>(
          static_cast<uint32_t>(std::stoull(json["bits"].get<std::string>(), nullptr, 16))));
    case TypeRoot::kDouble:
      return Value::Double(std::bit_cast<double>(
          static_cast<uint64_t>(std::stoull(json["bits"].get<std::string>(), nullptr, 16))));
    case TypeRoot::kChar:
    case TypeRoot::kString:
      return Value::Text(json.get<std::string>());
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      return Value::Text(AsText(Hex(json["hex"])));
    case TypeRoot::kDecimal:
      return Value::Decimal(UnscaledOf(json["unscaled"].get<std::string>(), 0));
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return Value::TimestampOf(std::stoll(json["millis"].get<std::string>()),
                                json["nanos"].get<int32_t>());
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return NestedOf(json, type, FromKv);
    default:
      return Value::Int(json.get<int64_t>());
  }
}

// A value as tests/vectors/kv-behaviour writes it: like the log's, but BYTES as "0x" and hex, and
// timestamps as {ms, ns}.
inline Value FromBehaviour(const Json& json, const DataType& type) {
  if (json.is_null()) return Value::Null();
  switch (type.root) {
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      return Value::Text(AsText(Hex(json.get<std::string>().substr(2))));
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return Value::TimestampOf(json["ms"].get<int64_t>(), json["ns"].get<int32_t>());
    case TypeRoot::kArray:
    case TypeRoot::kMap:
    case TypeRoot::kRow:
      return NestedOf(json, type, FromBehaviour);
    default:
      return FromLog(json, type);
  }
}

}  // namespace strom::format::vectors
