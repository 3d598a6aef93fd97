#include <algorithm>
#include <array>

#include "base/value_syntax.h"
#include "metadata/table_rules.h"

namespace strom::metadata {

namespace {

using format::AggFunction;
using format::Column;
using format::TypeRoot;

constexpr TypeRoot kNumbers[] = {TypeRoot::kTinyInt, TypeRoot::kSmallInt, TypeRoot::kInteger,
                                 TypeRoot::kBigInt,  TypeRoot::kFloat,    TypeRoot::kDouble,
                                 TypeRoot::kDecimal};
constexpr TypeRoot kOrdered[] = {TypeRoot::kTinyInt,     TypeRoot::kSmallInt, TypeRoot::kInteger,
                                 TypeRoot::kBigInt,      TypeRoot::kFloat,    TypeRoot::kDouble,
                                 TypeRoot::kDecimal,     TypeRoot::kChar,     TypeRoot::kString,
                                 TypeRoot::kDate,        TypeRoot::kTime,     TypeRoot::kTimestamp,
                                 TypeRoot::kTimestampLtz};
constexpr TypeRoot kTexts[] = {TypeRoot::kString, TypeRoot::kChar};
constexpr TypeRoot kBools[] = {TypeRoot::kBoolean};
constexpr TypeRoot kBitmaps[] = {TypeRoot::kBytes};

constexpr std::string_view kDelimiter = "delimiter";

struct AggFunctionInfo {
  std::string_view name;
  std::span<const TypeRoot> types;  // empty: any
  bool has_delimiter = false;
};

// Spec 06, 4.3. Functions that are not listed take any type and no parameter.
constexpr AggFunctionInfo kRestricted[] = {
    {"sum", kNumbers},    {"product", kNumbers},     {"max", kOrdered},
    {"min", kOrdered},    {"listagg", kTexts, true}, {"string_agg", kTexts, true},
    {"bool_and", kBools}, {"bool_or", kBools},       {"rbm32", kBitmaps},
    {"rbm64", kBitmaps},
};

std::string JsonNames(std::span<const TypeRoot> roots) {
  std::vector<std::string_view> names;
  for (const TypeRoot root : roots)
    names.push_back(JsonName(root));
  return fmt::format("[{}]", fmt::join(names, ", "));
}

// Nothing if the function suits the column.
std::optional<std::string> ProblemOf(const AggFunction& function, const Column& column) {
  const auto* found = std::ranges::find(kRestricted, function.type, &AggFunctionInfo::name);
  const AggFunctionInfo info =
      found == std::end(kRestricted) ? AggFunctionInfo{function.type, {}} : *found;
  for (const auto& [key, value] : function.parameters) {
    if (!info.has_delimiter || key != kDelimiter) {
      return fmt::format(
          "Parameter '{}' is not supported for aggregation function '{}'. Supported parameters: {}",
          key, function.type, info.has_delimiter ? kDelimiter : "none");
    }
    if (value.empty()) {
      return fmt::format("Parameter '{}' for aggregation function '{}' must be a non-empty string",
                         key, function.type);
    }
  }
  if (!info.types.empty() && std::ranges::find(info.types, column.type.root) == info.types.end()) {
    return fmt::format("Data type for {} column must be part of {} but was '{}'.", function.type,
                       JsonNames(info.types), ToSummaryString(column.type));
  }
  return std::nullopt;
}

Status CheckVersionColumn(const CheckedTable& checked) {
  const auto& name = checked.settings.version_column;
  if (!name) {
    return Fail(ErrorCode::kInvalidConfig, "'{}' must be set for versioned merge engine.",
                option::kVersionColumn);
  }
  const Column* column = checked.Find(*name);
  if (column == nullptr) {
    return Fail(ErrorCode::kInvalidConfig,
                "The version column '{}' for versioned merge engine doesn't exist in schema.",
                *name);
  }
  switch (column->type.root) {
    case TypeRoot::kInteger:
    case TypeRoot::kBigInt:
    case TypeRoot::kTimestamp:
    case TypeRoot::kTimestampLtz:
      return {};
    default:
      return Fail(ErrorCode::kInvalidConfig,
                  "The version column '{}' for versioned merge engine must be one type of [INT, "
                  "BIGINT, TIMESTAMP, TIMESTAMP_LTZ], but got {}.",
                  *name, ToSummaryString(column->type));
  }
}

Status CheckAggregation(const CheckedTable& checked) {
  if (checked.settings.changelog_image == ChangelogImage::kWal) {
    return Fail(
        ErrorCode::kInvalidConfig,
        "Table with 'AGGREGATION' merge engine does not support 'WAL' changelog image mode. "
        "Aggregation merge engine tables require FULL changelog image mode for correct UNDO "
        "recovery. Please set '{}' to 'FULL' or remove the setting.",
        option::kChangelogImage);
  }
  for (const Column& column : checked.table.schema.columns) {
    STROM_TRY_VOID(CheckAggFunction(column));
  }
  return {};
}

}  // namespace

Status CheckAggFunction(const Column& column) {
  if (!column.agg_function) return {};
  const auto problem = ProblemOf(*column.agg_function, column);
  if (!problem) return {};
  return Fail(ErrorCode::kInvalidConfig, "Invalid aggregation function for column '{}': {}",
              column.name, *problem);
}

Status CheckMergeEngine(const CheckedTable& checked) {
  const auto engine = checked.settings.merge_engine;
  if (engine != MergeEngine::kAggregation) {
    for (const Column& column : checked.table.schema.columns) {
      if (!column.agg_function) continue;
      return Fail(ErrorCode::kInvalidConfig,
                  "Aggregation function is only supported for aggregation merge engine table, but "
                  "column '{}' has aggregation function '{}'.",
                  column.name, column.agg_function->type);
    }
  }
  if (!engine) return {};
  if (!checked.has_primary_key()) {
    return Fail(ErrorCode::kInvalidConfig, "Merge engine is only supported in primary key table.");
  }
  if (engine == MergeEngine::kVersioned) return CheckVersionColumn(checked);
  if (engine == MergeEngine::kAggregation) return CheckAggregation(checked);
  return {};
}

}  // namespace strom::metadata
