#include "base/ids.h"

namespace strom {

std::string ToString(const TableBucket& bucket) {
  if (bucket.partition) {
    return fmt::format("table {} partition {} bucket {}", bucket.table, *bucket.partition,
                       bucket.bucket);
  }
  return fmt::format("table {} bucket {}", bucket.table, bucket.bucket);
}

}  // namespace strom
