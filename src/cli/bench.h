// `strom bench`: load on a server of the protocol, ours or another, for measurements. Prints what
// was done and how long it took, as text or as one JSON object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace strom::cli {

struct BenchArguments {
  std::string bootstrap = "127.0.0.1:9123";  // one that answers about metadata
  std::string table = "bench.generated";     // database.table
  int connections = 1;
  int in_flight = 0;  // on each connection; 0: what suits the load
  double rate = 0;    // requests a second; 0: as fast as answers come
  double seconds = 5;
  int64_t count = 0;       // requests at most; 0: until time is out
  std::vector<int> watch;  // processes whose CPU time is printed
  bool json = false;
  // produce
  int buckets = 1;  // of a table that is made
  int columns = 20;
  int64_t batch_bytes = 1 << 20;  // about
  int acks = -1;
  // put, lookup
  int rows = 1000;  // of one request
  int64_t keys = 1'000'000;
  bool random = false;
  bool deletes = false;
  bool may_miss = false;
  int64_t group = 0;  // rows with one prefix; 0: the key has one column
  bool prefixes = false;
  std::vector<int32_t> target_columns;
  std::string properties;  // of a table that is made: JSON members
  // fetch
  std::vector<int32_t> project;  // column positions, ascending; empty: all
  int32_t fetch_bytes = 16 << 20;
  int passes = 1;
  bool follow = false;
};

// Appends one batch again and again, round robin over the buckets. Makes the table if need be.
int BenchProduce(const BenchArguments& arguments);
// Writes rows of generated keys. Makes the table if need be; see client::PutLoad.
int BenchPut(const BenchArguments& arguments);
// Looks up keys that BenchPut wrote; see client::LookupLoad.
int BenchLookup(const BenchArguments& arguments);
// Reads a table from the beginning; see client::FetchLoad.
int BenchFetch(const BenchArguments& arguments);

}  // namespace strom::cli
