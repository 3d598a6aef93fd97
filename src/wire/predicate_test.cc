// Predicates and filtered reads against the golden vectors; filters never lose a row.
#include "wire/predicate.h"

#include "base/test_vectors.h"
#include "format/batch_values.h"
#include "format/batch_vectors.h"
#include "format/filter_read.h"
#include "format/segment_ranges.h"
#include "format/statistics.h"
#include "format/vector_values.h"
#include "wire/message.h"
#include "wire/messages.pb.h"

namespace strom::wire {
namespace {

using format::BatchFilter;
using format::BatchHeader;
using format::ColumnRange;
using format::Schema;
namespace vectors = format::vectors;
using vectors::Json;

using Schemas = std::map<SchemaId, Schema>;

format::SchemaOf SchemaOf(const Schemas& schemas) {
  return [&schemas](SchemaId id) {
    const auto found = schemas.find(id);
    return found == schemas.end() ? nullptr : &found->second;
  };
}

const ColumnRange* NothingKnown(uint64_t /*position*/, size_t /*column*/) {
  return nullptr;
}

std::vector<int64_t> BaseOffsets(const format::ProjectedBytes& out) {
  Bytes all;
  for (const ByteView range : out.ranges)
    Append(all, range);
  std::vector<int64_t> offsets;
  for (ByteView left = all; !left.empty();) {
    const auto header = format::ReadBatchHeader(left);
    EXPECT_TRUE(header);
    if (!header) break;
    offsets.push_back(header->base_offset.value);
    left = left.subspan(header->size_bytes);
  }
  return offsets;
}

struct Outcome {
  std::vector<int64_t> kept;
  uint64_t bytes = 0;
  std::optional<int64_t> filtered_end;
  Bytes records;
};

// As a bucket reads one segment up to its end (spec 02, 8.5).
Outcome ReadSegment(ByteView run, const Json& predicate_hex, int32_t filter_schema,
                    const Schemas& schemas, uint64_t max_bytes,
                    const std::vector<int32_t>* fields) {
  Outcome outcome;
  format::ProjectedBytes out;
  const auto bound =
      ParsePredicate(vectors::Hex(predicate_hex), schemas.at(SchemaId(filter_schema)));
  if (!bound) {
    outcome.bytes = run.size();
    out.Add(run);
    outcome.kept = BaseOffsets(out);
    return outcome;
  }
  BatchFilter filter(*bound, SchemaOf(schemas));
  const format::PlanFor plan_for =
      [&](SchemaId id) -> Result<std::shared_ptr<const format::ProjectionPlan>> {
    return format::ProjectionPlan::Make(schemas.at(id), *fields, format::LogFormat::kArrow);
  };
  const auto result = format::FilterRun(run, nullptr, filter, NothingKnown,
                                        fields == nullptr ? nullptr : &plan_for, max_bytes, out);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  outcome.kept = BaseOffsets(out);
  outcome.bytes = out.size_bytes;
  for (const ByteView range : out.ranges)
    Append(outcome.records, range);
  if (!result->full && result->scanned_end &&
      (!result->kept_any || *result->scanned_end > result->kept_end)) {
    outcome.filtered_end = result->scanned_end->value;
  }
  return outcome;
}

std::optional<int64_t> OptionalInt(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<int64_t>());
}

// Where Strom knows more than the reference (spec 02, 8.4 recommends it): a leaf of which nothing
// is known is "maybe" and leaves the others their say.
struct Better {
  std::vector<int64_t> kept;
  std::optional<int64_t> filtered_end;
};
const std::map<std::string, Better>& BetterThanTheReference() {
  static const std::map<std::string, Better> better{
      {"and_nostat_first_id_false", {{6, 7}, 11}},
      {"empty_or", {{}, 11}},  // no row matches it, whatever is known
      {"evolution_and_missing_column", {{}, 7}},
  };
  return better;
}

TEST(PredicateVectors, DecideAsTheReferenceOrBetter) {
  VectorReport report("log/predicates.json");
  const Json file = vectors::Load("log/predicates.json");
  const Schemas schemas{{SchemaId(1), vectors::SchemaOf(file["schema"])}};
  const Bytes segment = vectors::Hex(file["segment_hex"]);
  for (const char* group : {"predicates", "fallbacks"}) {
    for (const Json& vector : file[group]) {
      const std::string name = vector["name"];
      SCOPED_TRACE(name);
      const auto bound =
          ParsePredicate(vectors::Hex(vector["pb_predicate_hex"]), schemas.at(SchemaId(1)));
      EXPECT_EQ(bound.has_value(), vector["filter_active"].get<bool>());
      const Outcome outcome =
          ReadSegment(segment, vector["pb_predicate_hex"],
                      vector["filter_schema_id"].get<int32_t>(), schemas, INT32_MAX, nullptr);
      const auto better = BetterThanTheReference().find(name);
      if (better != BetterThanTheReference().end()) {
        EXPECT_EQ(outcome.kept, better->second.kept);
        EXPECT_EQ(outcome.filtered_end, better->second.filtered_end);
      } else {
        EXPECT_EQ(outcome.kept, vector["kept_base_offsets"].get<std::vector<int64_t>>());
        EXPECT_EQ(outcome.bytes, vector["records_bytes"].get<uint64_t>());
        EXPECT_EQ(outcome.filtered_end, OptionalInt(vector["filtered_end_offset"]));
      }
      report.CaseDone(name);
    }
  }
  const Schema types =
      vectors::SchemaOf(vectors::Load("log/arrow_compression.json")["vectors"][0]["schema"]);
  for (const Json& vector : file["literals"]) {
    const auto predicate = ParsePredicate(vectors::Hex(vector["pb_predicate_hex"]), types);
    ASSERT_TRUE(predicate) << predicate.error().message;
    ASSERT_EQ(predicate->literals.size(), 1U);
    const format::Column& column = types.columns[vector["field_id"].get<size_t>()];
    EXPECT_EQ(predicate->column_id, column.id);
    EXPECT_EQ(predicate->literals[0], vectors::FromLog(vector["value"], column.type));
    report.CaseDone(vector["type"].get<std::string>() + " " + vector["value"].dump());
  }
}

TEST(FilterFetchVectors, ReadAsStated) {
  VectorReport report("log/filter_fetch.json");
  const Json file = vectors::Load("log/filter_fetch.json");
  for (const Json& vector : file["vectors"]) {
    const std::string name = vector["name"];
    SCOPED_TRACE(name);
    Schemas schemas;
    if (vector.contains("schemas")) {
      for (const Json& schema : vector["schemas"]) {
        schemas.emplace(SchemaId(schema["schema_id"].get<int32_t>()),
                        vectors::SchemaOf(schema["columns"]));
      }
    } else {
      schemas.emplace(SchemaId(vector["schema_id"].get<int32_t>()),
                      vectors::SchemaOf(vector["schema"]));
    }
    const Bytes segment = vectors::Hex(vector["segment_hex"]);
    ByteView run = segment;
    for (;;) {
      const auto header = format::ReadBatchHeader(run);
      ASSERT_TRUE(header);
      if (header->last_offset().value >= vector["fetch_offset"].get<int64_t>()) break;
      run = run.subspan(header->size_bytes);
    }
    std::vector<int32_t> fields;
    const bool projected =
        vector.contains("projected_fields") && !vector["projected_fields"].is_null();
    if (projected) fields = vector["projected_fields"].get<std::vector<int32_t>>();
    const Outcome outcome =
        ReadSegment(run, vector["pb_predicate_hex"], vector["filter_schema_id"].get<int32_t>(),
                    schemas, vector["max_bytes"].get<uint64_t>(), projected ? &fields : nullptr);
    const auto better = BetterThanTheReference().find(name);
    if (better != BetterThanTheReference().end()) {
      EXPECT_EQ(outcome.kept, better->second.kept);
      EXPECT_EQ(outcome.filtered_end, better->second.filtered_end);
    } else {
      EXPECT_EQ(outcome.kept, vector["kept_base_offsets"].get<std::vector<int64_t>>());
      EXPECT_EQ(outcome.bytes, vector["records_bytes"].get<uint64_t>());
      EXPECT_EQ(outcome.filtered_end, OptionalInt(vector["filtered_end_offset"]));
      if (vector.contains("records_hex") && !projected) {
        EXPECT_EQ(outcome.records, vectors::Hex(vector["records_hex"]));
      }
    }
    report.CaseDone(name);
  }
}

TEST(StatisticsVectors, DecodeToTheStatedRanges) {
  for (const vectors::StoredBatch& batch : vectors::LoadBatches("arrow_statistics.json")) {
    SCOPED_TRACE(batch.name);
    auto ranges = format::ReadStatistics(batch.bytes, batch.header(), *batch.schema);
    std::ranges::sort(ranges, {}, &format::StatedRange::column);  // as the vectors list them
    const Json& stated = batch.expected["statistics"]["columns"];
    ASSERT_EQ(ranges.size(), stated.size());
    for (size_t i = 0; i < ranges.size(); ++i) {
      ASSERT_EQ(ranges[i].column, stated[i]["column_index"].get<size_t>());
      const format::DataType& type = batch.schema->columns[ranges[i].column].type;
      EXPECT_EQ(ranges[i].range.null_count, stated[i]["null_count"].get<int64_t>());
      EXPECT_EQ(ranges[i].range.min, vectors::FromLog(stated[i]["min"], type));
      EXPECT_EQ(ranges[i].range.max, vectors::FromLog(stated[i]["max"], type));
    }
  }
}

TEST(StatisticsVectors, ComputedRangesAreTheStatedOnes) {
  size_t compared = 0;
  for (const vectors::StoredBatch& batch : vectors::LoadBatches("arrow_statistics.json")) {
    SCOPED_TRACE(batch.name);
    std::vector<size_t> all(batch.schema->columns.size());
    std::iota(all.begin(), all.end(), 0);
    const format::RangeBuilder builder(*batch.schema, all);
    const auto computed = builder.Compute(batch.bytes, batch.header());
    ASSERT_TRUE(computed) << computed.error().message;
    for (const format::StatedRange& stated :
         format::ReadStatistics(batch.bytes, batch.header(), *batch.schema)) {
      const auto at =
          std::ranges::find(builder.columns(), stated.column) - builder.columns().begin();
      const ColumnRange& range = (*computed)[static_cast<size_t>(at)];
      EXPECT_EQ(range.null_count, stated.range.null_count);
      // Java writes no bounds of CHAR.
      if (batch.schema->columns[stated.column].type.root == format::TypeRoot::kChar) continue;
      const std::string* longest = stated.range.max.As<std::string>();
      if (longest != nullptr && longest->size() > format::kMaxBoundBytes) {
        EXPECT_TRUE(format::CompareScalars(range.max, stated.range.max) > 0);
      } else {
        EXPECT_EQ(range.max, stated.range.max) << stated.column;
      }
      EXPECT_EQ(range.min, stated.range.min) << stated.column;
      ++compared;
    }
  }
  EXPECT_GT(compared, 100U);
}

// Every row of every golden batch, asked for by itself with each function: its batch is kept.
TEST(Filters, ABatchWithAMatchingRowIsNeverSkipped) {
  size_t asked = 0;
  size_t skipped = 0;
  for (const vectors::StoredBatch& batch : vectors::LoadAllBatches()) {
    if (batch.log_format != format::LogFormat::kArrow) continue;
    SCOPED_TRACE(batch.name);
    const Schema& schema = *batch.schema;
    format::SegmentRanges ranges;
    format::SegmentRanger ranger([&](SchemaId) { return &schema; }, nullptr);
    Bytes bare = batch.bytes;
    ranger.Extend(bare, ranges);
    EXPECT_EQ(ranges.covered_bytes, bare.size());
    const auto stored = format::DecodeSegmentRanges(format::EncodeSegmentRanges(ranges));
    ASSERT_TRUE(stored);
    EXPECT_EQ(*stored, ranges);
    const auto records = format::DecodeBatch(batch.bytes, schema, batch.log_format);
    ASSERT_TRUE(records);
    for (size_t c = 0; c < schema.columns.size(); ++c) {
      if (!format::CanHaveRange(schema.columns[c].type)) continue;
      for (const auto& record : *records) {
        const format::Value& value = record.row[c];
        const auto may = [&](format::LeafFunction function, std::vector<format::Value> literals) {
          format::Predicate leaf;
          leaf.function = function;
          leaf.column_id = schema.columns[c].id;
          leaf.type = schema.columns[c].type;
          leaf.literals = std::move(literals);
          BatchFilter filter(leaf, [&](SchemaId) { return &schema; });
          ++asked;
          const format::StoredBatch stored{batch.bytes, batch.bytes, batch.header()};
          return filter.MayMatch(
              stored, 0, [&](uint64_t at, size_t column) { return ranges.Find(at, column); });
        };
        using enum format::LeafFunction;
        if (value.is_null()) {
          EXPECT_TRUE(may(kIsNull, {}));
          skipped += may(kEqual, {format::Value::Null()}) ? 0 : 1;
          continue;
        }
        EXPECT_TRUE(may(kIsNotNull, {}));
        for (const auto function : {kEqual, kLessOrEqual, kGreaterOrEqual, kIn})
          EXPECT_TRUE(may(function, {value})) << static_cast<int>(function) << " column " << c;
        if (const std::string* text = value.As<std::string>()) {
          for (size_t length = 0; length <= text->size(); ++length) {
            EXPECT_TRUE(may(kStartsWith, {format::Value::Text(text->substr(0, length))}));
          }
          EXPECT_TRUE(may(kContains, {value}));
          EXPECT_TRUE(may(kEndsWith, {value}));
        }
        for (const auto& other : *records) {
          const format::Value& literal = other.row[c];
          if (literal.is_null()) continue;
          const auto order = format::CompareScalars(value, literal);
          if (order < 0) EXPECT_TRUE(may(kLessThan, {literal}));
          if (order > 0) EXPECT_TRUE(may(kGreaterThan, {literal}));
          if (order != 0) {
            EXPECT_TRUE(may(kNotEqual, {literal}));
            EXPECT_TRUE(may(kNotIn, {literal}));
          }
        }
      }
    }
  }
  EXPECT_GT(asked, 1000U);
  EXPECT_GT(skipped, 10U);
}

TEST(Filters, BoundsOfLongStringsAreWidenedNotCutOff) {
  const Bytes file = format::EncodeSegmentRanges({});
  EXPECT_TRUE(format::DecodeSegmentRanges(file));
  const std::string long_text(format::kMaxBoundBytes + 10, 'm');
  const Json columns = Json::parse(R"([{"name":"s","type":"STRING"}])");
  const Schema schema = vectors::SchemaOf(columns);
  format::Predicate leaf;
  leaf.type = schema.columns[0].type;
  leaf.column_id = 0;
  ColumnRange range{0, format::Value::Text(long_text.substr(0, format::kMaxBoundBytes)),
                    format::Value::Text(long_text.substr(0, format::kMaxBoundBytes - 1) + "n")};
  const auto may = [&](format::LeafFunction function, std::string_view literal) {
    leaf.function = function;
    leaf.literals = {format::Value::Text(literal)};
    return format::MayMatch(format::Bind(leaf, schema), 5,
                            [&](size_t) -> const ColumnRange* { return &range; });
  };
  using enum format::LeafFunction;
  EXPECT_TRUE(may(kEqual, long_text));
  EXPECT_TRUE(may(kNotEqual, long_text));
  EXPECT_TRUE(may(kStartsWith, long_text));
  EXPECT_TRUE(may(kStartsWith, "mm"));
  EXPECT_FALSE(may(kStartsWith, "a"));
  EXPECT_FALSE(may(kEqual, "n"));
  EXPECT_FALSE(may(kGreaterThan, "n"));
}

TEST(Filters, ZerosOfEitherSignAndNanAreNeverUsedToSkip) {
  const Schema schema = vectors::SchemaOf(Json::parse(R"([{"name":"d","type":"DOUBLE"}])"));
  format::Predicate leaf;
  leaf.type = schema.columns[0].type;
  leaf.column_id = 0;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto may = [&](format::LeafFunction function, double literal, double min, double max) {
    leaf.function = function;
    leaf.literals = {format::Value::Double(literal)};
    const ColumnRange range{0, format::Value::Double(min), format::Value::Double(max)};
    return format::MayMatch(format::Bind(leaf, schema), 5,
                            [&](size_t) -> const ColumnRange* { return &range; });
  };
  using enum format::LeafFunction;
  EXPECT_TRUE(may(kLessThan, 0.0, -0.0, 1.0));
  EXPECT_TRUE(may(kGreaterThan, -0.0, -1.0, 0.0));
  EXPECT_TRUE(may(kEqual, -0.0, 0.0, 0.0));
  EXPECT_TRUE(may(kNotEqual, 0.0, -0.0, 0.0));
  EXPECT_TRUE(may(kGreaterThan, 1e300, 0.0, nan));
  for (const auto function : {kEqual, kLessThan, kGreaterThan, kNotEqual, kIn})
    EXPECT_TRUE(may(function, nan, 0.0, 1.0));
  EXPECT_FALSE(may(kLessThan, 0.0, 0.0, 1.0));
  EXPECT_FALSE(may(kEqual, 2.0, 0.0, 1.0));
}

TEST(Filters, DamagedFilesOfRangesAreRefused) {
  format::SegmentRanges ranges{
      1000,
      {{0,
        {{0, {0, format::Value::Int(-5), format::Value::Int(7)}},
         {3, {-1, format::Value::Null(), format::Value::Text("x")}}}},
       {500,
        {{1, {2, format::Value::Decimal(-1), format::Value::Decimal(1)}},
         {2, {0, format::Value::TimestampOf(-1, 5), format::Value::TimestampOf(9, 0)}},
         {4, {0, format::Value::Float(-0.0F), format::Value::Float(1.5F)}},
         {5, {0, format::Value::Bool(false), format::Value::Bool(true)}}}}}};
  const Bytes file = format::EncodeSegmentRanges(ranges);
  EXPECT_EQ(*format::DecodeSegmentRanges(file), ranges);
  for (size_t at = 0; at < file.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes damaged = file;
      damaged[at] ^= static_cast<uint8_t>(1 << bit);
      EXPECT_FALSE(format::DecodeSegmentRanges(damaged)) << at;
    }
    EXPECT_FALSE(format::DecodeSegmentRanges(ByteView(file).first(at)));
  }
}

TEST(Filters, APredicateTooDeepOrTooLargeIsRefused) {
  const Schema schema = vectors::SchemaOf(Json::parse(R"([{"name":"i","type":"INT"}])"));
  pb::PbPredicate deep;
  pb::PbPredicate* node = &deep;
  for (size_t i = 0; i <= format::kMaxPredicateDepth; ++i) {
    node->set_type(1);
    node->mutable_compound()->set_function(0);
    node = node->mutable_compound()->add_children();
  }
  node->set_type(0);
  node->mutable_leaf()->set_function(6);
  node->mutable_leaf()->set_field_id(0);
  const std::string bytes = deep.SerializePartialAsString();
  EXPECT_FALSE(ParsePredicate(AsBytes(bytes), schema));
  pb::PbPredicate wide;
  wide.set_type(1);
  wide.mutable_compound()->set_function(1);
  for (size_t i = 0; i < format::kMaxPredicateNodes; ++i)
    *wide.mutable_compound()->add_children() = *node;
  EXPECT_FALSE(ParsePredicate(AsBytes(wide.SerializeAsString()), schema));
  wide.mutable_compound()->mutable_children()->DeleteSubrange(0, 2);
  EXPECT_TRUE(ParsePredicate(AsBytes(wide.SerializeAsString()), schema));
}

// With each of these a fetch falls back to reading everything, so that no row is lost.
TEST(Filters, APredicateThatMakesNoSenseIsRefusedByName) {
  const Schema schema = vectors::SchemaOf(
      Json::parse(R"json([{"name":"i","type":"INT"},{"name":"d","type":"DECIMAL(30, 2)"},
                      {"name":"a","type":"ARRAY<INT>"}])json"));
  const auto refusal = [&schema](const pb::PbPredicate& predicate) {
    const auto parsed = ParsePredicate(AsBytes(predicate.SerializePartialAsString()), schema);
    return parsed ? "accepted" : parsed.error().message;
  };
  const auto equal = [](int32_t column) {
    pb::PbPredicate leaf;
    leaf.set_type(0);
    leaf.mutable_leaf()->set_function(0);
    leaf.mutable_leaf()->set_field_id(column);
    return leaf;
  };
  const auto with = [&](int32_t column, int32_t literal_type) {
    pb::PbPredicate leaf = equal(column);
    leaf.mutable_leaf()->add_literals()->set_literal_type(literal_type);
    leaf.mutable_leaf()->mutable_literals(0)->set_is_null(false);
    return leaf;
  };
  pb::PbPredicate odd;
  odd.set_type(2);
  EXPECT_EQ(refusal(odd), "A predicate node of type 2 is neither leaf nor compound.");
  odd.set_type(1);
  EXPECT_EQ(refusal(odd), "A predicate node of type 1 is neither leaf nor compound.");
  odd.mutable_compound()->set_function(2);
  EXPECT_EQ(refusal(odd), "Unknown compound function 2.");
  pb::PbPredicate unknown = equal(0);
  unknown.mutable_leaf()->set_function(format::kLeafFunctionCount);
  EXPECT_EQ(refusal(unknown), fmt::format("Unknown leaf function {}.", format::kLeafFunctionCount));
  EXPECT_EQ(refusal(equal(9)), "The filter's schema has no column with the id 9.");
  EXPECT_EQ(refusal(with(0, 16)), "Unknown literal type 16.");
  EXPECT_EQ(refusal(with(0, -1)), "Unknown literal type -1.");
  EXPECT_EQ(refusal(with(0, 4)), "A literal of type BIGINT does not fit a column of type INTEGER.");
  EXPECT_EQ(refusal(with(0, 3)), "A literal of type INTEGER has no value.");
  EXPECT_EQ(refusal(with(1, 9)), "A literal of type DECIMAL has no value.");
  EXPECT_EQ(refusal(with(2, 3)), "A literal of type INTEGER does not fit a column of type ARRAY.");
  for (const size_t size : {0, 17}) {
    pb::PbPredicate decimal = with(1, 9);
    decimal.mutable_leaf()->mutable_literals(0)->set_decimal_bytes(std::string(size, 'x'));
    EXPECT_EQ(refusal(decimal), "A decimal literal has no or more than 16 bytes.");
  }
  pb::PbPredicate many = with(0, 3);
  many.mutable_leaf()->mutable_literals(0)->set_int_value(1);
  EXPECT_EQ(refusal(many), "accepted");
  for (size_t i = 0; i < format::kMaxPredicateLiterals; ++i)
    *many.mutable_leaf()->add_literals() = many.leaf().literals(0);
  EXPECT_EQ(refusal(many),
            fmt::format("A predicate may have {} literals.", format::kMaxPredicateLiterals));
}

// A column of each type asked for without a value.
TEST(Filters, ALiteralWithoutItsValueIsRefused) {
  const std::vector<std::string> types{
      "BOOLEAN",      "TINYINT",          "SMALLINT",  "INT",           "BIGINT", "FLOAT",
      "DOUBLE",       "CHAR(2)",          "STRING",    "DECIMAL(9, 2)", "DATE",   "TIME",
      "TIMESTAMP(3)", "TIMESTAMP_LTZ(3)", "BINARY(2)", "BYTES"};
  for (size_t type = 0; type < types.size(); ++type) {
    const Schema schema =
        vectors::SchemaOf(Json::array({Json{{"name", "c"}, {"type", types[type]}}}));
    pb::PbPredicate leaf;
    leaf.set_type(0);
    leaf.mutable_leaf()->set_function(0);
    leaf.mutable_leaf()->set_field_id(0);
    pb::PbLiteralValue& literal = *leaf.mutable_leaf()->add_literals();
    literal.set_literal_type(static_cast<int32_t>(type));
    literal.set_is_null(false);
    const auto refused = ParsePredicate(AsBytes(leaf.SerializeAsString()), schema);
    ASSERT_FALSE(refused) << types[type];
    EXPECT_TRUE(refused.error().message.ends_with("has no value.")) << refused.error().message;
    literal.set_is_null(true);
    const auto null = ParsePredicate(AsBytes(leaf.SerializeAsString()), schema);
    ASSERT_TRUE(null) << null.error().message;
    EXPECT_TRUE(null->literals[0].is_null());
  }
}

}  // namespace
}  // namespace strom::wire
