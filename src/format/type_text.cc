#include "format/type_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace strom::format {

namespace {

// What a name may be followed by, and the values when it is not.
struct NamedType {
  std::string_view name;
  TypeRoot root;
  int32_t length = 0;
  int32_t precision = 0;
};

constexpr std::array<NamedType, 20> kNamedTypes{{
    {"BOOLEAN", TypeRoot::kBoolean},
    {"TINYINT", TypeRoot::kTinyInt},
    {"SMALLINT", TypeRoot::kSmallInt},
    {"INT", TypeRoot::kInteger},
    {"INTEGER", TypeRoot::kInteger},
    {"BIGINT", TypeRoot::kBigInt},
    {"FLOAT", TypeRoot::kFloat},
    {"DOUBLE", TypeRoot::kDouble},
    {"CHAR", TypeRoot::kChar, 1, 0},
    {"STRING", TypeRoot::kString},
    {"BINARY", TypeRoot::kBinary, 1, 0},
    {"BYTES", TypeRoot::kBytes},
    {"DECIMAL", TypeRoot::kDecimal, 0, 10},
    {"DATE", TypeRoot::kDate},
    {"TIME", TypeRoot::kTime},
    {"TIMESTAMP", TypeRoot::kTimestamp, 0, 6},
    {"TIMESTAMP_LTZ", TypeRoot::kTimestampLtz, 0, 6},
    {"ARRAY", TypeRoot::kArray},
    {"MAP", TypeRoot::kMap},
    {"ROW", TypeRoot::kRow},
}};

bool IsWordByte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

class TypeTextReader {
 public:
  explicit TypeTextReader(std::string_view text) : text_(text) {}

  Result<DataType> Whole() {
    STROM_TRY(DataType type, Type(0));
    SkipSpaces();
    if (position_ != text_.size()) return Wrong("the end");
    return type;
  }

 private:
  Result<DataType> Type(size_t depth) {
    if (depth >= kMaxTypeDepth) {
      return Fail(ErrorCode::kInvalidTable, "A data type is nested deeper than {} levels.",
                  kMaxTypeDepth);
    }
    const std::string_view name = Word();
    const auto* named = std::ranges::find(kNamedTypes, name, &NamedType::name);
    if (named == kNamedTypes.end()) return Wrong("the name of a data type");
    DataType type{.root = named->root, .length = named->length, .precision = named->precision};
    STROM_TRY_VOID(Parameters(type, depth));
    if (type.root == TypeRoot::kTimestamp && Words({"WITH", "LOCAL", "TIME", "ZONE"})) {
      type.root = TypeRoot::kTimestampLtz;
    }
    if (Words({"NOT", "NULL"})) type.nullable = false;
    STROM_TRY_VOID(CheckParameters(type));
    return type;
  }

  Status Parameters(DataType& type, size_t depth) {
    switch (type.root) {
      case TypeRoot::kArray:
        return Children(type, depth, 1);
      case TypeRoot::kMap:
        STROM_TRY_VOID(Children(type, depth, 2));
        type.children[0].nullable = false;
        return {};
      case TypeRoot::kRow:
        return Fields(type, depth);
      case TypeRoot::kChar:
      case TypeRoot::kBinary:
        return Numbers({&type.length});
      case TypeRoot::kDecimal:
        return Numbers({&type.precision, &type.scale});
      case TypeRoot::kTime:
      case TypeRoot::kTimestamp:
      case TypeRoot::kTimestampLtz:
        return Numbers({&type.precision});
      default:
        return {};
    }
  }

  // "(n, m)" or nothing; fewer numbers than places are fine.
  Status Numbers(std::initializer_list<int32_t*> places) {
    if (!Symbol('(')) return {};
    bool first = true;
    for (int32_t* place : places) {
      if (!first && !Symbol(',')) break;
      first = false;
      SkipSpaces();
      const char* begin = text_.data() + position_;
      const auto [stop, problem] = std::from_chars(begin, text_.data() + text_.size(), *place);
      if (problem != std::errc()) return Wrong("a number");
      position_ += static_cast<size_t>(stop - begin);
    }
    if (!Symbol(')')) return Wrong("')'");
    return {};
  }

  Status Children(DataType& type, size_t depth, size_t count) {
    if (!Symbol('<')) return Wrong("'<'");
    for (size_t i = 0; i < count; ++i) {
      if (i > 0 && !Symbol(',')) return Wrong("','");
      STROM_TRY(DataType child, Type(depth + 1));
      type.children.push_back(std::move(child));
    }
    if (!Symbol('>')) return Wrong("'>'");
    return {};
  }

  Status Fields(DataType& row, size_t depth) {
    if (!Symbol('<')) return Wrong("'<'");
    if (Symbol('>')) return {};
    do {
      RowField field;
      if (Peek('`')) {
        STROM_TRY(field.name, Quoted('`'));
      } else {
        field.name = Word();
      }
      STROM_TRY(DataType type, Type(depth + 1));
      if (Peek('\'')) {
        STROM_TRY(field.description, Quoted('\''));
      }
      row.children.push_back(std::move(type));
      row.fields.push_back(std::move(field));
    } while (Symbol(','));
    if (!Symbol('>')) return Wrong("'>'");
    return {};
  }

  // A text between two `quote`s; a doubled one stands for itself.
  Result<std::string> Quoted(char quote) {
    std::string value;
    ++position_;
    while (position_ < text_.size()) {
      const char c = text_[position_++];
      if (c == quote) {
        const bool doubled = position_ < text_.size() && text_[position_] == quote;
        if (!doubled) return value;
        ++position_;
      }
      value += c;
    }
    return Wrong("a closing quote");
  }

  std::string_view Word() {
    SkipSpaces();
    const size_t begin = position_;
    while (position_ < text_.size() && IsWordByte(text_[position_]))
      ++position_;
    return text_.substr(begin, position_ - begin);
  }

  // All of the words in a row, or nothing is consumed.
  bool Words(std::initializer_list<std::string_view> words) {
    const size_t begin = position_;
    for (const std::string_view word : words) {
      if (Word() != word) {
        position_ = begin;
        return false;
      }
    }
    return true;
  }

  bool Peek(char c) {
    SkipSpaces();
    return position_ < text_.size() && text_[position_] == c;
  }
  bool Symbol(char c) {
    if (!Peek(c)) return false;
    ++position_;
    return true;
  }
  void SkipSpaces() {
    while (position_ < text_.size() && text_[position_] == ' ')
      ++position_;
  }

  std::unexpected<Error> Wrong(std::string_view expected) const {
    return Fail(ErrorCode::kInvalidTable, "Data type '{}': expected {} at byte {}.", text_,
                expected, position_);
  }

  std::string_view text_;
  size_t position_ = 0;
};

}  // namespace

Result<DataType> ParseTypeText(std::string_view text) {
  return TypeTextReader(text).Whole();
}

}  // namespace strom::format
