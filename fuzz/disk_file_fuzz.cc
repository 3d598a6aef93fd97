// Small files that the server reads back from its own disk: writer snapshots, checkpoints, indexes.
#include "base/check.h"
#include "base/crc32c.h"
#include "log/checkpoint_file.h"
#include "log/log_facts.h"
#include "log/offset_index.h"
#include "log/remote_manifest.h"
#include "log/time_index.h"
#include "log/writer_snapshot.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strom;
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Bytes bytes(data + 1, data + size);
  switch (data[0] % 6) {
    case 0:
      (void)log::ReadWriterSnapshot(text);
      break;
    case 1:
      (void)log::ParseCheckpoint(text);
      break;
    case 2: {
      log::OffsetIndex index(Offset(7), std::move(bytes));
      if (index.Valid(1 << 20)) (void)index.Floor(Offset(1000));
      break;
    }
    case 4: {
      const auto manifest = log::ReadRemoteManifest(text);
      if (!manifest) break;
      const auto again = log::ReadRemoteManifest(log::WriteRemoteManifest(*manifest));
      STROM_CHECK(again && *again == *manifest);
      break;
    }
    case 5: {
      // As the marker says it, with a checksum that fits.
      const auto facts = log::ParseLogFacts(fmt::format("{}\n{}", Crc32c(AsBytes(text)), text));
      if (!facts) break;
      STROM_CHECK(*log::ParseLogFacts(log::FormatLogFacts(*facts)) == *facts);
      break;
    }
    default: {
      log::TimeIndex index(Offset(7), std::move(bytes));
      if (index.Valid()) (void)index.Floor(Timestamp(1000));
    }
  }
  return 0;
}
