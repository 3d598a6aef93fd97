// Column ranges: sections of writers, those computed from batches, and the file beside a segment.
// The first byte chooses which, the second the schema.
#include "base/check.h"
#include "base/crc32c.h"
#include "format/segment_ranges.h"
#include "format/statistics.h"
#include "schemas.h"

namespace {

using namespace strom;

void ReadBatch(const format::Schema& schema, const Bytes& bytes) {
  const auto header = format::ReadBatchHeader(bytes);
  if (header) (void)format::ReadStatistics(bytes, *header, schema);
}

// What was computed can be kept and read again.
void ComputeRanges(const format::Schema& schema, const Bytes& bytes) {
  format::SegmentRanges ranges;
  format::SegmentRanger ranger([&](SchemaId) { return &schema; }, nullptr);
  ranger.Extend(bytes, ranges);
  const Bytes file = format::EncodeSegmentRanges(ranges);
  const auto decoded = format::DecodeSegmentRanges(file);
  STROM_CHECK(decoded);
  STROM_CHECK(format::EncodeSegmentRanges(*decoded) == file);
}

// Under a checksum that fits, so that more than the checksum is tried.
void ReadFile(Bytes file) {
  if (file.size() < sizeof(uint32_t)) return;
  const size_t content = file.size() - sizeof(uint32_t);
  StoreLittle(file.data() + content, Crc32c(ByteView(file).first(content)));
  const auto decoded = format::DecodeSegmentRanges(file);
  if (!decoded) return;
  const auto again = format::DecodeSegmentRanges(format::EncodeSegmentRanges(*decoded));
  STROM_CHECK(again && *again == *decoded);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const format::Schema& schema = *fuzz::Schemas()[data[1] % 4];
  const Bytes rest(data + 2, data + size);
  switch (data[0] % 3) {
    case 0:
      ReadBatch(schema, rest);
      break;
    case 1:
      ComputeRanges(schema, rest);
      break;
    default:
      ReadFile(rest);
  }
  return 0;
}
