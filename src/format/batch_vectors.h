// For tests only: the stored batches of the golden vectors (tests/vectors/log), one by one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/test_vectors.h"
#include "format/batch_check.h"
#include "format/vector_values.h"

namespace strom::format::vectors {

struct StoredBatch {
  std::string name;  // "arrow_types.json type_c_int 0"
  LogFormat log_format = LogFormat::kArrow;
  std::shared_ptr<const Schema> schema;
  Bytes bytes;
  Json expected;  // header, records

  BatchHeader header() const {
    auto read = ReadBatchHeader(bytes);
    if (!read) throw std::runtime_error(name + " has no header");
    return *read;
  }
};

inline LogFormat LogFormatOf(const std::string& name) {
  if (name == "ARROW") return LogFormat::kArrow;
  if (name == "INDEXED") return LogFormat::kIndexed;
  if (name == "COMPACTED") return LogFormat::kCompacted;
  throw std::runtime_error("no log format: " + name);
}

// The batches of one file, e.g. "arrow_cdc.json".
inline std::vector<StoredBatch> LoadBatches(const std::string& file) {
  std::vector<StoredBatch> loaded;
  for (const Json& vector : Load("log/" + file)["vectors"]) {
    const Bytes all = Hex(vector["hex"]);
    const auto schema = std::make_shared<const Schema>(SchemaOf(vector["schema"]));
    for (const Json& batch : vector["batches"]) {
      const auto at = batch["position"].get<size_t>();
      const auto size = batch["header"]["size_in_bytes"].get<size_t>();
      const ByteView bytes = ByteView(all).subspan(at, size);
      loaded.push_back(
          {.name = fmt::format("{} {} at {}", file, vector["name"].get<std::string>(), at),
           .log_format = LogFormatOf(vector["log_format"].get<std::string>()),
           .schema = schema,
           .bytes = Bytes(bytes.begin(), bytes.end()),
           .expected = batch});
    }
  }
  if (loaded.empty()) throw std::runtime_error(file + " holds no batch");
  return loaded;
}

inline std::vector<StoredBatch> LoadAllBatches() {
  std::vector<StoredBatch> all;
  for (const char* file :
       {"batch_header.json", "arrow_types.json", "arrow_compression.json", "arrow_nested.json",
        "arrow_cdc.json", "arrow_rust_client.json", "arrow_statistics.json", "indexed_batches.json",
        "compacted_batches.json"}) {
    for (StoredBatch& batch : LoadBatches(file))
      all.push_back(std::move(batch));
  }
  return all;
}

// Rules of a log table whose only schema has the id 1.
inline BatchRules RulesOf(LogFormat log_format, std::shared_ptr<const Schema> schema) {
  return BatchRules::Make(log_format, false, {{SchemaId(1), std::move(schema)}});
}

}  // namespace strom::format::vectors
