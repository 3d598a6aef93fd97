// Work of one request that belongs to several shards: everything for one shard crosses together,
// because a hop that is awaited alone costs a hundred times one in company.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/sync.h"
#include "server/server_shard.h"

namespace strom::server {

// R of a visit that returns Task<R>.
template <class Visit, class Item>
using VisitResult =
    typename std::invoke_result_t<Visit&, ServerShard&, std::vector<Item>>::value_type;

// Groups `items` by the shard that owns bucket_of(item), runs visit(owner, items) -> Task<R> on
// each owner, all at once, and returns the results. Visits of one shard keep the order of calls.
template <class Item, class BucketOf, class Visit>
runtime::Task<std::vector<VisitResult<Visit, Item>>> ForEachOwner(ServerShard& home,
                                                                  std::vector<Item> items,
                                                                  BucketOf bucket_of, Visit visit) {
  using R = VisitResult<Visit, Item>;
  std::vector<R> results;
  if (items.empty()) co_return results;
  std::vector<std::pair<ServerShard*, std::vector<Item>>> groups;
  for (Item& item : items) {
    ServerShard* owner = &home.OwnerOf(bucket_of(item));
    auto group = std::ranges::find_if(groups, [&](auto& g) { return g.first == owner; });
    if (group == groups.end()) {
      groups.emplace_back(owner, std::vector<Item>());
      group = groups.end() - 1;
    }
    group->second.push_back(std::move(item));
  }
  if (groups.size() == 1 && groups[0].first == &home) {
    results.push_back(co_await visit(home, std::move(groups[0].second)));
    co_return results;
  }
  std::vector<runtime::Task<R>> visits;
  visits.reserve(groups.size());
  for (auto& [owner, owned] : groups) {
    visits.push_back(runtime::CallOn(
        owner->shard, [&visit, owner, &owned] { return visit(*owner, std::move(owned)); }));
  }
  co_return co_await runtime::WhenAll(std::move(visits));
}

// To give the parts of a request away, shard by shard.
template <class Part>
std::vector<Part*> Pointers(std::vector<Part>& parts) {
  std::vector<Part*> pointers;
  pointers.reserve(parts.size());
  for (Part& part : parts)
    pointers.push_back(&part);
  return pointers;
}

}  // namespace strom::server
