// The data directory of a server (spec 04, 9.1): who may use it, how it was left, what lies in it.
//
//   .lock                                held while a server runs
//   .fluss_cleanshutdown                 the last server closed every log well, as it says there
//   recovery-point-offset-checkpoint     below these offsets logs need no look after a crash
//   high-watermark-checkpoint
//   {db}/{table}-{tableId}/log-{bucket}/ the logs
//   {db}/{table}-{tableId}/{partition}-p{partitionId}/log-{bucket}/
//   .metadata/                           the metadata journal
//
// Opened once at start, on the coordinator's shard; checkpoints may be written from the blocking
// pool. Blocks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/checkpoint_file.h"
#include "log/log_facts.h"
#include "runtime/file.h"

namespace strom::log {

// Folder of the metadata journal. The dot keeps it apart from databases.
inline constexpr std::string_view kMetadataFolder = ".metadata";
inline constexpr std::string_view kRecoveryPointsFile = "recovery-point-offset-checkpoint";
inline constexpr std::string_view kHighWatermarksFile = "high-watermark-checkpoint";

struct FoundTable {
  std::string directory;
  TableId table;
};

class LogDirectory {
 public:
  // Makes the directory if need be, locks it, reads the marker and the checkpoints, and removes the
  // marker, so that a crash from now on is seen as one. Errors: kStorage; the text of a held lock
  // says that another server uses the directory.
  static Result<std::unique_ptr<LogDirectory>> Open(runtime::FileSystem& files, std::string path);

  const std::string& path() const { return path_; }
  bool clean() const { return clean_; }
  // Where to begin to verify a log after a crash; 0 for an unknown bucket.
  Offset RecoveryPoint(const TableBucket& bucket) const;
  // How the last server left a log; null if it did not stop well or does not say.
  const LogFacts* Facts(const TableBucket& bucket) const;
  // Once every log is open: what they are from now on they know themselves.
  void ForgetFacts() { facts_ = {}; }
  // Table folders found at Open, for the owner to compare with the metadata.
  const std::vector<FoundTable>& found_tables() const { return found_tables_; }

  std::string TablePath(const strom::TablePath& table, TableId id) const;
  std::string BucketPath(const strom::TablePath& table, TableId id, BucketId bucket) const;

  Status WriteRecoveryPoints(const OffsetMap& offsets);
  Status WriteHighWatermarks(const OffsetMap& offsets);
  // The last step of a clean shutdown.
  Status MarkClean(const LogFactsMap& facts);

 private:
  LogDirectory(runtime::FileSystem& files, std::string path)
      : files_(files), path_(std::move(path)) {}
  void ReadFacts(const std::string& marker);
  Status Scan();

  runtime::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<runtime::FileLock> lock_;
  bool clean_ = false;
  OffsetMap recovery_points_;
  LogFactsMap facts_;
  std::vector<FoundTable> found_tables_;
};

}  // namespace strom::log
