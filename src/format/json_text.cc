#include "format/json_text.h"

#include <charconv>
#include <limits>
#include <optional>
#include <unordered_set>

#include <nlohmann/json.hpp>

namespace strom::format {

namespace {

using nlohmann::json;

// Walks over a document without building anything and stops at the first limit that is broken.
// nlohmann's parser keeps its own stack on the heap, so depth costs no call stack.
class LimitChecker : public nlohmann::json_sax<json> {
 public:
  bool null() override { return Count(); }
  bool boolean(bool) override { return Count(); }
  bool number_integer(int64_t) override { return Count(); }
  bool number_unsigned(uint64_t) override { return Count(); }
  bool number_float(double, const std::string&) override { return Count(); }
  bool string(std::string&) override { return Count(); }
  bool binary(json::binary_t&) override { return Count(); }
  bool start_object(size_t) override { return Enter(); }
  bool start_array(size_t) override { return Enter(); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }
  bool key(std::string& name) override {
    if (!members_.back().insert(name).second) {
      return Refuse(fmt::format("the member '{}' occurs twice in one object", name));
    }
    return Count();
  }
  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Refuse(fmt::format("not well-formed JSON in UTF-8 at byte {}", position));
  }

  const std::string& problem() const { return problem_; }

 private:
  bool Count() {
    if (++values_ <= kMaxJsonValues) return true;
    return Refuse(fmt::format("more than {} values and members", kMaxJsonValues));
  }
  bool Enter() {
    if (members_.size() >= kMaxJsonDepth) {
      return Refuse(fmt::format("nested deeper than {} levels", kMaxJsonDepth));
    }
    members_.emplace_back();
    return Count();
  }
  bool Leave() {
    members_.pop_back();
    return true;
  }
  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  std::vector<std::unordered_set<std::string>> members_;  // one set a level
  size_t values_ = 0;
  std::string problem_;
};

std::unexpected<Error> WrongKind(std::string_view member, std::string_view owner,
                                 std::string_view expected) {
  return Fail(ErrorCode::kInvalidTable, "{}: the member '{}' must be {}.", owner, member, expected);
}

// Text of a scalar as the reference reads it; nothing for objects, arrays and null.
std::optional<std::string> ScalarText(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number_unsigned()) return fmt::format("{}", value.get<uint64_t>());
  if (value.is_number_integer()) return fmt::format("{}", value.get<int64_t>());
  if (value.is_number_float()) return value.dump();  // 1.0 stays "1.0"
  return std::nullopt;
}

}  // namespace

Result<json> ReadJson(std::string_view utf8, std::string_view what) {
  if (utf8.size() > kMaxJsonBytes) {
    return Fail(ErrorCode::kInvalidTable, "Failed to parse {}: it has {} bytes, {} are allowed.",
                what, utf8.size(), kMaxJsonBytes);
  }
  LimitChecker checker;
  if (!json::sax_parse(utf8, &checker)) {
    return Fail(ErrorCode::kInvalidTable, "Failed to parse {}: {}.", what, checker.problem());
  }
  return json::parse(utf8, nullptr, /*allow_exceptions=*/false);
}

std::string WriteJson(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

const json* FindMember(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Status RequireObject(const json& json, std::string_view owner) {
  if (!json.is_object()) {
    return Fail(ErrorCode::kInvalidTable, "{} must be a JSON object.", owner);
  }
  return {};
}

Result<const json*> RequireMember(const json& object, const char* name, std::string_view owner) {
  STROM_TRY_VOID(RequireObject(object, owner));
  const json* member = FindMember(object, name);
  if (member == nullptr) {
    return Fail(ErrorCode::kInvalidTable, "{}: the member '{}' is missing.", owner, name);
  }
  return member;
}

Result<std::string> ReadText(const json& json, std::string_view member, std::string_view owner) {
  if (auto text = ScalarText(json)) return *std::move(text);
  return WrongKind(member, owner, "a text");
}

Result<int32_t> ReadInt32(const json& json, std::string_view member, std::string_view owner) {
  if (json.is_number_integer() || json.is_string()) {
    const std::string text = *ScalarText(json);
    int32_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, value);
    if (problem == std::errc() && stop == end) return value;
  }
  return WrongKind(member, owner, "a whole number of 32 bits");
}

Result<bool> ReadBool(const json& json, std::string_view member, std::string_view owner) {
  const auto text = ScalarText(json);
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return WrongKind(member, owner, "true or false");
}

Result<std::vector<std::string>> ReadTextList(const json& json, std::string_view member,
                                              std::string_view owner) {
  if (!json.is_array()) return WrongKind(member, owner, "an array of texts");
  std::vector<std::string> texts;
  texts.reserve(json.size());
  for (const auto& element : json) {
    auto text = ScalarText(element);
    if (!text) return WrongKind(member, owner, "an array of texts");
    texts.push_back(*std::move(text));
  }
  return texts;
}

Result<std::map<std::string, std::string>> ReadTextMap(const json& json, std::string_view member,
                                                       std::string_view owner) {
  if (!json.is_object()) return WrongKind(member, owner, "an object of texts");
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : json.items()) {
    if (value.is_null()) continue;
    auto text = ScalarText(value);
    if (!text) return WrongKind(fmt::format("{}.{}", member, key), owner, "a text");
    texts.emplace_hint(texts.end(), key, *std::move(text));
  }
  return texts;
}

}  // namespace strom::format
