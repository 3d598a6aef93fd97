// The embedded MetadataStore: an append-only journal (journal_format.h) with every document in
// memory. Owned by the coordinator's shard and used only there.
//
// Transactions that arrive while a sync is under way share the next one. When the journal has grown
// to several times the size of the live documents it is rewritten beside itself and renamed.
// After a failed sync nobody knows what the disk holds: the store then refuses every commit until
// it is opened again, which shows the truth.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metadata/store.h"
#include "runtime/file.h"
#include "runtime/sync.h"

namespace strom::metadata {

struct JournalOptions {
  // The journal is rewritten once it is larger than both.
  uint64_t compact_min_bytes = 1 << 20;
  uint64_t compact_factor = 4;  // times the bytes of the live documents
  // Of keys and contents in one transaction; larger ones are refused.
  size_t max_transaction_bytes = 32 << 20;
};

class JournalStore final : public MetadataStore {
 public:
  // Opens or creates `directory`/journal. Cuts what a crash left unfinished at the end. A damaged
  // journal is kStorage naming the file, the position and the way out. Blocks. `files` outlives it.
  static Result<std::unique_ptr<JournalStore>> Open(runtime::FileSystem& files,
                                                    const std::string& directory,
                                                    const JournalOptions& options = {});
  // No Commit may be under way.
  ~JournalStore() override = default;

  runtime::Task<Result<std::optional<Document>>> Get(std::string key) override;
  runtime::Task<Result<std::vector<Document>>> List(std::string prefix) override;
  runtime::Task<Status> Commit(Transaction transaction) override;

  // Whether Open found no journal and made an empty one. Data of tables lying around is then
  // orphaned by the loss of its metadata, not by drops.
  bool created() const { return created_; }
  uint64_t journal_bytes() const { return end_; }
  size_t document_count() const { return documents_.size(); }

 private:
  struct Stored {
    std::string content;
    DocumentVersion version = 0;
  };
  struct Pending;  // a Commit under way
  struct Batch;    // those that share a frame

  JournalStore(runtime::FileSystem& files, std::string directory, const JournalOptions& options);

  std::string path() const { return directory_ + "/journal"; }
  Status Recover();
  Status SettleTail(ByteView content, uint64_t last_frame);
  void Put(std::string_view key, std::string_view content, DocumentVersion version);
  void Erase(std::string_view key);

  // Commits whatever is queued, or as much as fits one frame.
  runtime::Task<void> WriteQueued();
  Batch TakeBatch();
  runtime::Task<Status> WriteFrame(const Batch& batch);
  void ApplyBatch(const Batch& batch);
  Error Refuse(const Error& cause);

  bool ShouldCompact() const;
  Bytes Snapshot() const;
  // Replaces the journal by a snapshot. Keeps the old one on trouble that leaves it in place.
  runtime::Task<void> Compact();

  runtime::FileSystem& files_;
  const std::string directory_;
  const JournalOptions options_;
  std::unique_ptr<runtime::File> file_;
  bool created_ = false;
  uint64_t end_ = 0;  // of the last frame
  uint64_t live_bytes_ = 0;
  uint64_t compact_at_least_bytes_ = 0;  // raised when a compaction did not work out
  DocumentVersion last_version_ = 0;
  std::map<std::string, Stored, std::less<>> documents_;

  std::optional<Error> failed_;
  std::vector<Pending*> queue_;
  bool writing_ = false;
  runtime::Event turn_;  // a batch is decided
};

}  // namespace strom::metadata
