#include "wire/predicate.h"

#include "wire/message.h"
#include "wire/messages.pb.h"

namespace strom::wire {
namespace {

using format::DataType;
using format::Predicate;
using format::TypeRoot;
using format::Value;

// By literal_type (spec 02, 8.1).
constexpr std::array kLiteralTypes{
    TypeRoot::kBoolean,   TypeRoot::kTinyInt,      TypeRoot::kSmallInt, TypeRoot::kInteger,
    TypeRoot::kBigInt,    TypeRoot::kFloat,        TypeRoot::kDouble,   TypeRoot::kChar,
    TypeRoot::kString,    TypeRoot::kDecimal,      TypeRoot::kDate,     TypeRoot::kTime,
    TypeRoot::kTimestamp, TypeRoot::kTimestampLtz, TypeRoot::kBinary,   TypeRoot::kBytes,
};

std::unexpected<Error> Unusable(std::string message) {
  return Fail(ErrorCode::kUnknownServerError, "{}", message);
}

bool Interchangeable(TypeRoot a, TypeRoot b) {
  const auto general = [](TypeRoot root) {
    if (root == TypeRoot::kChar) return TypeRoot::kString;
    if (root == TypeRoot::kBinary) return TypeRoot::kBytes;
    return root;
  };
  return general(a) == general(b);
}

// Big-endian two's complement.
std::optional<format::Int128> UnscaledOf(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > 16) return std::nullopt;
  auto value = static_cast<unsigned __int128>(static_cast<int8_t>(bytes[0]) < 0 ? -1 : 0);
  for (const char byte : bytes)
    value = value << 8 | static_cast<uint8_t>(byte);
  return static_cast<format::Int128>(value);
}

Result<Value> LiteralOf(const pb::PbLiteralValue& literal, const DataType& type) {
  const int32_t number = literal.literal_type();
  if (number < 0 || static_cast<size_t>(number) >= kLiteralTypes.size()) {
    return Unusable(fmt::format("Unknown literal type {}.", number));
  }
  if (!Interchangeable(kLiteralTypes[static_cast<size_t>(number)], type.root)) {
    return Unusable(fmt::format("A literal of type {} does not fit a column of type {}.",
                                JsonName(kLiteralTypes[static_cast<size_t>(number)]),
                                JsonName(type.root)));
  }
  if (literal.is_null()) return Value::Null();
  const auto missing = [&] {
    return Unusable(fmt::format("A literal of type {} has no value.", JsonName(type.root)));
  };
  switch (type.root) {
    case TypeRoot::kBoolean:
      if (!literal.has_boolean_value()) return missing();
      return Value::Bool(literal.boolean_value());
    case TypeRoot::kTinyInt:
    case TypeRoot::kSmallInt:
    case TypeRoot::kInteger:
    case TypeRoot::kTime:
      if (!literal.has_int_value()) return missing();
      return Value::Int(literal.int_value());
    case TypeRoot::kBigInt:
    case TypeRoot::kDate:
      if (!literal.has_bigint_value()) return missing();
      return Value::Int(literal.bigint_value());
    case TypeRoot::kFloat:
      if (!literal.has_float_value()) return missing();
      return Value::Float(literal.float_value());
    case TypeRoot::kDouble:
      if (!literal.has_double_value()) return missing();
      return Value::Double(literal.double_value());
    case TypeRoot::kChar:
    case TypeRoot::kString:
      if (!literal.has_string_value()) return missing();
      return Value::Text(literal.string_value());
    case TypeRoot::kBinary:
    case TypeRoot::kBytes:
      if (!literal.has_binary_value()) return missing();
      return Value::Text(literal.binary_value());
    case TypeRoot::kDecimal:
      if (literal.has_decimal_bytes()) {
        const auto unscaled = UnscaledOf(literal.decimal_bytes());
        if (!unscaled) return Unusable("A decimal literal has no or more than 16 bytes.");
        return Value::Decimal(*unscaled);
      }
      if (!literal.has_decimal_value()) return missing();
      return Value::Decimal(literal.decimal_value());
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      if (!literal.has_timestamp_millis_value()) return missing();
      return Value::TimestampOf(literal.timestamp_millis_value(),
                                literal.timestamp_nano_of_millis_value());
    default:
      return Unusable(fmt::format("Columns of type {} cannot be filtered.", JsonName(type.root)));
  }
}

class Binder {
 public:
  explicit Binder(const format::Schema& schema) : schema_(schema) {}

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxPredicateDepth
  Result<Predicate> Bind(const pb::PbPredicate& node, size_t depth) {
    if (depth > format::kMaxPredicateDepth || ++nodes_ > format::kMaxPredicateNodes) {
      return Unusable(fmt::format("A predicate may have {} nodes and nest {} deep.",
                                  format::kMaxPredicateNodes, format::kMaxPredicateDepth));
    }
    if (node.type() == 0 && node.has_leaf()) return BindLeaf(node.leaf());
    if (node.type() != 1 || !node.has_compound()) {
      return Unusable(
          fmt::format("A predicate node of type {} is neither leaf nor compound.", node.type()));
    }
    const pb::PbCompoundPredicate& compound = node.compound();
    if (compound.function() != 0 && compound.function() != 1) {
      return Unusable(fmt::format("Unknown compound function {}.", compound.function()));
    }
    Predicate predicate;
    predicate.kind = compound.function() == 0 ? Predicate::Kind::kAnd : Predicate::Kind::kOr;
    for (const pb::PbPredicate& child : compound.children()) {
      STROM_TRY(Predicate bound, Bind(child, depth + 1));
      predicate.children.push_back(std::move(bound));
    }
    return predicate;
  }

 private:
  Result<Predicate> BindLeaf(const pb::PbLeafPredicate& leaf) {
    if (leaf.function() < 0 || leaf.function() >= format::kLeafFunctionCount) {
      return Unusable(fmt::format("Unknown leaf function {}.", leaf.function()));
    }
    const auto column = std::ranges::find(schema_.columns, leaf.field_id(), &format::Column::id);
    if (column == schema_.columns.end()) {
      return Unusable(
          fmt::format("The filter's schema has no column with the id {}.", leaf.field_id()));
    }
    literals_ += static_cast<size_t>(leaf.literals_size());
    if (literals_ > format::kMaxPredicateLiterals) {
      return Unusable(
          fmt::format("A predicate may have {} literals.", format::kMaxPredicateLiterals));
    }
    Predicate predicate;
    predicate.function = static_cast<format::LeafFunction>(leaf.function());
    predicate.column_id = column->id;
    predicate.type = column->type;
    for (const pb::PbLiteralValue& literal : leaf.literals()) {
      STROM_TRY(Value value, LiteralOf(literal, column->type));
      predicate.literals.push_back(std::move(value));
    }
    return predicate;
  }

  const format::Schema& schema_;
  size_t nodes_ = 0;
  size_t literals_ = 0;
};

}  // namespace

Result<Predicate> ParsePredicate(ByteView encoded, const format::Schema& filter_schema) {
  STROM_TRY(const auto message, ParseMessage<pb::PbPredicate>(encoded));
  return Binder(filter_schema).Bind(message, 1);
}

}  // namespace strom::wire
