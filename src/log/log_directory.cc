#include "log/log_directory.h"

#include "base/log.h"
#include "log/file_names.h"

namespace strom::log {
namespace {

constexpr std::string_view kLockFile = "/.lock";
constexpr std::string_view kCleanMarker = "/.fluss_cleanshutdown";

// "orders-7" -> 7. The last '-' counts: table names may hold some.
std::optional<TableId> TableIdOf(std::string_view folder) {
  const size_t dash = folder.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const auto id = ParseDigits<int64_t>(folder.substr(dash + 1));
  if (!id) return std::nullopt;
  return TableId(*id);
}

}  // namespace

Result<std::unique_ptr<LogDirectory>> LogDirectory::Open(runtime::FileSystem& files,
                                                         std::string path) {
  STROM_TRY_VOID(files.CreateDirectories(path));
  std::unique_ptr<LogDirectory> directory(new LogDirectory(files, std::move(path)));
  const std::string& root = directory->path_;
  STROM_TRY(directory->lock_, files.Lock(root + std::string(kLockFile)));

  const std::string marker = root + std::string(kCleanMarker);
  STROM_TRY(directory->clean_, files.Exists(marker));
  if (directory->clean_) {
    directory->ReadFacts(marker);
    STROM_TRY_VOID(files.Remove(marker));
    STROM_TRY_VOID(files.SyncDirectory(root));
  }
  const std::string recovery_points = fmt::format("{}/{}", root, kRecoveryPointsFile);
  Result<OffsetMap> points = ReadCheckpoint(files, recovery_points);
  if (points) {
    directory->recovery_points_ = std::move(*points);
  } else {
    // Without it every log is verified from its start: slower, as safe.
    strom::Log(LogLevel::kWarn, "data_dir.checkpoint_unreadable",
               {{"path", recovery_points}, {"reason", points.error().message}});
  }
  STROM_TRY_VOID(directory->Scan());
  return directory;
}

void LogDirectory::ReadFacts(const std::string& marker) {
  const Result<Bytes> text = runtime::ReadFile(files_, marker);
  Result<LogFactsMap> facts = text ? ParseLogFacts(AsText(*text)) : Fail(text.error());
  if (facts) {
    facts_ = std::move(*facts);
    return;
  }
  // The logs were closed well all the same: each is opened and looked at.
  strom::Log(LogLevel::kInfo, "data_dir.facts_unreadable",
             {{"path", marker}, {"reason", facts.error().message}});
}

Status LogDirectory::Scan() {
  STROM_TRY(const auto databases, files_.List(path_));
  for (const runtime::DirectoryEntry& database : databases) {
    if (!database.is_directory || database.name.starts_with('.')) continue;
    const std::string folder = path_ + "/" + database.name;
    STROM_TRY(const auto tables, files_.List(folder));
    for (const runtime::DirectoryEntry& table : tables) {
      const auto id = table.is_directory ? TableIdOf(table.name) : std::nullopt;
      if (id) {
        found_tables_.push_back({folder + "/" + table.name, *id});
      } else {
        strom::Log(LogLevel::kWarn, "data_dir.not_ours",
                   {{"path", folder + "/" + table.name}, {"reason", "its name is no table-id"}});
      }
    }
  }
  return {};
}

Offset LogDirectory::RecoveryPoint(const TableBucket& bucket) const {
  const auto found = recovery_points_.find(bucket);
  return found == recovery_points_.end() ? Offset(0) : found->second;
}

const LogFacts* LogDirectory::Facts(const TableBucket& bucket) const {
  const auto found = facts_.find(bucket);
  return found == facts_.end() ? nullptr : &found->second;
}

std::string LogDirectory::TablePath(const strom::TablePath& table, TableId id) const {
  return fmt::format("{}/{}/{}-{}", path_, table.database, table.table, id);
}

std::string LogDirectory::BucketPath(const strom::TablePath& table, TableId id,
                                     BucketId bucket) const {
  return fmt::format("{}/log-{}", TablePath(table, id), bucket);
}

Status LogDirectory::WriteRecoveryPoints(const OffsetMap& offsets) {
  return WriteCheckpoint(files_, fmt::format("{}/{}", path_, kRecoveryPointsFile), offsets);
}

Status LogDirectory::WriteHighWatermarks(const OffsetMap& offsets) {
  return WriteCheckpoint(files_, fmt::format("{}/{}", path_, kHighWatermarksFile), offsets);
}

Status LogDirectory::MarkClean(const LogFactsMap& facts) {
  const std::string text = FormatLogFacts(facts);
  return runtime::ReplaceFile(files_, path_ + std::string(kCleanMarker), AsBytes(text));
}

}  // namespace strom::log
