#include "client/log_loads.h"

#include "base/check.h"

namespace strom::client {
namespace {

constexpr int32_t kFollowWaitMs = 500;

BucketId BucketOf(size_t position) {
  return BucketId(static_cast<int32_t>(position));
}

}  // namespace

std::optional<LoadRequest> ProduceLoad::Next(size_t /*slot*/) {
  const size_t bucket = turn_++ % options_.buckets;
  return LoadRequest{
      .api = wire::Api::kProduceLog,
      .bucket = bucket,
      .head = ProducePrefix(
          {.table = options_.table, .bucket = BucketOf(bucket), .acks = options_.acks},
          options_.batch.size()),
      .tail = options_.batch};
}

Result<Yield> ProduceLoad::Judge(size_t /*slot*/, ByteView body) {
  STROM_TRY_VOID(ParseProduceAnswer(body));
  return Yield{.rows = options_.rows, .record_bytes = options_.batch.size()};
}

FetchLoad::FetchLoad(Options options) : options_(std::move(options)) {
  STROM_CHECK(options_.buckets > 0 && options_.slots > 0);
  const bool shared = options_.buckets >= options_.slots;
  stride_ = shared ? options_.slots : 1;
  for (size_t slot = 0; slot < options_.slots; ++slot) {
    const size_t first = shared || options_.follow ? slot % options_.buckets : 0;
    readers_.push_back({.first_bucket = first, .bucket = first});
  }
}

std::optional<LoadRequest> FetchLoad::Next(size_t slot) {
  const Reader& reader = readers_[slot];
  if (options_.passes > 0 && reader.passes_done >= options_.passes) return std::nullopt;
  return LoadRequest{.api = wire::Api::kFetchLog,
                     .bucket = reader.bucket,
                     .head = FetchBody({.table = options_.table,
                                        .bucket = BucketOf(reader.bucket),
                                        .from = reader.from,
                                        .max_bytes = options_.max_bytes,
                                        .columns = options_.columns,
                                        .max_wait_ms = options_.follow ? kFollowWaitMs : 0})};
}

Result<Yield> FetchLoad::Judge(size_t slot, ByteView body) {
  Reader& reader = readers_[slot];
  STROM_TRY(const Fetched fetched, ParseFetchAnswer(body, reader.from));
  const bool at_end = fetched.next >= fetched.high_watermark;
  if (!options_.follow && !at_end && fetched.next == reader.from) {
    return Fail(ErrorCode::kUnknownServerError,
                "Bucket {} gives nothing at offset {}, below its high watermark {}.", reader.bucket,
                reader.from, fetched.high_watermark);
  }
  reader.from = fetched.next;
  if (at_end && !options_.follow) GoOn(reader);
  return Yield{.rows = fetched.records, .record_bytes = fetched.bytes};
}

void FetchLoad::GoOn(Reader& reader) const {
  reader.from = Offset(0);
  reader.bucket += stride_;
  if (reader.bucket < options_.buckets) return;
  reader.bucket = reader.first_bucket;
  ++reader.passes_done;
}

}  // namespace strom::client
