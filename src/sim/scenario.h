// A whole server and its clients in a simulated world for a few lives, with the faults that the
// seed chooses, and the model beside it (model.h). Everything follows from the seed.
#pragma once

#include <cstdint>
#include <string>

namespace strom::sim {

struct Outcome {
  std::string violation;  // empty: nothing was wrong
  std::string profile;    // which faults the seed chose
  uint64_t trace = 0;     // the same for every run of the seed
  uint64_t steps = 0;
  uint64_t acknowledged = 0;  // appended rows
  uint64_t upserted = 0;      // acknowledged rows of primary-key tables
  uint64_t read = 0;          // distinct rows that readers got, and lookups
  uint64_t lives = 0;
  uint64_t crashes = 0;
};

Outcome RunScenario(uint64_t seed);

}  // namespace strom::sim
