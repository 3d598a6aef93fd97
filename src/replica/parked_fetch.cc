#include "replica/parked_fetch.h"

#include "replica/replica.h"

namespace strom::replica {

ParkedFetch::~ParkedFetch() {
  for (const auto& replica : replicas_)
    replica->Unpark(this);
}

void ParkedFetch::HangOn(std::shared_ptr<Replica> replica) {
  replica->Park(this);
  replicas_.push_back(std::move(replica));
}

}  // namespace strom::replica
