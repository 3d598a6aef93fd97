// Projection of stored bytes that nobody checked, as after damage on disk.
#include "format/projection.h"
#include "schemas.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  if (size < 1) return 0;
  const format::Schema& schema = *fuzz::Schemas()[data[0] % 4];
  std::vector<int32_t> fields;
  for (size_t c = 0; c < schema.columns.size(); ++c) {
    if ((data[0] >> (2 + c % 6) & 1) != 0) fields.push_back(static_cast<int32_t>(c));
  }
  if (fields.empty()) fields.push_back(0);
  const auto plan_for = [&](SchemaId) {
    return format::ProjectionPlan::Make(schema, fields, format::LogFormat::kArrow);
  };
  const Bytes run(data + 1, data + size);
  format::ProjectedBytes out;
  if (!format::ProjectRun(run, plan_for, 1 << 20, true, out)) return 0;
  uint64_t sum = 0;
  for (const ByteView range : out.ranges) {
    for (const uint8_t byte : range)
      sum += byte;
  }
  return sum == UINT64_MAX ? 1 : 0;
}
