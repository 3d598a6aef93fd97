#include "log/writer_snapshot.h"

#include <limits>

#include <nlohmann/json.hpp>

namespace strom::log {
namespace {

using nlohmann::json;

void AppendEntry(std::string& out, WriterId writer, const WriterBatches& batches) {
  const WriterBatch& newest = batches.newest();
  fmt::format_to(std::back_inserter(out),
                 R"({{"writer_id":{},"last_batch_sequence":{},"last_batch_base_offset":{},)"
                 R"("offset_delta":{},"last_batch_timestamp":{})",
                 writer, newest.sequence, newest.last_offset, newest.offset_delta,
                 newest.timestamp);
  const auto earlier = batches.all().first(batches.all().size() - 1);
  if (!earlier.empty()) {
    out += R"(,"earlier_batches":[)";
    for (const WriterBatch& batch : earlier) {
      if (&batch != earlier.data()) out += ',';
      fmt::format_to(std::back_inserter(out), "[{},{},{},{}]", batch.sequence, batch.last_offset,
                     batch.offset_delta, batch.timestamp);
    }
    out += ']';
  }
  out += '}';
}

std::optional<int64_t> Integer(const json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return value.get<int64_t>();
}

std::optional<int64_t> Member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? std::nullopt : Integer(*found);
}

std::optional<WriterBatch> MakeBatch(std::optional<int64_t> sequence,
                                     std::optional<int64_t> last_offset,
                                     std::optional<int64_t> delta,
                                     std::optional<int64_t> timestamp) {
  constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
  if (!sequence || !last_offset || !delta || !timestamp) return std::nullopt;
  if (*sequence < -1 || *sequence > kMaxInt32) return std::nullopt;
  if (*delta < 0 || *delta > kMaxInt32 || *last_offset < *delta) return std::nullopt;
  return WriterBatch{static_cast<int32_t>(*sequence), Offset(*last_offset),
                     static_cast<int32_t>(*delta), Timestamp(*timestamp)};
}

// Oldest first; false if the entry is malformed.
bool ReadEntry(const json& entry, WriterStates& into) {
  if (!entry.is_object()) return false;
  const auto writer = Member(entry, "writer_id");
  const auto newest =
      MakeBatch(Member(entry, "last_batch_sequence"), Member(entry, "last_batch_base_offset"),
                Member(entry, "offset_delta"), Member(entry, "last_batch_timestamp"));
  if (!writer || !newest) return false;
  std::vector<WriterBatch> batches;
  if (const auto earlier = entry.find("earlier_batches"); earlier != entry.end()) {
    if (!earlier->is_array() || earlier->size() >= kBatchesPerWriter) return false;
    for (const json& item : *earlier) {
      if (!item.is_array() || item.size() != 4) return false;
      const auto batch =
          MakeBatch(Integer(item[0]), Integer(item[1]), Integer(item[2]), Integer(item[3]));
      if (!batch) return false;
      batches.push_back(*batch);
    }
  }
  batches.push_back(*newest);
  into.Restore(WriterId(*writer), batches);
  return true;
}

}  // namespace

std::string WriteWriterSnapshot(const WriterStates& states) {
  std::vector<WriterId> writers;
  writers.reserve(states.size());
  for (const auto& [writer, batches] : states.writers())
    writers.push_back(writer);
  std::ranges::sort(writers);
  std::string out = R"({"version":1,"writer_id_entries":[)";
  for (const WriterId writer : writers) {
    if (writer != writers.front()) out += ',';
    AppendEntry(out, writer, states.writers().at(writer));
  }
  out += "]}";
  return out;
}

Result<WriterStates> ReadWriterSnapshot(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return Fail(ErrorCode::kLogStorage, "A writer snapshot is no JSON object; it may be torn.");
  }
  const auto version = Member(document, "version");
  if (version != 1) {
    return Fail(ErrorCode::kLogStorage, "A writer snapshot is not of version 1.");
  }
  const auto entries = document.find("writer_id_entries");
  if (entries == document.end() || !entries->is_array() ||
      entries->size() > 2 * kMaxWritersPerBucket) {
    return Fail(ErrorCode::kLogStorage, "A writer snapshot has no usable writer_id_entries.");
  }
  WriterStates states;
  for (const json& entry : *entries) {
    if (!ReadEntry(entry, states)) {
      return Fail(ErrorCode::kLogStorage, "A writer snapshot has a malformed entry.");
    }
  }
  return states;
}

}  // namespace strom::log
