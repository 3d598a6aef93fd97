// tests/vectors/kv-behaviour: whole histories of a bucket, with a real log and both kinds of store.
// What a step says is compared: errors, offsets, the batches that were logged (byte for byte where
// the file has their bytes), what lookups and scans give.
#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/batch_values.h"
#include "format/value_batch.h"
#include "format/vector_values.h"
#include "kv/kv_bucket.h"
#include "kv/memory_store.h"
#include "kv/rocks_store.h"
#include "log/log.h"
#include "metadata/documents.h"
#include "replica/kv_tables.h"
#include "runtime/test_runtime.h"

namespace strom::replica {
namespace {

using format::Row;
using format::vectors::Hex;
using format::vectors::Json;

constexpr Timestamp kAppendTime{1'700'000'000'000};

// Where this server answers with another error than the reference, or with one where it has none
// (then nothing after the step applies); kNone: ours succeeds.
struct Deviation {
  std::string_view scenario;
  ErrorCode code;
  bool reference_succeeds = false;
};
constexpr Deviation kDeviations[] = {
    // The reference cannot write the format that it lets such a table have.
    {"indexed_kv_indexed_log", ErrorCode::kNone},
    {"first_row_partial_rejected", ErrorCode::kInvalidTargetColumn},
    {"versioned_bigint", ErrorCode::kInvalidTargetColumn},
    {"partial_column_index_out_of_range", ErrorCode::kInvalidTargetColumn, true},
    {"agg_rbm", ErrorCode::kCorruptRecord},
    {"agg_sum_compact_decimal_overflow_compacted", ErrorCode::kUnknownServerError, true},
};

class Scenario {
 public:
  Scenario(const Json& json, kv::StoreEngine& engine, const std::string& folder)
      : json_(json), name_(json["name"]) {
    info_.path = {"db", "t"};
    info_.id = TableId(1);
    for (const auto& [key, value] : json["table_properties"].items())
      info_.descriptor.properties[key] = value;
    info_.has_primary_key = true;
    AlterTo(1);
    auto log = log::Log::Open(runtime::ThisShard().files(), folder + "/log-0", kBucket, {},
                              Offset(0), true, kAppendTime);
    log_ = std::move(*log);
    bucket_.emplace(table_, *engine.Open(folder + "/kv-0"));
  }

  void Run() {
    for (const Json& step : json_["steps"]) {
      SCOPED_TRACE(step.dump().substr(0, 300));
      const std::string op = step["op"];
      if (op == "put_kv") {
        if (!Put(step)) return;
      } else if (op == "alter_schema") {
        AlterTo(step["latest_schema_id"]);
        bucket_->ChangeTable(table_);
      } else if (op == "advance_high_watermark_and_flush") {
        ASSERT_TRUE(bucket_->Commit(Offset(step["up_to_offset"].get<int64_t>())));
      } else if (op == "lookup") {
        CheckLookup(step["expect"]);
      } else if (op == "limit_scan") {
        CheckLimitScan(step);
      } else if (op == "prefix_lookup") {
        CheckPrefix(step);
      } else if (op == "lookup_insert_if_not_exists") {
        InsertIfNotExists(step);
      } else if (op == "get_table_stats") {
        CheckStats(step["expect"]);
      } else {
        FAIL() << "unknown step " << op;
      }
    }
  }

 private:
  static constexpr TableBucket kBucket{TableId(1), std::nullopt, BucketId(0)};

  void AlterTo(int32_t latest) {
    for (const auto& [id, schema] : json_["schemas"].items()) {
      if (std::stoi(id) > latest) continue;
      info_.schemas[SchemaId(std::stoi(id))] =
          std::make_shared<format::Schema>(*format::ParseSchema(schema));
    }
    info_.descriptor.schema = *info_.schemas.rbegin()->second;
    auto made = MakeKvTable(info_);
    ASSERT_TRUE(made) << made.error().message;
    table_ = *made;
  }

  const Deviation* FindDeviation() const {
    const auto* found = std::ranges::find(kDeviations, name_, &Deviation::scenario);
    return found == std::end(kDeviations) ? nullptr : found;
  }

  // As a replica does it.
  Result<log::AppendResult> Write(ByteView records, const kv::PutOptions& options) {
    STROM_TRY(const format::KvBatch batch, format::ParseKvBatch(records));
    if (bucket_->has_auto_increment()) {
      const auto& properties = info_.descriptor.properties;
      const auto given = properties.find("table.auto-increment.cache-size");
      const int64_t size = given == properties.end() ? 100'000 : std::stoll(given->second);
      for (; bucket_->ids_left() < batch.record_count; next_id_ += size)
        bucket_->AddIds(next_id_, next_id_ + size - 1);
    }
    STROM_TRY(Bytes changelog, bucket_->Prepare(batch, options));
    log::AppendBatch append[] = {{changelog, *format::ReadBatchHeader(changelog)}};
    auto appended = log_->Append(append, kAppendTime);
    if (!appended || appended->duplicate) {
      bucket_->Discard();
    } else {
      bucket_->Keep(appended->end_offset);
    }
    return appended;
  }

  // False: nothing after this step applies.
  bool Put(const Json& step) {
    std::vector<int32_t> targets;
    if (!step["target_columns"].is_null()) {
      targets = step["target_columns"].get<std::vector<int32_t>>();
    }
    const Offset before = log_->end_offset();
    const auto written = Write(Hex(step["kv_record_batch_hex"]), {targets, step["agg_mode"] == 1});
    const Json& expected = step["expect"];
    const Deviation* deviation = FindDeviation();
    if (expected["error"].is_null()) {
      if (!written && deviation != nullptr && deviation->reference_succeeds) {
        EXPECT_EQ(written.error().code, deviation->code);
        return false;
      }
      EXPECT_TRUE(written) << written.error().message;
      if (!written) return false;
      EXPECT_EQ(written->end_offset.value, expected["response_log_end_offset"].get<int64_t>());
      EXPECT_EQ(written->duplicate, expected["duplicated"].get<bool>());
    } else {
      if (deviation != nullptr && deviation->code == ErrorCode::kNone) {
        EXPECT_TRUE(written) << written.error().message;
        return false;
      }
      EXPECT_FALSE(written);
      if (written) return false;
      const auto code = static_cast<ErrorCode>(expected["error"]["code"].get<int32_t>());
      const bool differs = deviation != nullptr && code == ErrorCode::kUnknownServerError;
      EXPECT_EQ(written.error().code, differs ? deviation->code : code) << written.error().message;
    }
    EXPECT_EQ(log_->end_offset().value, expected["local_log_end_offset"].get<int64_t>());
    CheckLogged(before, expected["log_batches"]);
    return true;
  }

  void CheckLogged(Offset from, const Json& batches) {
    for (const Json& batch : batches) {
      const auto read = log_->Read(from, log_->end_offset(), 1, true);
      ASSERT_TRUE(read);
      const auto header = format::ReadBatchHeader(read->bytes);
      ASSERT_TRUE(header);
      EXPECT_EQ(header->base_offset.value, batch["base_offset"].get<int64_t>());
      EXPECT_EQ(header->next_offset().value, batch["next_offset"].get<int64_t>());
      EXPECT_EQ(header->schema_id.value, batch["schema_id"].get<int32_t>());
      EXPECT_EQ(header->writer_id.value, batch["writer_id"].get<int64_t>());
      EXPECT_EQ(header->batch_sequence, batch["batch_sequence"].get<int32_t>());
      EXPECT_EQ(header->record_count, batch["record_count"].get<int32_t>());
      const ByteView bytes = read->bytes.first(header->size_bytes);
      const bool arrow = table_->layout().log_format == format::LogFormat::kArrow;
      if (batch.contains("log_batch_hex") && (!arrow || header->record_count == 0)) {
        EXPECT_EQ(ToHex(bytes), batch["log_batch_hex"].get<std::string>());
      }
      CheckRecords(bytes, batch["records"]);
      from = header->next_offset();
    }
    EXPECT_EQ(from, log_->end_offset());
  }

  void CheckRecords(ByteView batch, const Json& stated) {
    const kv::SchemaVersion& latest = table_->layout().latest();
    const auto records = format::DecodeBatch(batch, *latest.schema, table_->layout().log_format);
    ASSERT_TRUE(records) << records.error().message;
    ASSERT_EQ(records->size(), stated.size());
    constexpr std::string_view kNames[] = {"+A", "+I", "-U", "+U", "-D"};
    for (size_t i = 0; i < stated.size(); ++i) {
      EXPECT_EQ((*records)[i].offset.value, stated[i]["offset"].get<int64_t>());
      EXPECT_EQ(kNames[static_cast<size_t>((*records)[i].change_type)],
                stated[i]["change_type"].get<std::string>());
      Row row;
      for (size_t c = 0; c < latest.types.size(); ++c) {
        row.push_back(c < stated[i]["row"].size()
                          ? format::vectors::FromBehaviour(stated[i]["row"][c], latest.types[c])
                          : format::Value::Null());
      }
      EXPECT_EQ((*records)[i].row, row) << stated[i].dump();
    }
  }

  void CheckLookup(const Json& expected) {
    for (const Json& entry : expected) {
      const Bytes key = Hex(entry["key_hex"]);
      const ByteView keys[] = {key};
      const auto found = bucket_->store().Get(keys);
      ASSERT_TRUE(found);
      const auto& value = (*found)->values()[0];
      const Json& hex = entry["value_hex"];
      EXPECT_EQ(value ? ToHex(*value) : "none", hex.is_null() ? "none" : hex.get<std::string>());
    }
  }

  void CheckLimitScan(const Json& step) {
    format::ValueBatchBuilder builder;
    const auto cursor = bucket_->store().Scan();
    for (cursor->Seek({}); cursor->valid() && builder.record_count() < step["limit"].get<int>();
         cursor->Next()) {
      builder.Add(cursor->value());
    }
    EXPECT_EQ(ToHex(builder.Finish()), step["expect"]["records_hex"].get<std::string>());
  }

  void CheckPrefix(const Json& step) {
    const Bytes prefix = Hex(step["prefix_hex"]);
    const auto cursor = bucket_->store().Scan();
    std::vector<std::string> found;
    for (cursor->Seek(prefix); cursor->valid() && ToHex(cursor->key()).starts_with(ToHex(prefix));
         cursor->Next()) {
      found.push_back(ToHex(cursor->value()));
    }
    std::vector<std::string> expected;
    for (const Json& entry : step["expect"])
      expected.push_back(entry["value_hex"]);
    EXPECT_EQ(found, expected);
  }

  void InsertIfNotExists(const Json& step) {
    std::vector<Bytes> keys;
    for (const Json& key : step["keys_hex"])
      keys.push_back(Hex(key));
    const std::vector<ByteView> views(keys.begin(), keys.end());
    const auto found = bucket_->store().Get(views);
    ASSERT_TRUE(found);
    format::KvBatchBuilder builder;
    for (size_t i = 0; i < keys.size(); ++i) {
      if ((*found)->values()[i] || std::ranges::count(keys.begin(), keys.begin() + i, keys[i]) > 0)
        continue;
      const auto row = table_->RowOfKey(keys[i]);
      if (!row) {
        ASSERT_FALSE(step["expect"]["error"].is_null()) << row.error().message;
        EXPECT_EQ(static_cast<int32_t>(row.error().code),
                  step["expect"]["error"]["code"].get<int32_t>());
        return;
      }
      builder.Add(keys[i], *row);
    }
    const Json& expected = step["expect"];
    const Offset before = log_->end_offset();
    if (builder.record_count() > 0) {
      const auto written =
          Write(builder.Finish(table_->layout().latest().id), {table_->key_targets(), false});
      if (!expected["error"].is_null()) {
        ASSERT_FALSE(written);
        EXPECT_EQ(static_cast<int32_t>(written.error().code),
                  expected["error"]["code"].get<int32_t>());
        return;
      }
      ASSERT_TRUE(written) << written.error().message;
    }
    CheckLogged(before, expected["log_batches"]);
    EXPECT_EQ(log_->end_offset().value, expected["local_log_end_offset"].get<int64_t>());
    const auto values = bucket_->ReadThroughBuffer(views);
    ASSERT_TRUE(values);
    for (size_t i = 0; i < views.size(); ++i) {
      ASSERT_TRUE((*values)[i]);
      EXPECT_EQ(ToHex(*(*values)[i]), expected["values"][i]["value_hex"].get<std::string>());
    }
  }

  void CheckStats(const Json& expected) {
    if (expected.contains("error") && !expected["error"].is_null()) {
      EXPECT_FALSE(table_->layout().full_image);
    } else {
      EXPECT_EQ(bucket_->position().row_count, expected["row_count"].get<int64_t>());
    }
  }

  const Json& json_;
  const std::string name_;
  metadata::TableInfo info_;
  std::shared_ptr<kv::KvTable> table_;
  std::unique_ptr<log::Log> log_;
  std::optional<kv::KvBucket> bucket_;
  int64_t next_id_ = 1;
};

void CheckFile(const std::string& file, size_t expected_count) {
  const Json document = format::vectors::Load("kv-behaviour/" + file);
  VectorReport report("kv-behaviour/" + file);
  EXPECT_EQ(document["scenarios"].size(), expected_count);
  for (const Json& scenario : document["scenarios"]) {
    SCOPED_TRACE(scenario["name"].get<std::string>());
    for (const bool rocks : {false, true}) {
      runtime::TemporaryFolder folder;
      runtime::RunOnShard([&]() -> runtime::Task<void> {
        const auto engine =
            rocks ? kv::MakeRocksEngine({}) : kv::MakeMemoryEngine(runtime::ThisShard().files());
        Scenario(scenario, *engine, folder.path()).Run();
        co_return;
      });
    }
    report.CaseDone(scenario["name"]);
  }
}

TEST(KvScenarios, DefaultEngine) {
  CheckFile("default-engine.json", 16);
}
TEST(KvScenarios, PartialUpdates) {
  CheckFile("partial-update.json", 9);
}
TEST(KvScenarios, MergeEngines) {
  CheckFile("merge-engines.json", 11);
}
TEST(KvScenarios, Aggregation) {
  CheckFile("aggregation.json", 17);
}
TEST(KvScenarios, AutoIncrement) {
  CheckFile("auto-increment.json", 6);
}
TEST(KvScenarios, Reads) {
  CheckFile("reads.json", 3);
}

}  // namespace
}  // namespace strom::replica
