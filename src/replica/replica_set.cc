#include "replica/replica_set.h"

namespace strom::replica {

Result<std::shared_ptr<Replica>> ReplicaSet::Find(const TableBucket& bucket,
                                                  const metadata::Catalog& catalog) const {
  if (auto it = replicas_.find(bucket); it != replicas_.end()) return it->second;
  const auto table = catalog.FindTable(bucket.table);
  const bool known = table != nullptr && !bucket.partition && bucket.bucket.value >= 0 &&
                     bucket.bucket.value < table->bucket_count;
  if (known) {
    return Fail(ErrorCode::kNotLeaderOrFollower,
                "This server does not lead {} ({}); refresh the metadata.", bucket, table->path);
  }
  return Fail(ErrorCode::kUnknownTableOrBucket,
              "Unknown {}: it was dropped or never existed; refresh the metadata.", bucket);
}

void ReplicaSet::Add(std::shared_ptr<Replica> replica) {
  const TableBucket bucket = replica->bucket();
  STROM_CHECK(replicas_.emplace(bucket, std::move(replica)).second);
}

std::shared_ptr<Replica> ReplicaSet::Remove(const TableBucket& bucket) {
  auto node = replicas_.extract(bucket);
  return node.empty() ? nullptr : std::move(node.mapped());
}

}  // namespace strom::replica
