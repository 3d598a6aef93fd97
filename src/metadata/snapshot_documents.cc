#include "metadata/snapshot_documents.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "format/json_text.h"

namespace strom::metadata {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::string_view kBuckets = "/buckets/";
constexpr std::string_view kSnapshots = "/snapshots/";
constexpr std::string_view kCounter = "/snapshot_seqid";

std::string BucketPath(const TableBucket& bucket) {
  return fmt::format("{}{}{}{}", path::kTablets, bucket.table, kBuckets, bucket.bucket);
}

// Takes a number off the front of `text`.
template <class T>
bool TakeNumber(std::string_view& text, T& number) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()));
  return true;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Result<int64_t> ReadNumber(const json& object, const char* name, std::string_view owner,
                           int64_t least = 0) {
  const json* member = object.is_object() ? format::FindMember(object, name) : nullptr;
  if (member == nullptr || !member->is_number_integer()) {
    return Fail(ErrorCode::kStorage, "{}: '{}' is no integer.", owner, name);
  }
  const auto number = member->get<int64_t>();
  if (number < least) return Fail(ErrorCode::kStorage, "{}: '{}' is {}.", owner, name, number);
  return number;
}

Result<const json*> ReadArray(const json& object, const char* name, std::string_view owner) {
  const json* member = object.is_object() ? format::FindMember(object, name) : nullptr;
  if (member == nullptr || !member->is_array()) {
    return Fail(ErrorCode::kStorage, "{}: '{}' is no list.", owner, name);
  }
  return member;
}

Result<json> ReadDocument(std::string_view text, std::string_view owner) {
  Result<json> document = format::ReadJson(text, owner);
  if (!document) return Fail(ErrorCode::kStorage, "{}", document.error().message);
  STROM_TRY(const int64_t version, ReadNumber(*document, "version", owner));
  if (version != 1) return Fail(ErrorCode::kStorage, "{}: its version is {}.", owner, version);
  return document;
}

Result<TableBucket> ReadBucket(const json& entry, TableId table, std::string_view owner) {
  TableBucket bucket{table, std::nullopt, BucketId(0)};
  STROM_TRY(const int64_t id, ReadNumber(entry, "bucket_id", owner));
  if (id > INT32_MAX) return Fail(ErrorCode::kStorage, "{}: bucket_id is {}.", owner, id);
  bucket.bucket = BucketId(static_cast<int32_t>(id));
  if (format::FindMember(entry, "partition_id") != nullptr) {
    STROM_TRY(const int64_t partition, ReadNumber(entry, "partition_id", owner));
    bucket.partition = PartitionId(partition);
  }
  return bucket;
}

ordered_json BucketToJson(const TableBucket& bucket) {
  ordered_json entry;
  if (bucket.partition) entry["partition_id"] = bucket.partition->value;
  entry["bucket_id"] = bucket.bucket.value;
  return entry;
}

}  // namespace

namespace path {

std::string Snapshot(const TableBucket& bucket, int64_t snapshot_id) {
  return fmt::format("{}{}{}", BucketPath(bucket), kSnapshots, snapshot_id);
}
std::string SnapshotCounter(const TableBucket& bucket) {
  return fmt::format("{}{}", BucketPath(bucket), kCounter);
}
std::string Lease(std::string_view lease_id) {
  return fmt::format("{}{}", kLeases, lease_id);
}
std::string Producer(std::string_view producer_id) {
  return fmt::format("{}{}", kProducers, producer_id);
}

}  // namespace path

std::optional<SnapshotKey> ParseSnapshotKey(std::string_view key) {
  SnapshotKey parsed;
  int64_t table = 0;
  int32_t bucket = 0;
  if (!TakePrefix(key, path::kTablets) || !TakeNumber(key, table) || !TakePrefix(key, kBuckets) ||
      !TakeNumber(key, bucket)) {
    return std::nullopt;
  }
  parsed.bucket = {TableId(table), std::nullopt, BucketId(bucket)};
  if (key == kCounter) return parsed;
  int64_t id = 0;
  if (!TakePrefix(key, kSnapshots) || !TakeNumber(key, id) || !key.empty()) return std::nullopt;
  parsed.snapshot_id = id;
  return parsed;
}

std::string WriteSnapshotHandle(const SnapshotHandle& handle) {
  ordered_json document;
  document["version"] = 1;
  document["snapshot_id"] = handle.id;
  document["log_offset"] = handle.log_offset.value;
  document["metadata_path"] = handle.metadata_path;
  return format::WriteJson(document);
}

Result<SnapshotHandle> ReadSnapshotHandle(std::string_view text) {
  constexpr std::string_view kOwner = "KV snapshot handle";
  STROM_TRY(const json document, ReadDocument(text, kOwner));
  SnapshotHandle handle;
  STROM_TRY(handle.id, ReadNumber(document, "snapshot_id", kOwner));
  STROM_TRY(handle.log_offset.value, ReadNumber(document, "log_offset", kOwner));
  const json* place = format::FindMember(document, "metadata_path");
  if (place == nullptr || !place->is_string()) {
    return Fail(ErrorCode::kStorage, "{}: 'metadata_path' is no text.", kOwner);
  }
  handle.metadata_path = place->get<std::string>();
  return handle;
}

std::string WriteLease(const SnapshotLease& lease) {
  std::map<TableId, ordered_json> tables;
  for (const auto& [bucket, snapshot] : lease.snapshots) {
    ordered_json entry = BucketToJson(bucket);
    entry["snapshot_id"] = snapshot;
    tables[bucket.table].push_back(std::move(entry));
  }
  ordered_json document;
  document["version"] = 1;
  document["expiration_time"] = lease.expires.ms;
  document["tables"] = ordered_json::array();
  for (auto& [table, buckets] : tables) {
    document["tables"].push_back({{"table_id", table.value}, {"buckets", std::move(buckets)}});
  }
  return format::WriteJson(document);
}

Result<SnapshotLease> ReadLease(std::string_view text) {
  constexpr std::string_view kOwner = "KV snapshot lease";
  STROM_TRY(const json document, ReadDocument(text, kOwner));
  SnapshotLease lease;
  STROM_TRY(lease.expires.ms, ReadNumber(document, "expiration_time", kOwner));
  STROM_TRY(const json* tables, ReadArray(document, "tables", kOwner));
  for (const json& table : *tables) {
    STROM_TRY(const int64_t id, ReadNumber(table, "table_id", kOwner));
    STROM_TRY(const json* buckets, ReadArray(table, "buckets", kOwner));
    for (const json& entry : *buckets) {
      STROM_TRY(const TableBucket bucket, ReadBucket(entry, TableId(id), kOwner));
      STROM_TRY(lease.snapshots[bucket], ReadNumber(entry, "snapshot_id", kOwner));
    }
  }
  return lease;
}

std::string WriteProducerOffsets(const ProducerOffsets& producer) {
  ordered_json document;
  document["version"] = 1;
  document["expiration_time"] = producer.expires.ms;
  document["tables"] = ordered_json::array();
  for (const auto& [table, offsets] : producer.tables) {
    ordered_json buckets = ordered_json::array();
    for (const auto& [bucket, offset] : offsets) {
      ordered_json entry = BucketToJson(bucket);
      entry["log_end_offset"] = offset.value;
      buckets.push_back(std::move(entry));
    }
    document["tables"].push_back(
        {{"table_id", table.value}, {"bucket_offsets", std::move(buckets)}});
  }
  return format::WriteJson(document);
}

Result<ProducerOffsets> ReadProducerOffsets(std::string_view text) {
  constexpr std::string_view kOwner = "Offsets of a producer";
  STROM_TRY(const json document, ReadDocument(text, kOwner));
  ProducerOffsets producer;
  STROM_TRY(producer.expires.ms, ReadNumber(document, "expiration_time", kOwner));
  STROM_TRY(const json* tables, ReadArray(document, "tables", kOwner));
  for (const json& table : *tables) {
    STROM_TRY(const int64_t id, ReadNumber(table, "table_id", kOwner));
    auto& offsets = producer.tables[TableId(id)];
    STROM_TRY(const json* buckets, ReadArray(table, "bucket_offsets", kOwner));
    for (const json& entry : *buckets) {
      STROM_TRY(const TableBucket bucket, ReadBucket(entry, TableId(id), kOwner));
      STROM_TRY(offsets[bucket].value, ReadNumber(entry, "log_end_offset", kOwner, INT64_MIN));
    }
  }
  return producer;
}

}  // namespace strom::metadata
