#include "metadata/bucket_assignment.h"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/test_vectors.h"
#include "base/value_syntax.h"

namespace strom::metadata {
namespace {

// "0:rack1,1" is server 0 in rack1 and server 1 without rack.
std::vector<PlacementServer> ServersOf(const std::string& text) {
  std::vector<PlacementServer> servers;
  for (const std::string& part : ParseList(text)) {
    const size_t colon = part.find(':');
    PlacementServer server{ServerId(*ParseInt32(part.substr(0, colon))), std::nullopt};
    if (colon != std::string::npos) server.rack = part.substr(colon + 1);
    servers.push_back(server);
  }
  return servers;
}

TEST(AssignmentVectors, ReplicasLandWhereTheReferencePutsThem) {
  VectorReport report("metadata/assignment.json");
  for (const auto& item : LoadVectors("metadata/assignment.json")["cases"]) {
    const auto servers = ServersOf(item["servers"]);
    const PlacementSeed seed{item["start_index"].get<uint32_t>(),
                             item["next_replica_shift"].get<uint32_t>()};
    const auto assignment = AssignBuckets(servers, item["buckets"].get<int32_t>(),
                                          item["replication_factor"].get<int32_t>(), seed);
    ASSERT_EQ(assignment.has_value(), item.contains("assignment")) << item;
    if (assignment) {
      nlohmann::ordered_json got;
      for (size_t bucket = 0; bucket < assignment->size(); ++bucket) {
        for (const ServerId id : (*assignment)[bucket]) {
          got[fmt::format("{}", bucket)].push_back(id.value);
        }
      }
      EXPECT_EQ(got, item["assignment"]) << item;
    } else {
      // An untyped error of the reference (-1) has a code of its own here (spec 06, 1).
      const int code = item["code"].get<int>();
      EXPECT_EQ(static_cast<int>(assignment.error().code),
                code == -1 ? static_cast<int>(ErrorCode::kInvalidTable) : code);
      EXPECT_EQ(assignment.error().message, item["message"].get<std::string>());
    }
    report.CaseDone(item.dump());
  }
}

TEST(AssignBuckets, ReplicasOfABucketAreDistinctForEverySeed) {
  for (const char* text : {"0,1,2,3", "0:a,1:a,2:b,3:c", "7:a,8:a,9:a,10:b", "5:x,6:y"}) {
    const auto servers = ServersOf(text);
    const auto count = static_cast<uint32_t>(servers.size());
    for (uint32_t seed = 0; seed < count * count; ++seed) {
      for (int32_t replicas = 1; replicas <= static_cast<int32_t>(count); ++replicas) {
        const auto assignment = AssignBuckets(servers, 13, replicas, {seed / count, seed % count});
        ASSERT_TRUE(assignment);
        for (const auto& bucket : *assignment) {
          const std::set<ServerId> distinct(bucket.begin(), bucket.end());
          ASSERT_EQ(distinct.size(), static_cast<size_t>(replicas));
        }
      }
    }
  }
}

TEST(AssignBuckets, BoundsReplicasBeforeAllocating) {
  const auto servers = ServersOf("0,1");
  const auto assignment = AssignBuckets(servers, INT32_MAX, 2, {});
  ASSERT_FALSE(assignment);
  EXPECT_EQ(assignment.error().code, ErrorCode::kBucketMaxNum);
}

TEST(AssignBuckets, NoServerIsAnErrorAndNoDivision) {
  const auto assignment = AssignBuckets({}, 1, 1, {});
  ASSERT_FALSE(assignment);
  EXPECT_EQ(assignment.error().message,
            "Replication factor: 1 larger than available tablet servers: 0.");
}

TEST(AssignBuckets, SeedsBeyondTheServersWrapAround) {
  const auto servers = ServersOf("0,1,2");
  const auto wrapped = AssignBuckets(servers, 4, 2, {UINT32_MAX, UINT32_MAX});
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(*wrapped, *AssignBuckets(servers, 4, 2, {UINT32_MAX % 3, UINT32_MAX % 2}));
}

}  // namespace
}  // namespace strom::metadata
