// Metadata of KV snapshots. What is read must be written to a text that reads the same.
#include "base/bytes.h"
#include "base/check.h"
#include "format/kv_snapshot_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  const auto snapshot = format::ReadKvSnapshotMetadata(AsText(ByteView(data, size)));
  if (!snapshot) return 0;
  const auto again = format::ReadKvSnapshotMetadata(format::WriteKvSnapshotMetadata(*snapshot));
  STROM_CHECK(again && *again == *snapshot);
  return 0;
}
