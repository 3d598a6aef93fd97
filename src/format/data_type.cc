#include "format/data_type.h"

#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "format/json_text.h"

namespace strom::format {

namespace {

using nlohmann::json;

// How a type is parameterised in JSON.
enum class Parameters { kNone, kLength, kPrecision, kPrecisionScale, kElement, kKeyValue, kFields };

struct RootInfo {
  std::string_view json_name;
  std::string_view display_name;
  std::string_view long_name;  // in the texts on limits
  Parameters parameters;
};

// Indexed by TypeRoot.
constexpr std::array<RootInfo, 19> kRoots{{
    {"BOOLEAN", "BOOLEAN", "", Parameters::kNone},
    {"TINYINT", "TINYINT", "", Parameters::kNone},
    {"SMALLINT", "SMALLINT", "", Parameters::kNone},
    {"INTEGER", "INT", "", Parameters::kNone},
    {"BIGINT", "BIGINT", "", Parameters::kNone},
    {"FLOAT", "FLOAT", "", Parameters::kNone},
    {"DOUBLE", "DOUBLE", "", Parameters::kNone},
    {"CHAR", "CHAR", "Character string", Parameters::kLength},
    {"STRING", "STRING", "", Parameters::kNone},
    {"BINARY", "BINARY", "Binary string", Parameters::kLength},
    {"BYTES", "BYTES", "", Parameters::kNone},
    {"DECIMAL", "DECIMAL", "Decimal", Parameters::kPrecisionScale},
    {"DATE", "DATE", "", Parameters::kNone},
    {"TIME_WITHOUT_TIME_ZONE", "TIME", "Time", Parameters::kPrecision},
    {"TIMESTAMP_WITHOUT_TIME_ZONE", "TIMESTAMP", "Timestamp", Parameters::kPrecision},
    {"TIMESTAMP_WITH_LOCAL_TIME_ZONE", "TIMESTAMP_LTZ", "Timestamp with local time zone",
     Parameters::kPrecision},
    {"ARRAY", "ARRAY", "", Parameters::kElement},
    {"MAP", "MAP", "", Parameters::kKeyValue},
    {"ROW", "ROW", "", Parameters::kFields},
}};

constexpr int32_t kMaxDecimalPrecision = 38;
constexpr int32_t kMaxTimePrecision = 9;
constexpr std::string_view kOwner = "Data type";

const RootInfo& InfoOf(TypeRoot root) {
  return kRoots[static_cast<size_t>(root)];
}

Result<int32_t> RequireInt32(const json& object, const char* name) {
  STROM_TRY(const json* member, RequireMember(object, name, kOwner));
  return ReadInt32(*member, name, kOwner);
}

Result<DataType> ParseAt(const json& json, size_t depth);

Result<DataType> RequireType(const json& object, const char* name, size_t depth) {
  STROM_TRY(const json* member, RequireMember(object, name, kOwner));
  return ParseAt(*member, depth + 1);
}

Status ParseField(const json& json, size_t depth, DataType& row) {
  constexpr std::string_view kField = "Field of a ROW";
  STROM_TRY(const auto* name, RequireMember(json, "name", kField));
  RowField field;
  STROM_TRY(field.name, ReadText(*name, "name", kField));
  STROM_TRY(DataType type, RequireType(json, "field_type", depth));
  if (const auto* description = FindMember(json, "description")) {
    STROM_TRY(field.description, ReadText(*description, "description", kField));
  }
  if (const auto* id = FindMember(json, "field_id")) {
    STROM_TRY(field.id, ReadInt32(*id, "field_id", kField));
    if (field.id < -1) {
      return Fail(ErrorCode::kInvalidTable, "The field_id {} of field '{}' is negative.", field.id,
                  field.name);
    }
  }
  row.children.push_back(std::move(type));
  row.fields.push_back(std::move(field));
  return {};
}

Status ParseFields(const json& json, size_t depth, DataType& row) {
  STROM_TRY(const auto* fields, RequireMember(json, "fields", kOwner));
  if (!fields->is_array()) {
    return Fail(ErrorCode::kInvalidTable, "Data type: the member 'fields' must be an array.");
  }
  for (const auto& field : *fields)
    STROM_TRY_VOID(ParseField(field, depth, row));
  return {};
}

Status ParseParameters(const json& json, size_t depth, DataType& type) {
  switch (InfoOf(type.root).parameters) {
    case Parameters::kNone:
      break;
    case Parameters::kLength: {
      STROM_TRY(type.length, RequireInt32(json, "length"));
      break;
    }
    case Parameters::kPrecisionScale: {
      STROM_TRY(type.precision, RequireInt32(json, "precision"));
      STROM_TRY(type.scale, RequireInt32(json, "scale"));
      break;
    }
    case Parameters::kPrecision: {
      STROM_TRY(type.precision, RequireInt32(json, "precision"));
      break;
    }
    case Parameters::kElement: {
      STROM_TRY(DataType element, RequireType(json, "element_type", depth));
      type.children.push_back(std::move(element));
      break;
    }
    case Parameters::kKeyValue: {
      STROM_TRY(DataType key, RequireType(json, "key_type", depth));
      STROM_TRY(DataType value, RequireType(json, "value_type", depth));
      key.nullable = false;  // spec 03, 1.1: the key of a map is never null
      type.children.push_back(std::move(key));
      type.children.push_back(std::move(value));
      break;
    }
    case Parameters::kFields:
      return ParseFields(json, depth, type);
  }
  return {};
}

Result<DataType> ParseAt(const json& json, size_t depth) {
  if (depth >= kMaxTypeDepth) {
    return Fail(ErrorCode::kInvalidTable, "A data type is nested deeper than {} levels.",
                kMaxTypeDepth);
  }
  STROM_TRY(const auto* root, RequireMember(json, "type", kOwner));
  STROM_TRY(const std::string name, ReadText(*root, "type", kOwner));
  const auto known = TypeRootByJsonName(name);
  if (!known) return Fail(ErrorCode::kInvalidTable, "Unknown data type '{}'.", name);
  DataType type;
  type.root = *known;
  if (const auto* nullable = FindMember(json, "nullable")) {
    STROM_TRY(type.nullable, ReadBool(*nullable, "nullable", kOwner));
  }
  STROM_TRY_VOID(ParseParameters(json, depth, type));
  STROM_TRY_VOID(CheckParameters(type));
  return type;
}

Status CheckFields(const DataType& row) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string_view> duplicates;
  for (const RowField& field : row.fields) {
    if (field.name.find_first_not_of(" \t\n\v\f\r") == std::string::npos) {
      return Fail(ErrorCode::kInvalidTable,
                  "Field names must contain at least one non-whitespace character.");
    }
    if (!seen.insert(field.name).second) duplicates.push_back(field.name);
  }
  if (!duplicates.empty()) {
    return Fail(ErrorCode::kInvalidTable, "Field names must be unique. Found duplicates: [{}]",
                fmt::join(duplicates, ", "));
  }
  return {};
}

void AppendSummary(const DataType& type, std::string& out) {
  const RootInfo& info = InfoOf(type.root);
  out += info.display_name;
  switch (info.parameters) {
    case Parameters::kNone:
      break;
    case Parameters::kLength:
      out += fmt::format("({})", type.length);
      break;
    case Parameters::kPrecision:
      out += fmt::format("({})", type.precision);
      break;
    case Parameters::kPrecisionScale:
      out += fmt::format("({}, {})", type.precision, type.scale);
      break;
    case Parameters::kElement:
    case Parameters::kKeyValue:
    case Parameters::kFields:
      out += '<';
      for (size_t i = 0; i < type.children.size(); ++i) {
        if (i > 0) out += ", ";
        if (type.root == TypeRoot::kRow) out += QuoteName(type.fields[i].name) + " ";
        AppendSummary(type.children[i], out);
        if (type.root == TypeRoot::kRow && !type.fields[i].description.empty()) out += " '...'";
      }
      out += '>';
      break;
  }
  if (!type.nullable) out += " NOT NULL";
}

}  // namespace

bool operator==(const DataType& a, const DataType& b) {
  return a.root == b.root && a.nullable == b.nullable && a.length == b.length &&
         a.precision == b.precision && a.scale == b.scale && a.children == b.children &&
         a.fields == b.fields;
}

std::string_view JsonName(TypeRoot root) {
  return InfoOf(root).json_name;
}

std::optional<TypeRoot> TypeRootByJsonName(std::string_view name) {
  for (size_t i = 0; i < kRoots.size(); ++i) {
    if (kRoots[i].json_name == name) return static_cast<TypeRoot>(i);
  }
  return std::nullopt;
}

std::string QuoteName(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`') quoted += '`';
    quoted += c;
  }
  return quoted + "`";
}

std::string ToSummaryString(const DataType& type) {
  std::string text;
  AppendSummary(type, text);
  return text;
}

Status CheckParameters(const DataType& type) {
  const RootInfo& info = InfoOf(type.root);
  switch (info.parameters) {
    case Parameters::kLength:
      if (type.length < 1) {
        return Fail(ErrorCode::kInvalidTable,
                    "{} length must be between 1 and {} (both inclusive).", info.long_name,
                    std::numeric_limits<int32_t>::max());
      }
      break;
    case Parameters::kPrecision:
      if (type.precision < 0 || type.precision > kMaxTimePrecision) {
        return Fail(ErrorCode::kInvalidTable,
                    "{} precision must be between 0 and {} (both inclusive).", info.long_name,
                    kMaxTimePrecision);
      }
      break;
    case Parameters::kPrecisionScale:
      if (type.precision < 1 || type.precision > kMaxDecimalPrecision) {
        return Fail(ErrorCode::kInvalidTable,
                    "{} precision must be between 1 and {} (both inclusive).", info.long_name,
                    kMaxDecimalPrecision);
      }
      if (type.scale < 0 || type.scale > type.precision) {
        return Fail(ErrorCode::kInvalidTable,
                    "{} scale must be between 0 and the precision {} (both inclusive).",
                    info.long_name, type.precision);
      }
      break;
    case Parameters::kFields:
      return CheckFields(type);
    case Parameters::kNone:
    case Parameters::kElement:
    case Parameters::kKeyValue:
      break;
  }
  return {};
}

Result<DataType> ParseDataType(const json& json) {
  return ParseAt(json, 0);
}

Result<DataType> ParseDataTypeText(std::string_view utf8) {
  STROM_TRY(const json document, ReadJson(utf8, "data type"));
  return ParseDataType(document);
}

nlohmann::ordered_json ToJson(const DataType& type) {
  nlohmann::ordered_json json;
  json["type"] = JsonName(type.root);
  if (!type.nullable) json["nullable"] = false;
  switch (InfoOf(type.root).parameters) {
    case Parameters::kNone:
      break;
    case Parameters::kLength:
      json["length"] = type.length;
      break;
    case Parameters::kPrecision:
      json["precision"] = type.precision;
      break;
    case Parameters::kPrecisionScale:
      json["precision"] = type.precision;
      json["scale"] = type.scale;
      break;
    case Parameters::kElement:
      json["element_type"] = ToJson(type.children[0]);
      break;
    case Parameters::kKeyValue:
      json["key_type"] = ToJson(type.children[0]);
      json["value_type"] = ToJson(type.children[1]);
      break;
    case Parameters::kFields: {
      auto fields = nlohmann::ordered_json::array();
      for (size_t i = 0; i < type.fields.size(); ++i) {
        nlohmann::ordered_json field;
        field["name"] = type.fields[i].name;
        field["field_type"] = ToJson(type.children[i]);
        if (!type.fields[i].description.empty()) field["description"] = type.fields[i].description;
        field["field_id"] = type.fields[i].id;
        fields.push_back(std::move(field));
      }
      json["fields"] = std::move(fields);
      break;
    }
  }
  return json;
}

}  // namespace strom::format
