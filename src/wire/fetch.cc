#include "wire/fetch.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "wire/error_text.h"
#include "wire/field_writer.h"
#include "wire/message.h"
#include "wire/produce.h"

namespace strom::wire {
namespace {

constexpr auto kVarint = WireType::kVarint;
constexpr auto kBytes = WireType::kBytes;

Result<FetchBucket> ParseBucket(ByteView bytes) {
  FetchBucket parsed;
  std::optional<int32_t> bucket;
  std::optional<int64_t> offset;
  std::optional<int32_t> max_bytes;
  FieldReader fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        parsed.partition = PartitionId(fields.Int64());
        break;
      case Tag(2, kVarint):
        bucket = fields.Int32();
        break;
      case Tag(3, kVarint):
        offset = fields.Int64();
        break;
      case Tag(4, kVarint):
        max_bytes = fields.Int32();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("PbFetchLogReqForBucket", fields);
  STROM_TRY(const int32_t id, Require(bucket, "PbFetchLogReqForBucket.bucket_id"));
  parsed.bucket = BucketId(id);
  STROM_TRY(parsed.fetch_offset, Require(offset, "PbFetchLogReqForBucket.fetch_offset"));
  STROM_TRY(parsed.max_fetch_bytes, Require(max_bytes, "PbFetchLogReqForBucket.max_fetch_bytes"));
  return parsed;
}

Result<FetchTable> ParseTable(ByteView bytes, size_t buckets_left) {
  FetchTable parsed;
  std::optional<int64_t> table_id;
  std::optional<bool> projection_enabled;
  FieldReader fields(bytes);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        table_id = fields.Int64();
        break;
      case Tag(2, kVarint):
        projection_enabled = fields.Bool();
        break;
      case Tag(3, kVarint):
      case Tag(3, kBytes):
        STROM_TRY_VOID(
            AppendInt32s(fields, kMaxProjectedFields, "projected fields", parsed.projected_fields));
        break;
      case Tag(4, kBytes): {
        if (parsed.buckets.size() == buckets_left) {
          return TooMany("buckets", kMaxBucketsPerRequest);
        }
        STROM_TRY(FetchBucket bucket, ParseBucket(fields.bytes()));
        parsed.buckets.push_back(bucket);
        break;
      }
      case Tag(5, kBytes):
        parsed.filter_predicate = fields.bytes();
        break;
      case Tag(6, kVarint):
        parsed.filter_schema_id = fields.Int32();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("PbFetchLogReqForTable", fields);
  STROM_TRY(const int64_t id, Require(table_id, "PbFetchLogReqForTable.table_id"));
  parsed.table_id = TableId(id);
  STROM_TRY(parsed.projection_enabled,
            Require(projection_enabled, "PbFetchLogReqForTable.projection_pushdown_enabled"));
  return parsed;
}

// --- the answer ---

// One bucket's entry: its fields up to the length of `records`, then the records, then the rest.
struct Entry {
  const FetchResult* result;
  uint64_t records_bytes = 0;
  Bytes head;
  Bytes tail;
  uint64_t size() const { return head.size() + records_bytes + tail.size(); }
};

Entry MakeEntry(const FetchResult& result) {
  Entry entry{&result};
  FieldWriter head(entry.head);
  if (result.bucket.partition) head.Int(1, result.bucket.partition->value);
  head.Int(2, result.bucket.bucket.value);
  if (result.error) {
    head.Int(3, WireCode(result.error->code));
    if (!result.error->message.empty()) {
      head.Text(4, ErrorText(result.error->message, kMaxItemErrorTextBytes));
    }
    return entry;
  }
  head.Int(5, result.high_watermark.value);
  head.Int(6, 0);  // log_start_offset: clients ignore it, the reference always sends 0
  for (const ByteView range : result.records)
    entry.records_bytes += range.size();
  head.Length(8, entry.records_bytes);
  if (result.filtered_end_offset) {
    FieldWriter(entry.tail).Int(9, result.filtered_end_offset->value);
  }
  return entry;
}

// Collects small bytes in one block and ranges between them; views are made once the block is done.
class PieceBuilder {
 public:
  Bytes& small() { return small_; }
  void AddRange(ByteView range) {
    if (range.empty()) return;
    Cut();
    parts_.push_back({range, 0, 0});
  }
  OutgoingFrame Finish() {
    Cut();
    std::vector<ByteView> pieces;
    pieces.reserve(parts_.size());
    for (const Part& part : parts_) {
      pieces.push_back(part.end == 0 ? part.range
                                     : ByteView(small_).subspan(part.begin, part.end - part.begin));
    }
    return {std::move(small_), std::move(pieces)};
  }

 private:
  struct Part {
    ByteView range;
    size_t begin, end;  // of the small bytes; end 0: a range
  };
  void Cut() {
    if (small_.size() > cut_) parts_.push_back({{}, cut_, small_.size()});
    cut_ = small_.size();
  }
  Bytes small_;
  size_t cut_ = 0;
  std::vector<Part> parts_;
};

}  // namespace

Result<FetchLogRequest> ParseFetchLog(ByteView body) {
  FetchLogRequest request;
  std::optional<int32_t> follower;
  std::optional<int32_t> max_bytes;
  size_t buckets = 0;
  FieldReader fields(body);
  while (fields.Next()) {
    switch (fields.tag()) {
      case Tag(1, kVarint):
        follower = fields.Int32();
        break;
      case Tag(2, kVarint):
        max_bytes = fields.Int32();
        break;
      case Tag(3, kBytes): {
        if (request.tables.size() == kMaxBucketsPerRequest) {
          return TooMany("tables", kMaxBucketsPerRequest);
        }
        STROM_TRY(FetchTable table, ParseTable(fields.bytes(), kMaxBucketsPerRequest - buckets));
        buckets += table.buckets.size();
        request.tables.push_back(std::move(table));
        break;
      }
      case Tag(4, kVarint):
        request.max_wait_ms = fields.Int32();
        break;
      case Tag(5, kVarint):
        request.min_bytes = fields.Int32();
        break;
      case Tag(6, kVarint):
        request.read_preference = fields.Int32();
        break;
      default:
        break;
    }
  }
  if (fields.failed()) return Malformed("FetchLogRequest", fields);
  STROM_TRY(request.follower_server_id, Require(follower, "FetchLogRequest.follower_server_id"));
  STROM_TRY(request.max_bytes, Require(max_bytes, "FetchLogRequest.max_bytes"));
  return request;
}

OutgoingFrame EncodeFetchLogResponse(int32_t request_id, std::span<const FetchResult> results) {
  std::vector<Entry> entries;
  entries.reserve(results.size());
  for (const FetchResult& result : results)
    entries.push_back(MakeEntry(result));
  // By table, and within one in the order given (results lie in one array).
  std::ranges::sort(entries, {},
                    [](const Entry& e) { return std::pair(e.result->bucket.table, e.result); });

  // Sizes from the inside out: entry, table, frame.
  struct Table {
    size_t begin, end;
    uint64_t size;
  };
  std::vector<Table> tables;
  uint64_t body_bytes = 0;
  for (size_t begin = 0; begin < entries.size();) {
    const TableId id = entries[begin].result->bucket.table;
    Table table{begin, begin, FieldWriter::IntBytes(1, id.value)};
    while (table.end < entries.size() && entries[table.end].result->bucket.table == id) {
      table.size += FieldWriter::LengthBytes(2, entries[table.end++].size());
    }
    body_bytes += FieldWriter::LengthBytes(1, table.size);
    begin = table.end;
    tables.push_back(table);
  }
  const uint64_t length = kResponseHeaderBytes + body_bytes;
  if (length > kMaxResponseLength) return EncodeTooLarge(request_id);

  PieceBuilder builder;
  AppendBig(builder.small(), static_cast<int32_t>(length));
  AppendBig(builder.small(), static_cast<uint8_t>(ResponseType::kSuccess));
  AppendBig(builder.small(), request_id);
  FieldWriter writer(builder.small());
  for (const Table& table : tables) {
    writer.Length(1, table.size);
    writer.Int(1, entries[table.begin].result->bucket.table.value);
    for (size_t i = table.begin; i < table.end; ++i) {
      writer.Length(2, entries[i].size());
      Append(builder.small(), entries[i].head);
      for (const ByteView range : entries[i].result->records)
        builder.AddRange(range);
      Append(builder.small(), entries[i].tail);
    }
  }
  OutgoingFrame frame = builder.Finish();
  STROM_CHECK(frame.size_bytes() == length + kFrameLengthBytes);
  return frame;
}

}  // namespace strom::wire
