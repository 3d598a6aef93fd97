// Reading JSON documents from outside: size, depth, number of values and UTF-8 are checked before a
// tree is built, duplicate members are refused (spec 06, 21). The readers below coerce scalars as
// the reference does ("7" for 7, 1 for "1"; spec 06, 4) and treat null as absent. Their errors are
// kInvalidTable and name the member; `owner` says whose member it is, e.g. "Column 'a'".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace strom::format {

inline constexpr size_t kMaxJsonBytes = 4 << 20;
inline constexpr size_t kMaxJsonDepth = 64;
inline constexpr size_t kMaxJsonValues = 1 << 18;  // values and member names of one document

// Parses a whole document. `what` names it in the error: "Failed to parse <what>: …".
Result<nlohmann::json> ReadJson(std::string_view utf8, std::string_view what);

// The text of a document that we write; never fails (bytes that are no UTF-8 are replaced).
std::string WriteJson(const nlohmann::ordered_json& json);

// An object of texts. The keys must be distinct.
template <class Texts>
nlohmann::ordered_json TextsToJson(const Texts& texts) {
  auto json = nlohmann::ordered_json::object();
  // The keys are distinct already: emplace_back spares ordered_json's search for each of them.
  auto& members = json.template get_ref<nlohmann::ordered_json::object_t&>();
  for (const auto& [key, value] : texts)
    members.emplace_back(key, value);
  return json;
}

// nullptr when the member is absent or null. `object` must be an object.
const nlohmann::json* FindMember(const nlohmann::json& object, const char* name);
// An error when it is absent or null, or when `object` is no object.
Result<const nlohmann::json*> RequireMember(const nlohmann::json& object, const char* name,
                                            std::string_view owner);
Status RequireObject(const nlohmann::json& json, std::string_view owner);

// `member` is for the error text only.
Result<std::string> ReadText(const nlohmann::json& json, std::string_view member,
                             std::string_view owner);
Result<int32_t> ReadInt32(const nlohmann::json& json, std::string_view member,
                          std::string_view owner);
Result<bool> ReadBool(const nlohmann::json& json, std::string_view member, std::string_view owner);
Result<std::vector<std::string>> ReadTextList(const nlohmann::json& json, std::string_view member,
                                              std::string_view owner);
// Members whose value is null are left out.
Result<std::map<std::string, std::string>> ReadTextMap(const nlohmann::json& json,
                                                       std::string_view member,
                                                       std::string_view owner);

}  // namespace strom::format
