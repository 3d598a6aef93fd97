#include "metadata/journal_store.h"

#include <set>

#include "base/check.h"
#include "base/log.h"
#include "metadata/journal_format.h"

namespace strom::metadata {

namespace {

// A snapshot is cut into frames of about this size.
constexpr size_t kSnapshotFrameBytes = 1 << 20;
// Bytes a document takes in the journal beside its key and content, roughly.
constexpr uint64_t kDocumentOverheadBytes = 16;

uint64_t LiveBytes(std::string_view key, std::string_view content) {
  return key.size() + content.size() + kDocumentOverheadBytes;
}

Status CheckForm(const Transaction& transaction, size_t max_bytes) {
  size_t bytes = 0;
  std::set<std::string_view> keys;
  for (const auto& put : transaction.puts) {
    STROM_CHECK(keys.insert(put.key).second);
    bytes += put.key.size() + put.content.size();
  }
  for (const auto& key : transaction.deletes) {
    STROM_CHECK(keys.insert(key).second);
    bytes += key.size();
  }
  if (bytes <= max_bytes) return {};
  return Fail(ErrorCode::kStorage,
              "A metadata transaction of {} bytes is larger than the limit of {}. Nothing was "
              "changed; use fewer buckets or a smaller table definition.",
              bytes, max_bytes);
}

}  // namespace

struct JournalStore::Pending {
  const Transaction& transaction;
  std::optional<Status> outcome;
};

struct JournalStore::Batch {
  std::vector<Pending*> members;  // member i has version first + i
  DocumentVersion first = 0;
  Bytes payload;
};

Result<std::unique_ptr<JournalStore>> JournalStore::Open(runtime::FileSystem& files,
                                                         const std::string& directory,
                                                         const JournalOptions& options) {
  std::unique_ptr<JournalStore> store(new JournalStore(files, directory, options));
  STROM_TRY_VOID(store->Recover());
  return store;
}

JournalStore::JournalStore(runtime::FileSystem& files, std::string directory,
                           const JournalOptions& options)
    : files_(files), directory_(std::move(directory)), options_(options) {}

Status JournalStore::Recover() {
  STROM_TRY_VOID(files_.CreateDirectories(directory_));
  STROM_TRY(const bool exists, files_.Exists(path()));
  if (!exists) {
    Bytes empty;
    journal::AppendFileHeader(empty, {});
    STROM_TRY_VOID(runtime::ReplaceFile(files_, path(), empty));
    created_ = true;
  }
  STROM_TRY(const Bytes content, runtime::ReadFile(files_, path()));
  auto read = journal::Read(content, [this](const journal::Change& change) {
    if (change.content) {
      Put(change.key, *change.content, change.version);
    } else {
      Erase(change.key);
    }
  });
  if (!read) {
    return Fail(ErrorCode::kStorage,
                "The metadata journal '{}' cannot be used: {}. It holds all databases and tables, "
                "so the server does not start without it: check the disk and restore the file from "
                "a backup.",
                path(), read.error().message);
  }
  last_version_ = read->last_version;
  end_ = read->end;
  STROM_TRY(file_, files_.Open(path(), runtime::OpenMode::kReadWrite));
  return SettleTail(content, read->last_frame);
}

// What is read as the last frame may be in the system's cache only, when its sync failed: no later
// sync would write it. So it is written again before anything follows it.
Status JournalStore::SettleTail(ByteView content, uint64_t last_frame) {
  if (content.size() == end_ && last_frame == end_) return {};
  if (content.size() > end_) {
    Log(LogLevel::kWarn, "metadata.journal.cut",
        {{"file", path()}, {"position", end_}, {"bytes", content.size() - end_}});
    STROM_TRY_VOID(file_->Truncate(end_));
  }
  const ByteView frame = content.subspan(last_frame, end_ - last_frame);
  STROM_TRY_VOID(file_->WriteAt(last_frame, {&frame, 1}));
  return file_->SyncNow();
}

void JournalStore::Put(std::string_view key, std::string_view content, DocumentVersion version) {
  Erase(key);
  documents_.emplace(key, Stored{std::string(content), version});
  live_bytes_ += LiveBytes(key, content);
}

void JournalStore::Erase(std::string_view key) {
  const auto found = documents_.find(key);
  if (found == documents_.end()) return;
  live_bytes_ -= LiveBytes(found->first, found->second.content);
  documents_.erase(found);
}

runtime::Task<Result<std::optional<Document>>> JournalStore::Get(std::string key) {
  const auto found = documents_.find(key);
  if (found == documents_.end()) co_return std::nullopt;
  co_return Document{found->first, found->second.content, found->second.version};
}

runtime::Task<Result<std::vector<Document>>> JournalStore::List(std::string prefix) {
  std::vector<Document> documents;
  for (auto it = documents_.lower_bound(prefix);
       it != documents_.end() && it->first.starts_with(prefix); ++it) {
    documents.push_back({it->first, it->second.content, it->second.version});
  }
  co_return documents;
}

runtime::Task<Status> JournalStore::Commit(Transaction transaction) {
  STROM_CO_TRY_VOID(CheckForm(transaction, options_.max_transaction_bytes));
  Pending mine{transaction, std::nullopt};
  queue_.push_back(&mine);
  // Whoever finds no write under way writes for all that are queued, itself included.
  while (!mine.outcome) {
    if (writing_) {
      co_await turn_.Wait();
    } else {
      co_await WriteQueued();
    }
  }
  co_return *mine.outcome;
}

runtime::Task<void> JournalStore::WriteQueued() {
  STROM_CHECK(!writing_);
  writing_ = true;
  const Batch batch = TakeBatch();
  Status written;
  if (!batch.payload.empty()) written = co_await WriteFrame(batch);
  if (written) ApplyBatch(batch);
  for (Pending* member : batch.members)
    member->outcome = written;
  turn_.Notify();
  if (ShouldCompact()) co_await Compact();
  writing_ = false;
  turn_.Notify();
}

// Checks conditions in the order of arrival, each against what precedes it, and leaves out
// (decided) those that do not hold.
JournalStore::Batch JournalStore::TakeBatch() {
  Batch batch;
  batch.first = last_version_ + 1;
  std::map<std::string_view, DocumentVersion> written;  // by this batch
  size_t taken = 0;
  while (taken < queue_.size() && batch.payload.size() <= options_.max_transaction_bytes) {
    Pending* pending = queue_[taken++];
    if (failed_) {
      pending->outcome = Fail(*failed_);
      continue;
    }
    const auto version_of = [&](const std::string& key) -> DocumentVersion {
      if (const auto it = written.find(key); it != written.end()) return it->second;
      const auto it = documents_.find(key);
      return it == documents_.end() ? 0 : it->second.version;
    };
    for (const auto& condition : pending->transaction.conditions) {
      if (version_of(condition.key) == condition.version) continue;
      pending->outcome =
          Fail(ErrorCode::kInvalidUpdateVersion,
               "The metadata document '{}' has version {} instead of {}; nothing was changed.",
               condition.key, version_of(condition.key), condition.version);
      break;
    }
    if (pending->outcome) continue;
    if (pending->transaction.empty()) {
      pending->outcome = Status();
      continue;
    }
    const DocumentVersion version =
        batch.first + static_cast<DocumentVersion>(batch.members.size());
    batch.members.push_back(pending);
    for (const auto& put : pending->transaction.puts) {
      journal::AppendPut(batch.payload, version, put.key, put.content);
      written[put.key] = version;
    }
    for (const auto& key : pending->transaction.deletes) {
      journal::AppendDelete(batch.payload, key);
      written[key] = 0;
    }
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(taken));
  return batch;
}

runtime::Task<Status> JournalStore::WriteFrame(const Batch& batch) {
  Bytes frame;
  journal::AppendFrame(frame, batch.first,
                       batch.first + static_cast<DocumentVersion>(batch.members.size()) - 1,
                       batch.payload);
  const ByteView piece(frame);
  if (auto written = file_->WriteAt(end_, {&piece, 1}); !written) {
    // A part of it may be there: it goes, durably, so that the answer "nothing happened" stays
    // true after a crash.
    Status undone = file_->Truncate(end_);
    if (undone) undone = co_await file_->Sync();
    if (!undone) co_return Fail(Refuse(undone.error()));
    co_return Fail(ErrorCode::kStorage, "{} Nothing was changed; repeat it when there is room.",
                   written.error().message);
  }
  if (auto synced = co_await file_->Sync(); !synced) co_return Fail(Refuse(synced.error()));
  end_ += frame.size();
  co_return Status();
}

void JournalStore::ApplyBatch(const Batch& batch) {
  for (const Pending* member : batch.members) {
    ++last_version_;
    for (const auto& put : member->transaction.puts)
      Put(put.key, put.content, last_version_);
    for (const auto& key : member->transaction.deletes)
      Erase(key);
  }
}

Error JournalStore::Refuse(const Error& cause) {
  failed_ = Error{ErrorCode::kStorage,
                  fmt::format("The metadata journal '{}' failed: {} Whether the last change is "
                              "durable shows after a restart of the server; until then changes of "
                              "metadata are refused.",
                              path(), cause.message)};
  Log(LogLevel::kError, "metadata.journal.failed", {{"file", path()}, {"error", cause.message}});
  return *failed_;
}

bool JournalStore::ShouldCompact() const {
  return !failed_ && end_ > options_.compact_min_bytes && end_ > compact_at_least_bytes_ &&
         end_ / options_.compact_factor > live_bytes_;
}

Bytes JournalStore::Snapshot() const {
  Bytes frames;
  Bytes payload;
  uint32_t count = 0;
  const auto finish_frame = [&] {
    if (payload.empty()) return;
    journal::AppendFrame(frames, 0, last_version_, payload);
    payload.clear();
    ++count;
  };
  for (const auto& [key, stored] : documents_) {
    journal::AppendPut(payload, stored.version, key, stored.content);
    if (payload.size() >= kSnapshotFrameBytes) finish_frame();
  }
  finish_frame();
  Bytes file;
  file.reserve(journal::kFileHeaderBytes + frames.size());
  journal::AppendFileHeader(file, {count, last_version_});
  Append(file, frames);
  return file;
}

runtime::Task<void> JournalStore::Compact() {
  const std::string temporary = path() + ".tmp";
  const Bytes content = Snapshot();
  const ByteView piece(content);
  std::unique_ptr<runtime::File> fresh;
  Status prepared = [&]() -> Status {
    STROM_TRY(fresh, files_.Open(temporary, runtime::OpenMode::kCreateTruncate));
    return fresh->WriteAt(0, {&piece, 1});
  }();
  if (prepared) prepared = co_await fresh->Sync();
  if (!prepared) {
    // The journal itself is untouched: go on with it and try again when it has doubled.
    compact_at_least_bytes_ = 2 * end_;
    Log(LogLevel::kWarn, "metadata.journal.compaction_failed",
        {{"file", temporary}, {"error", prepared.error().message}});
    co_return;
  }
  // From here on a crash may leave either file in place, so neither may take a commit until the
  // folder is synced.
  Status replaced = files_.Rename(temporary, path());
  if (replaced) replaced = files_.SyncDirectory(directory_);
  if (!replaced) {
    Refuse(replaced.error());
    co_return;
  }
  file_ = std::move(fresh);
  end_ = content.size();
  compact_at_least_bytes_ = 0;
}

}  // namespace strom::metadata
