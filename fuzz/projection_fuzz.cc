// Projection of stored bytes that nobody checked, as after damage on disk.
#include "format/projection.h"

#include <map>
#include <optional>

#include "schemas.h"

namespace strom {
namespace {

class KeptHeads : public format::BatchHeads {
 public:
  ByteView Find(uint64_t position) override {
    const auto found = heads_.find(position);
    return found == heads_.end() ? ByteView() : ByteView(found->second);
  }
  void Keep(uint64_t position, ByteView head) override {
    heads_[position] = Bytes(head.begin(), head.end());
  }

 private:
  std::map<uint64_t, Bytes> heads_;
};

// Every byte of the projection; nothing if it fails.
std::optional<Bytes> Project(ByteView run, format::BatchHeads* heads,
                             const format::PlanFor& plan_for) {
  format::ProjectedBytes out;
  if (!format::ProjectRun(run, heads, plan_for, 1 << 20, true, out)) return std::nullopt;
  Bytes flat;
  for (const ByteView range : out.ranges)
    Append(flat, range);
  return flat;
}

}  // namespace
}  // namespace strom

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
  // Once from where it is stored, twice with kept heads: the same each time.
  KeptHeads heads;
  const std::optional<Bytes> plain = Project(run, nullptr, plan_for);
  for (int i = 0; i < 2; ++i) {
    if (Project(run, &heads, plan_for) != plain) __builtin_trap();
  }
  return 0;
}
