// Where metadata lives: small JSON documents under the paths of the reference's coordination
// service (spec 06, 19), changed by atomic transactions. One coordinator writes. Implementations:
// JournalStore (embedded, one process); a cluster keeps the same documents in etcd.
// Used on one shard only, the coordinator's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"

namespace strom::metadata {

// The number of the transaction that last wrote a document; they grow by time. 0: no document.
using DocumentVersion = int64_t;

struct Document {
  std::string key;
  std::string content;
  DocumentVersion version = 0;
};

// All of it happens or nothing. A key appears at most once in puts and deletes together.
struct Transaction {
  struct Condition {
    std::string key;
    DocumentVersion version = 0;  // 0: must not exist
  };
  struct Put {
    std::string key;
    std::string content;
  };

  std::vector<Condition> conditions;
  std::vector<Put> puts;
  std::vector<std::string> deletes;  // a missing document is no error

  bool empty() const { return puts.empty() && deletes.empty(); }
};

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;

  // What is committed. Documents come in the order of their keys.
  virtual runtime::Task<Result<std::optional<Document>>> Get(std::string key) = 0;
  virtual runtime::Task<Result<std::vector<Document>>> List(std::string prefix) = 0;

  // Durable when it returns. kInvalidUpdateVersion: a condition does not hold, nothing happened.
  // kStorage: the text says whether nothing happened or the outcome shows only after a restart.
  virtual runtime::Task<Status> Commit(Transaction transaction) = 0;
};

}  // namespace strom::metadata
