// The bucket replicas of one shard, and which shard owns a bucket. One shard only.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/ids.h"
#include "base/result.h"
#include "metadata/catalog.h"
#include "replica/replica.h"
#include "runtime/shard.h"

namespace strom::replica {

// The owner never changes while the process runs.
inline runtime::ShardId OwnerOf(const TableBucket& bucket, int shard_count) {
  return runtime::ShardId(
      static_cast<int32_t>(std::hash<TableBucket>()(bucket) % static_cast<size_t>(shard_count)));
}

class ReplicaSet {
 public:
  // The replica; else 12 (the catalog knows the bucket, it is not hosted here) or 21 (unknown).
  Result<std::shared_ptr<Replica>> Find(const TableBucket& bucket,
                                        const metadata::Catalog& catalog) const;
  void Add(std::shared_ptr<Replica> replica);
  // Takes the bucket out; the caller drops and closes it. Null if it is not here.
  std::shared_ptr<Replica> Remove(const TableBucket& bucket);

  const std::unordered_map<TableBucket, std::shared_ptr<Replica>>& all() const { return replicas_; }

 private:
  std::unordered_map<TableBucket, std::shared_ptr<Replica>> replicas_;
};

}  // namespace strom::replica
