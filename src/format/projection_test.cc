#include "format/projection.h"

#include "base/test_vectors.h"
#include "format/batch_vectors.h"

namespace strom::format {
namespace {

using vectors::Json;

struct ProjectionCase {
  std::map<SchemaId, Schema> schemas;
  std::vector<int32_t> fields;
  Bytes input;
  uint64_t max_bytes;

  explicit ProjectionCase(const Json& vector)
      : fields(vector["projected_fields"].get<std::vector<int32_t>>()),
        input(vectors::Hex(vector["input_hex"])),
        max_bytes(vector["max_bytes"].get<uint64_t>()) {
    for (const Json& schema : vector["schemas"]) {
      schemas.emplace(SchemaId(schema["schema_id"].get<int32_t>()),
                      vectors::SchemaOf(schema["columns"]));
    }
  }

  PlanFor plans() const {
    return [this](SchemaId id) -> Result<std::shared_ptr<const ProjectionPlan>> {
      const auto schema = schemas.find(id);
      if (schema == schemas.end()) return Fail(ErrorCode::kSchemaNotExist, "no schema {}", id);
      return ProjectionPlan::Make(schema->second, schemas.rbegin()->second, fields,
                                  LogFormat::kArrow);
    };
  }

  Result<Bytes> Run(bool at_least_one = true, BatchHeads* heads = nullptr) const {
    ProjectedBytes out;
    STROM_TRY_VOID(ProjectRun(input, heads, plans(), max_bytes, at_least_one, out));
    Bytes flat;
    for (const ByteView range : out.ranges)
      Append(flat, range);
    EXPECT_EQ(flat.size(), out.size_bytes);
    return flat;
  }
};

// What two encodings of a projected batch must have in common (spec 02, 7.3).
void ExpectSameBatch(ByteView ours, ByteView theirs) {
  const auto a = ReadBatchHeader(ours);
  const auto b = ReadBatchHeader(theirs);
  ASSERT_TRUE(a && b);
  // All header bytes but the length: flatbuffers may be laid out differently.
  EXPECT_EQ(ToHex(ours.first(8)), ToHex(theirs.first(8)));
  EXPECT_EQ(ToHex(ours.subspan(12, a->header_bytes - 12)),
            ToHex(theirs.subspan(12, b->header_bytes - 12)));
  if (a->size_bytes == a->header_bytes) {
    EXPECT_EQ(b->size_bytes, b->header_bytes);
    return;
  }
  const auto x = ReadArrowRecords(ours, *a);
  const auto y = ReadArrowRecords(theirs, *b);
  ASSERT_TRUE(x && y) << (x ? y.error() : x.error());
  EXPECT_EQ(ToHex(x->change_types), ToHex(y->change_types));
  EXPECT_EQ(x->message.row_count(), y->message.row_count());
  EXPECT_EQ(x->message.codec(), y->message.codec());
  EXPECT_EQ(x->message.body_length(), y->message.body_length());
  EXPECT_EQ(x->message.body_length(), static_cast<int64_t>(x->message.body().size()));
  ASSERT_EQ(x->message.node_count(), y->message.node_count());
  ASSERT_EQ(x->message.buffer_count(), y->message.buffer_count());
  for (size_t i = 0; i < x->message.node_count(); ++i) {
    EXPECT_EQ(x->message.node(i), y->message.node(i)) << i;
  }
  for (size_t i = 0; i < x->message.buffer_count(); ++i) {
    EXPECT_EQ(x->message.buffer(i), y->message.buffer(i)) << i;
  }
  EXPECT_EQ(ToHex(x->message.body()), ToHex(y->message.body()));
}

void ExpectSameBatches(ByteView ours, ByteView theirs) {
  while (!ours.empty() && !theirs.empty()) {
    const auto a = ReadBatchHeader(ours);
    const auto b = ReadBatchHeader(theirs);
    ASSERT_TRUE(a && b);
    ExpectSameBatch(ours.first(a->size_bytes), theirs.first(b->size_bytes));
    ours = ours.subspan(a->size_bytes);
    theirs = theirs.subspan(b->size_bytes);
  }
  EXPECT_EQ(ours.size(), theirs.size());
}

// Where the reference refuses or errs and we do better (spec 02, 7.3 and 7.5).
void CheckDeviation(const std::string& name, const ProjectionCase& projection) {
  const auto ours = projection.Run();
  ASSERT_TRUE(ours) << ours.error().message;
  const auto header = ReadBatchHeader(*ours);
  ASSERT_TRUE(header);
  const auto records = ReadArrowRecords(ByteView(*ours).first(header->size_bytes), *header);
  ASSERT_TRUE(records);
  if (name == "mismatched_compression") {
    // The codec of the batch, not that of the table.
    const auto stored = ReadBatchHeader(projection.input);
    const auto original =
        ReadArrowRecords(ByteView(projection.input).first(stored->size_bytes), *stored);
    ASSERT_TRUE(original);
    EXPECT_EQ(records->message.codec(), original->message.codec());
    return;
  }
  // The column that the old batch lacks is full of nulls.
  ASSERT_EQ(records->message.node_count(), projection.fields.size());
  const ArrowNode added = records->message.node(1);
  EXPECT_EQ(added.length, header->record_count);
  EXPECT_EQ(added.null_count, header->record_count);
}

void CheckFile(const std::string& file) {
  VectorReport report("log/" + file);
  for (const Json& vector : vectors::Load("log/" + file)["vectors"]) {
    const std::string name = vector["name"];
    SCOPED_TRACE(name);
    const ProjectionCase projection(vector);
    if (name == "mismatched_compression" || name == "evolution_new_column_old_batch") {
      CheckDeviation(name, projection);
    } else if (vector.contains("error")) {
      const auto refused = projection.Run();
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, ErrorCode::kInvalidColumnProjection);
      EXPECT_EQ(refused.error().message, vector["error_message"].get<std::string>());
    } else {
      const auto ours = projection.Run(/*at_least_one=*/false);
      ASSERT_TRUE(ours) << ours.error().message;
      ExpectSameBatches(*ours, vectors::Hex(vector["output_hex"]));
    }
    report.CaseDone(name);
  }
}

TEST(ProjectionVectors, Plain) {
  CheckFile("projection.json");
}
TEST(ProjectionVectors, Nested) {
  CheckFile("projection_nested.json");
}
TEST(ProjectionVectors, RustClient) {
  CheckFile("projection_rust_client.json");
}

TEST(Projection, OnlyArrowTablesHaveIt) {
  const Schema schema = vectors::SchemaOf(Json::parse(R"([{"name":"a","type":"INT"}])"));
  const std::vector<int32_t> fields{0};
  for (const LogFormat format : {LogFormat::kIndexed, LogFormat::kCompacted}) {
    EXPECT_EQ(ProjectionPlan::Make(schema, fields, format).error().code,
              ErrorCode::kInvalidColumnProjection);
  }
  EXPECT_TRUE(ProjectionPlan::Make(schema, fields, LogFormat::kArrow));
}

TEST(Projection, WithoutAtLeastOneASmallBudgetGivesNothing) {
  const auto document = vectors::Load("log/projection.json");
  for (const Json& vector : document["vectors"]) {
    if (vector["name"] != "multi_batch_limit_too_small") continue;
    const ProjectionCase projection(vector);
    EXPECT_TRUE(projection.Run(false)->empty());
    EXPECT_FALSE(projection.Run(true)->empty());
    return;
  }
  FAIL() << "the vector is missing";
}

TEST(Projection, DamagedBatchesNeverLeadOutside) {
  uint64_t state = 7;
  const auto random = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 33;
  };
  size_t projected = 0;
  size_t refused = 0;
  for (const char* file : {"projection.json", "projection_nested.json"}) {
    for (const Json& vector : vectors::Load(std::string("log/") + file)["vectors"]) {
      if (vector.contains("error")) continue;
      ProjectionCase projection(vector);
      const Bytes sound = projection.input;
      for (int round = 0; round < 200; ++round) {
        projection.input = sound;
        for (uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
          projection.input[random() % projection.input.size()] = static_cast<uint8_t>(random());
        }
        if (random() % 4 == 0) projection.input.resize(random() % projection.input.size());
        const auto result = projection.Run();  // reads every byte of the result
        (result ? projected : refused) += 1;
      }
    }
  }
  EXPECT_GT(projected, 0U);
  EXPECT_GT(refused, 0U);
}

}  // namespace
}  // namespace strom::format
