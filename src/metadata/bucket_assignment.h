// Which tablet servers hold the buckets of a table or partition (spec 06, 13). A pure function: the
// caller draws the two random numbers. The first replica of a bucket is its preferred leader.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace strom::metadata {

// Replicas of one table or partition, all buckets together.
inline constexpr int64_t kMaxReplicasPerAssignment = 1'000'000;

struct PlacementServer {
  ServerId id;
  std::optional<std::string> rack;
};

// Both uniform in [0, servers); any values are accepted.
struct PlacementSeed {
  uint32_t start_index = 0;
  uint32_t next_replica_shift = 0;
};

// assignment[b] = the servers of bucket b
using BucketAssignment = std::vector<std::vector<ServerId>>;

// At least 1: kInvalidTable.
Status CheckBucketCount(int32_t bucket_count);
// Within 1..servers: kInvalidReplicationFactor.
Status CheckReplicationFactor(int32_t replication_factor, size_t servers);

// `servers`: live, distinct, not leaving for good; their order matters to the result. Replicas are
// spread over racks when all servers have one. More than kMaxReplicasPerAssignment: kBucketMaxNum.
Result<BucketAssignment> AssignBuckets(std::span<const PlacementServer> servers,
                                       int32_t bucket_count, int32_t replication_factor,
                                       PlacementSeed seed);

}  // namespace strom::metadata
