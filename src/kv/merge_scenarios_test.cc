// The put_kv steps of tests/vectors/kv-behaviour against the mergers alone, with a map as the
// store. (replica/kv_scenarios_test.cc runs all steps, and counts them.)
#include <map>

#include <gtest/gtest.h>

#include "base/value_syntax.h"
#include "format/vector_values.h"
#include "kv/row_merger.h"

namespace strom::kv {
namespace {

using format::Row;
using format::Value;
using format::vectors::Json;

struct Change {
  std::string type;
  Row row;

  friend bool operator==(const Change&, const Change&) = default;
};

struct StoredValue {
  SchemaId schema_id;
  Bytes row;
};

// Where this server refuses what the reference takes, or with another number.
struct Deviation {
  std::string_view scenario;
  ErrorCode code;
  bool reference_succeeds = false;  // then the rest of the scenario does not apply
};
constexpr Deviation kDeviations[] = {
    {"first_row_partial_rejected", ErrorCode::kInvalidTargetColumn},
    {"versioned_bigint", ErrorCode::kInvalidTargetColumn},
    {"partial_column_index_out_of_range", ErrorCode::kInvalidTargetColumn, true},
    {"agg_rbm", ErrorCode::kCorruptRecord},
    {"agg_sum_compact_decimal_overflow_compacted", ErrorCode::kUnknownServerError, true},
};

const Deviation* DeviationOf(std::string_view scenario) {
  const auto* found = std::ranges::find(kDeviations, scenario, &Deviation::scenario);
  return found == std::end(kDeviations) ? nullptr : found;
}

template <class Enum>
std::optional<Enum> EnumOf(const Json& properties, const std::string& key,
                           std::span<const std::string_view> texts) {
  if (!properties.contains(key)) return std::nullopt;
  const auto found = FindIgnoringCase(texts, properties[key].get<std::string>());
  if (!found) throw std::runtime_error("unknown value of " + key);
  return static_cast<Enum>(*found);
}

LayoutSettings SettingsOf(const Json& properties) {
  constexpr std::string_view kEngines[] = {"", "first_row", "versioned", "aggregation"};
  constexpr std::string_view kDeletes[] = {"allow", "ignore", "disable"};
  LayoutSettings settings;
  settings.merge_engine = EnumOf<MergeEngine>(properties, "table.merge-engine", kEngines)
                              .value_or(MergeEngine::kDefault);
  settings.delete_behavior = EnumOf<DeleteBehavior>(properties, "table.delete.behavior", kDeletes);
  const std::string version_key = "table.merge-engine.versioned.ver-column";
  if (properties.contains(version_key)) settings.version_column = properties[version_key];
  settings.full_image = properties.value("table.changelog.image", "FULL") != "WAL";
  return settings;
}

// A table with one bucket.
class Bucket {
 public:
  explicit Bucket(const Json& scenario) : scenario_(scenario) { AlterTo(1); }

  void AlterTo(int32_t latest) {
    std::map<SchemaId, std::shared_ptr<const format::Schema>> schemas;
    for (const auto& [id, json] : scenario_["schemas"].items()) {
      if (std::stoi(id) > latest) continue;
      schemas.emplace(SchemaId(std::stoi(id)),
                      std::make_shared<format::Schema>(*format::ParseSchema(json)));
    }
    layout_ = *MakeTableLayout(schemas, SettingsOf(scenario_["table_properties"]));
  }

  // All or nothing.
  Result<std::vector<Change>> Put(const Json& step) {
    std::vector<int32_t> targets;
    if (!step["target_columns"].is_null())
      targets = step["target_columns"].get<std::vector<int32_t>>();
    const bool overwrite = step["agg_mode"] == 1;
    STROM_TRY(const auto merger, MakeRowMerger(layout_, targets, overwrite));
    const auto before = store_;
    std::vector<Change> changes;
    for (const Json& record : step["records"]) {
      const SchemaId schema_id(step["schema_id"].get<int32_t>());
      const auto done = PutRecord(*merger, schema_id, record, changes);
      if (done) continue;
      store_ = before;
      return Fail(done.error());
    }
    return changes;
  }

  Row RowOf(const Json& json) const {
    Row row;
    const auto& types = layout_.latest().types;
    for (size_t i = 0; i < types.size(); ++i)
      row.push_back(i < json.size() ? format::vectors::FromBehaviour(json[i], types[i]) : Value{});
    return row;
  }
  std::string ValueHex(const std::string& key) const {
    const auto found = store_.find(key);
    if (found == store_.end()) return "none";
    Bytes value;
    AppendLittle(value, static_cast<int16_t>(found->second.schema_id.value));
    Append(value, found->second.row);
    return ToHex(value);
  }
  Row StoredRowOf(const std::string& key) const { return Decode(store_.at(key)); }

 private:
  Status PutRecord(RowMerger& merger, SchemaId schema_id, const Json& record,
                   std::vector<Change>& changes) {
    const std::string key = record["key_hex"];
    const auto found = store_.find(key);
    std::optional<StoredRow> old;
    if (found != store_.end()) old = StoredRow{found->second.schema_id, found->second.row};
    if (record["row"].is_null()) {
      if (merger.delete_behavior() == DeleteBehavior::kDisable) {
        return Fail(ErrorCode::kDeletionDisabled, "Deletes are disabled.");
      }
      if (merger.delete_behavior() == DeleteBehavior::kIgnore || !old) return {};
      STROM_TRY(MergeOutcome outcome, merger.Delete(*old));
      return Apply(key, std::move(outcome), {}, false, changes);
    }
    StoredValue incoming{.schema_id = schema_id};
    const auto& types = layout_.Find(schema_id)->types;
    Row values;
    for (size_t i = 0; i < types.size(); ++i)
      values.push_back(format::vectors::FromBehaviour(record["row"][i], types[i]));
    STROM_TRY_VOID(format::AppendRow(layout_.row_format, types, values, incoming.row));
    STROM_TRY(MergeOutcome outcome, merger.Upsert(old, {schema_id, incoming.row}));
    const bool blind = merger.replaces_whole_rows() && !layout_.full_image;
    return Apply(key, std::move(outcome), std::move(incoming), blind, changes);
  }

  Status Apply(const std::string& key, MergeOutcome outcome, StoredValue incoming, bool blind,
               std::vector<Change>& changes) {
    if (outcome.kind == MergeKind::kUnchanged) return {};
    const auto found = store_.find(key);
    if (outcome.kind == MergeKind::kRemoved) {
      changes.push_back({"-D", Decode(found->second)});
      store_.erase(found);
      return {};
    }
    StoredValue value = outcome.kind == MergeKind::kIncoming
                            ? std::move(incoming)
                            : StoredValue{layout_.latest().id, std::move(outcome.row)};
    if (found == store_.end() && !blind) {
      changes.push_back({"+I", Decode(value)});
    } else {
      if (layout_.full_image) changes.push_back({"-U", Decode(found->second)});
      changes.push_back({"+U", Decode(value)});
    }
    store_.insert_or_assign(key, std::move(value));
    return {};
  }

  Row Decode(const StoredValue& value) const {
    auto row =
        format::DecodeRow(layout_.row_format, value.row, layout_.Find(value.schema_id)->types);
    if (!row) throw std::runtime_error(row.error().message);
    row->resize(layout_.latest().types.size());
    return *row;
  }

  const Json& scenario_;
  TableLayout layout_;
  std::map<std::string, StoredValue> store_;
};

// False: nothing after this step applies.
bool CheckPut(Bucket& bucket, const std::string& scenario, const Json& step) {
  const auto changes = bucket.Put(step);
  const Deviation* deviation = DeviationOf(scenario);
  const Json& expected = step["expect"];
  if (expected["error"].is_null()) {
    if (!changes && deviation != nullptr && deviation->reference_succeeds) {
      EXPECT_EQ(changes.error().code, deviation->code);
      return false;
    }
    std::vector<Change> wanted;
    for (const Json& batch : expected["log_batches"]) {
      for (const Json& record : batch["records"])
        wanted.push_back({record["change_type"], bucket.RowOf(record["row"])});
    }
    EXPECT_TRUE(changes) << changes.error().message;
    if (!changes) return false;
    EXPECT_TRUE(*changes == wanted) << step.dump();
    return true;
  }
  EXPECT_FALSE(changes);
  if (changes) return false;
  const auto code = static_cast<ErrorCode>(expected["error"]["code"].get<int32_t>());
  const bool differs = deviation != nullptr && code == ErrorCode::kUnknownServerError;
  EXPECT_EQ(changes.error().code, differs ? deviation->code : code) << changes.error().message;
  EXPECT_FALSE(changes.error().message.empty());
  return true;
}

void CheckScenario(const Json& scenario) {
  Bucket bucket(scenario);
  bool all_flushed = true;
  for (const Json& step : scenario["steps"]) {
    const std::string op = step["op"];
    if (op == "alter_schema") {
      bucket.AlterTo(step["latest_schema_id"]);
    } else if (op == "put_kv") {
      if (!CheckPut(bucket, scenario["name"], step)) return;
      all_flushed = false;
    } else if (op == "advance_high_watermark_and_flush") {
      all_flushed = true;
    } else if (op == "lookup" && all_flushed) {
      for (const Json& entry : step["expect"]) {
        const Json& hex = entry["value_hex"];
        const std::string wanted = hex.is_null() ? "none" : hex.get<std::string>();
        EXPECT_EQ(bucket.ValueHex(entry["key_hex"]), wanted) << entry;
      }
    }
  }
}

void CheckFile(const std::string& file, size_t expected_count) {
  const Json document = format::vectors::Load("kv-behaviour/" + file);
  EXPECT_EQ(document["scenarios"].size(), expected_count);
  for (const Json& scenario : document["scenarios"]) {
    SCOPED_TRACE(scenario["name"]);
    CheckScenario(scenario);
  }
}

TEST(MergeScenarios, PartialUpdates) {
  CheckFile("partial-update.json", 9);
}

TEST(MergeScenarios, MergeEngines) {
  CheckFile("merge-engines.json", 11);
}

TEST(MergeScenarios, Aggregation) {
  CheckFile("aggregation.json", 17);
}

}  // namespace
}  // namespace strom::kv
