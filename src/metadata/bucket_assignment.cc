#include "metadata/bucket_assignment.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"

namespace strom::metadata {

namespace {

// Where the replicas after the first go: the (shift + step)th server behind it, never itself.
size_t FollowerIndex(size_t first, uint64_t shift, uint64_t step, size_t servers) {
  return (first + 1 + (shift + step) % (servers - 1)) % servers;
}

// One server of each rack in turn, racks by name, servers of a rack by id.
std::vector<PlacementServer> AlternateRacks(std::span<const PlacementServer> servers) {
  std::map<std::string, std::vector<PlacementServer>> racks;
  for (const PlacementServer& server : servers)
    racks[*server.rack].push_back(server);
  for (auto& [name, members] : racks)
    std::ranges::sort(members, {}, &PlacementServer::id);
  std::vector<PlacementServer> order;
  for (size_t turn = 0; order.size() < servers.size(); ++turn) {
    for (const auto& [name, members] : racks) {
      if (turn < members.size()) order.push_back(members[turn]);
    }
  }
  return order;
}

std::vector<ServerId> ReplicasAnywhere(std::span<const PlacementServer> servers, size_t first,
                                       uint64_t shift, size_t replicas) {
  std::vector<ServerId> chosen{servers[first].id};
  for (uint64_t step = 0; chosen.size() < replicas; ++step) {
    chosen.push_back(servers[FollowerIndex(first, shift, step, servers.size())].id);
  }
  return chosen;
}

// Walks as above and passes over servers of racks that hold the bucket already, as long as another
// rack holds none. Two rounds suffice: after the first one every rack holds the bucket.
std::vector<ServerId> ReplicasAcrossRacks(std::span<const PlacementServer> servers,
                                          size_t rack_count, size_t first, uint64_t shift,
                                          size_t replicas) {
  std::vector<ServerId> chosen{servers[first].id};
  std::set<ServerId> used{servers[first].id};
  std::set<std::string_view> racks{*servers[first].rack};
  for (uint64_t step = 0; chosen.size() < replicas; ++step) {
    STROM_CHECK(step < 2 * (servers.size() - 1));
    const auto& server = servers[FollowerIndex(first, shift * rack_count, step, servers.size())];
    if (racks.contains(*server.rack) && racks.size() < rack_count) continue;
    if (used.contains(server.id)) continue;
    chosen.push_back(server.id);
    used.insert(server.id);
    racks.insert(*server.rack);
  }
  return chosen;
}

}  // namespace

Status CheckBucketCount(int32_t bucket_count) {
  if (bucket_count > 0) return {};
  return Fail(ErrorCode::kInvalidTable, "Number of buckets must be larger than 0.");
}

Status CheckReplicationFactor(int32_t replication_factor, size_t servers) {
  if (replication_factor <= 0) {
    return Fail(ErrorCode::kInvalidReplicationFactor, "Replication factor must be larger than 0.");
  }
  if (static_cast<size_t>(replication_factor) > servers) {
    return Fail(ErrorCode::kInvalidReplicationFactor,
                "Replication factor: {} larger than available tablet servers: {}.",
                replication_factor, servers);
  }
  return {};
}

Result<BucketAssignment> AssignBuckets(std::span<const PlacementServer> servers,
                                       int32_t bucket_count, int32_t replication_factor,
                                       PlacementSeed seed) {
  STROM_TRY_VOID(CheckBucketCount(bucket_count));
  STROM_TRY_VOID(CheckReplicationFactor(replication_factor, servers.size()));
  if (int64_t{bucket_count} * replication_factor > kMaxReplicasPerAssignment) {
    return Fail(ErrorCode::kBucketMaxNum,
                "{} buckets with {} replicas each exceed the limit of {} replicas.", bucket_count,
                replication_factor, kMaxReplicasPerAssignment);
  }
  const bool racks_known =
      std::ranges::all_of(servers, [](const auto& server) { return server.rack.has_value(); });
  std::vector<PlacementServer> alternating;
  std::set<std::string_view> racks;
  if (racks_known) {
    alternating = AlternateRacks(servers);
    for (const PlacementServer& server : alternating)
      racks.insert(*server.rack);
    servers = alternating;
  }
  const auto replicas = static_cast<size_t>(replication_factor);
  uint64_t shift = seed.next_replica_shift;
  BucketAssignment assignment;
  assignment.reserve(static_cast<size_t>(bucket_count));
  for (size_t bucket = 0; bucket < static_cast<size_t>(bucket_count); ++bucket) {
    if (bucket > 0 && bucket % servers.size() == 0) ++shift;
    const size_t first = (bucket + seed.start_index) % servers.size();
    assignment.push_back(racks_known
                             ? ReplicasAcrossRacks(servers, racks.size(), first, shift, replicas)
                             : ReplicasAnywhere(servers, first, shift, replicas));
  }
  return assignment;
}

}  // namespace strom::metadata
