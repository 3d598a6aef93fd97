// What the handlers of primary-key tables share: writing KV batches to their owners.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "metadata/catalog.h"
#include "runtime/task.h"
#include "server/writes.h"

namespace strom::server {

struct ServerShard;

// Clients that speak version 0 of an API of rows encode some keys in the old way (spec 05, 1):
// kUnsupportedVersion.
Status CheckKeyFormat(const metadata::TableInfo& table, int16_t api_version);

// One bucket of a write; its offset is the end of its changelog batch.
using PutPart = WritePart<ByteView>;

struct PutRequest {
  int32_t acks = -1;
  std::chrono::milliseconds timeout{};
  std::span<const int32_t> target_columns;
  bool overwrite = false;
  int16_t api_version = 0;  // of PUT_KV
};

// Applies every part on its owner and waits for what `acks` demands. Parts and what they point to
// outlive the call.
runtime::Task<void> PutRows(ServerShard& home, std::vector<PutPart*> parts, PutRequest request);

}  // namespace strom::server
