#include "format/key_encoder.h"

#include <random>

#include <gtest/gtest.h>

#include "base/test_vectors.h"
#include "format/bucketing.h"
#include "format/compacted_row.h"
#include "format/hudi_key.h"
#include "format/java_text.h"
#include "format/vector_values.h"

namespace strom::format {
namespace {

using vectors::Json;

DataType Type(std::string_view text) {
  return ParseTypeText(text).value();
}

std::vector<DataType> TypesOf(const Json& types) {
  std::vector<DataType> out;
  for (const Json& type : types)
    out.push_back(ParseDataType(type).value());
  return out;
}

Row RowOf(const Json& values, RowType types) {
  Row row;
  for (size_t i = 0; i < types.size(); ++i)
    row.push_back(vectors::FromKv(values[i], types[i]));
  return row;
}

Result<Bytes> Encoded(KeyEncoding encoding, RowType types, std::span<const Value> values) {
  Bytes key;
  STROM_TRY_VOID(AppendKey(encoding, types, values, key));
  return key;
}

void CheckBuckets(const Json& stated, std::optional<LakeFormat> lake, ByteView key) {
  if (stated.contains("bucket") && stated["bucket"].is_string()) {  // the client's error
    EXPECT_FALSE(BucketOfKey(lake, key, 8));
    return;
  }
  for (const auto& [count, bucket] : stated.value("bucket", Json::object()).items()) {
    EXPECT_EQ(BucketOfKey(lake, key, std::stoi(count)).value(), bucket.get<int32_t>());
  }
  for (const auto& [count, bucket] : stated.value("bucket_rust_client", Json::object()).items()) {
    EXPECT_EQ(BucketOfKeyInRust(key, std::stoi(count)).value(), bucket.get<int32_t>());
  }
}

// Timestamps lose what Iceberg does not keep.
Row KeptBy(KeyEncoding encoding, Row row) {
  if (encoding != KeyEncoding::kIceberg) return row;
  for (Value& value : row) {
    if (auto* timestamp = std::get_if<TimestampValue>(&value.data)) {
      timestamp->nano_of_ms -= timestamp->nano_of_ms % 1000;
    }
  }
  return row;
}

void CheckKey(const Json& stated, KeyEncoding encoding, std::optional<LakeFormat> lake,
              RowType types, const Row& row) {
  SCOPED_TRACE(stated.dump());
  const auto key = Encoded(encoding, types, row);
  if (stated.contains("error")) {
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidTable);
    return;
  }
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(ToHex(*key), stated["key"].get<std::string>());
  if (stated.contains("hash")) {
    EXPECT_EQ(encoding == KeyEncoding::kIceberg ? Murmur3(*key, 0) : FlussMurmur(*key),
              stated["hash"].get<int32_t>());
  }
  CheckBuckets(stated, lake, *key);
  const auto decoded = DecodeKey(encoding, *key, types);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, KeptBy(encoding, row));
}

void CheckHudi(const Json& stated, RowType types, const Row& row) {
  SCOPED_TRACE(stated.dump());
  const auto key = Encoded(KeyEncoding::kHudi, types, row);
  ASSERT_EQ(key.has_value(), !stated.contains("error"));
  if (!key) return;
  EXPECT_EQ(ToHex(*key), stated["bucket_key"].get<std::string>());
  CheckBuckets(stated, LakeFormat::kHudi, *key);
  const Json strings = stated.value("strings", Json::array());
  for (size_t i = 0; i < strings.size(); ++i) {
    EXPECT_EQ(HudiKeyText(types[i], row[i]).value(), strings[i].get<std::string>());
  }
  EXPECT_FALSE(DecodeKey(KeyEncoding::kHudi, *key, types));
}

// The key copied out of a row in which a column stands before and after the key columns.
void CheckKeyOfRow(const Json& test, RowType types, const Row& row) {
  std::vector<DataType> all = {Type("STRING")};
  Row values = {Value::Text("before")};
  std::vector<size_t> columns;
  for (size_t i = types.size(); i-- > 0;) {
    columns.insert(columns.begin(), all.size());
    all.push_back(types[i]);
    values.push_back(row[i]);
  }
  all.push_back(Type("ARRAY<INT>"));
  values.push_back(Value::List({Value::Int(1)}));
  for (const RowFormat format : {RowFormat::kCompacted, RowFormat::kIndexed}) {
    Bytes bytes;
    ASSERT_TRUE(AppendRow(format, all, values, bytes));
    Bytes key;
    ASSERT_TRUE(AppendKeyOfRow(KeyEncoding::kCompacted, format, bytes, all, columns, key));
    EXPECT_EQ(ToHex(key), test["compacted"]["key"].get<std::string>());
    Bytes paimon;
    ASSERT_TRUE(AppendKeyOfRow(KeyEncoding::kPaimon, format, bytes, all, columns, paimon));
    EXPECT_EQ(ToHex(paimon), test["paimon"]["key"].get<std::string>());
  }
}

TEST(KeyVectors, EncodeDecodeAndFindTheirBuckets) {
  VectorReport report("kv/keys.json");
  const auto document = vectors::Load("kv/keys.json");
  size_t cases = 0;
  for (const Json& test : document["cases"]) {
    const std::string name = test["name"];
    SCOPED_TRACE(name);
    const auto types = TypesOf(test["types"]);
    const Row row = RowOf(test["values"], types);
    CheckKey(test["compacted"], KeyEncoding::kCompacted, std::nullopt, types, row);
    CheckKey(test["paimon"], KeyEncoding::kPaimon, LakeFormat::kPaimon, types, row);
    CheckKey(test["iceberg"], KeyEncoding::kIceberg, LakeFormat::kIceberg, types, row);
    CheckHudi(test["hudi"], types, row);
    CheckKeyOfRow(test, types, row);
    report.CaseDone(name);
    ++cases;
  }
  for (const Json& test : document["hudi_null_cases"]) {
    const std::vector<DataType> types(test["values"].size(), Type("STRING"));
    CheckHudi(test, types, RowOf(test["values"], types));
    report.CaseDone(test.dump());
    ++cases;
  }
  // Nullable columns (INT, STRING): a bucket key of a log table.
  const std::vector<DataType> types = {Type("INT"), Type("STRING")};
  const Json& test = document["paimon_null_case"];
  CheckKey(test, KeyEncoding::kPaimon, LakeFormat::kPaimon, types, RowOf(test["values"], types));
  report.CaseDone("paimon_null_case");
  EXPECT_EQ(cases, 112U);
}

std::optional<LakeFormat> LakeOf(const Json& json) {
  const std::pair<const char*, LakeFormat> kNames[] = {{"paimon", LakeFormat::kPaimon},
                                                       {"lance", LakeFormat::kLance},
                                                       {"iceberg", LakeFormat::kIceberg},
                                                       {"hudi", LakeFormat::kHudi}};
  for (const auto& [name, lake] : kNames) {
    if (json == name) return lake;
  }
  return std::nullopt;
}

std::string_view ReferenceName(KeyEncoding encoding) {
  constexpr std::string_view kNames[] = {"CompactedKeyEncoder", "PaimonKeyEncoder",
                                         "IcebergKeyEncoder", "HudiKeyEncoder"};
  return kNames[static_cast<size_t>(encoding)];
}

// The table of key-encoder-selection.json and one row of it.
struct SelectionTable {
  std::vector<std::string> names = {"id", "region", "dt", "v"};
  std::vector<DataType> types = {Type("INT"), Type("STRING"), Type("STRING"), Type("DOUBLE")};
  Row row;

  // The key over the named columns.
  Result<Bytes> KeyOf(KeyEncoding encoding, const Json& columns) const {
    std::vector<DataType> key_types;
    Row values;
    for (const Json& column : columns) {
      const auto at =
          static_cast<size_t>(std::ranges::find(names, column.get<std::string>()) - names.begin());
      key_types.push_back(types[at]);
      values.push_back(row[at]);
    }
    return Encoded(encoding, key_types, values);
  }
};

void CheckSelection(const Json& test) {
  SelectionTable table;
  table.row = RowOf(test["row"], table.types);
  const auto lake = LakeOf(test["lake_format"]);
  const auto primary = PrimaryKeyEncoding(lake, test["kv_format_version"].get<int32_t>(),
                                          test["default_bucket_key"].get<bool>());
  ASSERT_TRUE(primary);
  const KeyEncoding bucket = BucketKeyEncoding(lake);
  const auto key = table.KeyOf(*primary, test["physical_primary_key"]);
  const auto bucket_key = table.KeyOf(bucket, test["bucket_key"]);
  ASSERT_EQ(key && bucket_key, !test.contains("error"));
  if (test.contains("error")) return;
  EXPECT_EQ(ReferenceName(*primary), test["primary_key_encoder"].get<std::string>());
  EXPECT_EQ(ReferenceName(bucket), test["bucket_key_encoder"].get<std::string>());
  EXPECT_EQ(ToHex(*key), test["primary_key_bytes"].get<std::string>());
  EXPECT_EQ(ToHex(*bucket_key), test["bucket_key_bytes"].get<std::string>());
  EXPECT_EQ(BucketOfKey(lake, *bucket_key, 8).value(), test["bucket_of_8"].get<int32_t>());
  if (!test.contains("prefix_lookup_key_bytes")) return;
  const auto prefix = table.KeyOf(*primary, test["bucket_key"]);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(ToHex(*prefix), test["prefix_lookup_key_bytes"].get<std::string>());
  EXPECT_EQ(AsText(*key).starts_with(AsText(*prefix)),
            test["prefix_is_byte_prefix_of_primary_key"].get<bool>());
}

TEST(KeyEncoderSelectionVectors, TheTableDecidesTheEncodings) {
  VectorReport report("kv/key-encoder-selection.json");
  size_t cases = 0;
  for (const Json& test : vectors::Load("kv/key-encoder-selection.json")["cases"]) {
    SCOPED_TRACE(test.dump());
    CheckSelection(test);
    report.CaseDone(test.dump());
    ++cases;
  }
  EXPECT_EQ(cases, 80U);
}

TEST(KeyEncoding, AnAbsentVersionIsTheFirstAndUnknownOnesAreRefused) {
  EXPECT_EQ(PrimaryKeyEncoding(LakeFormat::kPaimon, std::nullopt, false).value(),
            KeyEncoding::kPaimon);
  EXPECT_EQ(PrimaryKeyEncoding(LakeFormat::kPaimon, 2, false).value(), KeyEncoding::kCompacted);
  for (const int32_t version : {0, 3, -1}) {
    EXPECT_EQ(PrimaryKeyEncoding(std::nullopt, version, true).error().code,
              ErrorCode::kInvalidConfig);
  }
}

TEST(KeyEncoding, NestedTypesHaveNoKey) {
  const std::vector<DataType> types = {Type("ARRAY<INT>")};
  for (const KeyEncoding encoding :
       {KeyEncoding::kCompacted, KeyEncoding::kPaimon, KeyEncoding::kIceberg, KeyEncoding::kHudi}) {
    EXPECT_EQ(CheckKeyTypes(encoding, types).error().code, ErrorCode::kInvalidTable);
  }
}

TEST(KeyDecoding, RefusesKeysThatNoEncoderWrites) {
  const auto refused = [](KeyEncoding encoding, const char* type, const char* key) {
    const auto row = DecodeKey(encoding, *FromHex(key), std::vector{Type(type)});
    return !row && row.error().code == ErrorCode::kCorruptRecord;
  };
  EXPECT_TRUE(refused(KeyEncoding::kCompacted, "INT", "8000"));            // over-long
  EXPECT_TRUE(refused(KeyEncoding::kCompacted, "INT", "0100"));            // bytes follow
  EXPECT_TRUE(refused(KeyEncoding::kCompacted, "INT", ""));                // cut off
  EXPECT_TRUE(refused(KeyEncoding::kIceberg, "INT", "0000000001000000"));  // more than 32 bits
  EXPECT_TRUE(refused(KeyEncoding::kIceberg, "TIME(3)", "0100000000000000"));
  EXPECT_TRUE(refused(KeyEncoding::kPaimon, "INT NOT NULL", "00010000000000000000000000000000"));
  EXPECT_TRUE(refused(KeyEncoding::kPaimon, "INT", "01000000000000000000000000000000"));
}

TEST(KeyDecoding, IcebergTimesReachToBothEnds) {
  for (const char* hex : {"0000000000000080", "ffffffffffffff7f"}) {
    const Bytes key = *FromHex(hex);
    const std::vector<DataType> types = {Type("TIMESTAMP(6)")};
    const auto row = DecodeKey(KeyEncoding::kIceberg, key, types);
    ASSERT_TRUE(row) << row.error().message;
    EXPECT_EQ(Encoded(KeyEncoding::kIceberg, types, *row).value(), key);
  }
}

TEST(KeyDecoding, EveryTruncationOfAGoldenKeyIsAnErrorOrAnotherWholeKey) {
  size_t refused = 0;
  for (const Json& test : vectors::Load("kv/keys.json")["cases"]) {
    const auto types = TypesOf(test["types"]);
    for (const auto& [name, encoding] : {std::pair{"compacted", KeyEncoding::kCompacted},
                                         std::pair{"paimon", KeyEncoding::kPaimon}}) {
      const Bytes key = vectors::Hex(test[name]["key"]);
      for (size_t size = 0; size < key.size(); ++size) {
        const Bytes cut(key.begin(), key.begin() + static_cast<ptrdiff_t>(size));
        EXPECT_FALSE(DecodeKey(encoding, cut, types)) << test["name"];
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST(KeyDecoding, WhatDecodesIsEncodedToTheSameBytes) {
  std::mt19937 random(3);
  size_t decoded = 0;
  for (const Json& test : vectors::Load("kv/keys.json")["cases"]) {
    const auto types = TypesOf(test["types"]);
    for (const auto& [name, encoding] :
         {std::pair{"compacted", KeyEncoding::kCompacted},
          std::pair{"paimon", KeyEncoding::kPaimon}, std::pair{"iceberg", KeyEncoding::kIceberg}}) {
      if (!test[name].contains("key")) continue;
      const Bytes original = vectors::Hex(test[name]["key"]);
      for (int round = 0; round < 50 && !original.empty(); ++round) {
        Bytes key = original;
        key[random() % key.size()] = static_cast<uint8_t>(random());
        const auto row = DecodeKey(encoding, key, types);
        if (!row) continue;
        EXPECT_EQ(Encoded(encoding, types, *row).value(), key);
        ++decoded;
      }
    }
  }
  EXPECT_GT(decoded, 1000U);
}

TEST(KeyOfRow, IsWhatTheEncoderWritesHoweverTheRowIsWritten) {
  const std::vector<DataType> types = {Type("INT NOT NULL"), Type("STRING")};
  const std::vector<size_t> columns = {0};
  Bytes key;
  // 7 in two bytes: the client's key, under which the row is stored, has it in one.
  ASSERT_TRUE(AppendKeyOfRow(KeyEncoding::kCompacted, RowFormat::kCompacted, *FromHex("02870000"),
                             types, columns, key));
  EXPECT_EQ(ToHex(key), "07");
}

TEST(KeyOfRow, BrokenRowsAndNullsAreErrors) {
  const std::vector<DataType> types = {Type("INT"), Type("STRING")};
  for (const char* row : {"", "00", "0080", "0100"}) {
    Bytes key = {1};
    const std::vector<size_t> columns = {0};
    EXPECT_FALSE(AppendKeyOfRow(KeyEncoding::kCompacted, RowFormat::kCompacted, *FromHex(row),
                                types, columns, key));
    EXPECT_EQ(key, Bytes{1});
  }
  Bytes key;
  const std::vector<size_t> columns = {2};
  EXPECT_FALSE(AppendKeyOfRow(KeyEncoding::kCompacted, RowFormat::kCompacted, *FromHex("02ff00"),
                              types, columns, key));
}

TEST(KeyOfRow, ManyKeyColumnsAreTakenToo) {
  std::vector<DataType> types;
  Row row;
  std::vector<size_t> columns;
  for (size_t i = 0; i < 20; ++i) {
    types.push_back(Type("INT"));
    row.push_back(Value::Int(static_cast<int64_t>(i) * 100));
    columns.push_back(19 - i);
  }
  Bytes bytes;
  ASSERT_TRUE(AppendCompactedRow(types, row, bytes));
  Bytes key;
  ASSERT_TRUE(
      AppendKeyOfRow(KeyEncoding::kCompacted, RowFormat::kCompacted, bytes, types, columns, key));
  std::ranges::reverse(row);
  EXPECT_EQ(DecodeKey(KeyEncoding::kCompacted, key, types).value(), row);
}

TEST(HudiKey, RefusesItsOwnMarksAmongSeveralColumns) {
  const std::vector<DataType> types = {Type("STRING"), Type("STRING")};
  for (const char* text : {"a,b", "__null__", "__empty__"}) {
    EXPECT_FALSE(Encoded(KeyEncoding::kHudi, types, Row{Value::Text(text), Value::Text("x")}));
  }
}

TEST(HudiKey, HashesTextAsUtf16) {
  EXPECT_EQ(JavaHash("hello"), 99162322);
  EXPECT_EQ(JavaHash("\xf0\x9f\x98\x80"), 0xd83d * 31 + 0xde00);
  EXPECT_EQ(JavaHash("\xff"), 0xfffd);
}

TEST(JavaText, NumbersLookAsJavaWritesThem) {
  EXPECT_EQ(JavaText(0.001), "0.001");
  EXPECT_EQ(JavaText(0.00012), "1.2E-4");
  EXPECT_EQ(JavaText(1234567.0), "1234567.0");
  EXPECT_EQ(JavaText(1e7), "1.0E7");
  EXPECT_EQ(JavaText(100.0), "100.0");
  EXPECT_EQ(JavaText(-12.5F), "-12.5");
  EXPECT_EQ(JavaText(4.9e-324), "4.9E-324");
  EXPECT_EQ(JavaText(2e-45F), "1.4E-45");
  EXPECT_EQ(JavaText(0.02), "0.02");
}

TEST(JavaText, TimesReachBeyondTheCalendarsOfTheLibrary) {
  EXPECT_EQ(IsoDate(CivilDayOf(0)), "1970-01-01");
  EXPECT_EQ(IsoDate(CivilDayOf(-719529)), "-0001-12-31");
  EXPECT_EQ(IsoDate(CivilDayOf(2932897)), "+10000-01-01");
  EXPECT_EQ(CivilTimeOf({std::numeric_limits<int64_t>::max(), 0}).year, 292278994);
  EXPECT_EQ(CivilTimeOf({std::numeric_limits<int64_t>::min(), 0}).year, -292275055);
  EXPECT_EQ(IsoInstant(CivilTimeOf({0, 0})), "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace strom::format
