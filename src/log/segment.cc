#include "log/segment.h"

#include "base/log.h"
#include "log/batch_scan.h"
#include "log/file_names.h"

namespace strom::log {

Segment::Segment(runtime::FileSystem& files, std::string directory, Offset base,
                 const LogOptions& options)
    : files_(files),
      directory_(std::move(directory)),
      base_(base),
      options_(options),
      heads_id_(options.heads != nullptr ? options.heads->NewSegment() : 0),
      offset_index_(base),
      time_index_(base) {
  max_timestamp_.offset = base;
}

Result<std::shared_ptr<Segment>> Segment::Create(runtime::FileSystem& files, std::string directory,
                                                 Offset base, const LogOptions& options) {
  std::shared_ptr<Segment> segment(new Segment(files, std::move(directory), base, options));
  STROM_TRY(segment->file_, files.Open(segment->Path(kLogSuffix), runtime::OpenMode::kCreate));
  STROM_TRY(const uint64_t size, segment->file_->Size());
  if (size != 0) {
    return Fail(ErrorCode::kLogStorage, "New segment '{}' is there already, with {} bytes.",
                segment->Path(kLogSuffix), size);
  }
  segment->indexes_loaded_ = true;
  segment->tail_known_ = true;
  return segment;
}

std::shared_ptr<Segment> Segment::Existing(runtime::FileSystem& files, std::string directory,
                                           Offset base, uint64_t size_bytes,
                                           const LogOptions& options) {
  std::shared_ptr<Segment> segment(new Segment(files, std::move(directory), base, options));
  segment->size_ = size_bytes;
  return segment;
}

std::string Segment::Path(std::string_view suffix) const {
  return FilePath(directory_, base_, suffix);
}

bool Segment::HasRoomFor(uint64_t bytes, Offset last_offset) const {
  if (last_offset - base_ > kMaxRelativeOffset) return false;
  if (size_ == 0) return true;
  return bytes <= options_.segment_bytes && size_ <= options_.segment_bytes - bytes &&
         (offset_index_.count() + 1) * kOffsetIndexEntryBytes <= options_.index_bytes &&
         (time_index_.count() + 2) * kTimeIndexEntryBytes <= options_.index_bytes;
}

Status Segment::Append(std::span<const ByteView> pieces, uint64_t total_bytes, Offset base,
                       Offset last, Timestamp timestamp) {
  STROM_CHECK(file_ && indexes_loaded_ && tail_known_ && !damaged_);
  if (Status written = file_->WriteAt(size_, pieces); !written) {
    damaged_ = !TakeBack();
    return written;
  }
  MarkChecked(size_, size_ + total_bytes);
  Account(size_, total_bytes, base, last, timestamp);
  return {};
}

// What a failed write left must not come back after a power cut, in place of what is written there
// next: that may be as long, and its CRC does not cover its offset.
Status Segment::TakeBack() {
  STROM_TRY(const uint64_t file_size, file_->Size());
  if (file_size == size_) return {};
  STROM_TRY_VOID(file_->Truncate(size_));
  return file_->SyncNow();
}

void Segment::NoteTimestamp(Timestamp timestamp, Offset base) {
  if (timestamp > max_timestamp_.timestamp) max_timestamp_ = {timestamp, base};
}

void Segment::Account(uint64_t position, uint64_t bytes, Offset base, Offset last,
                      Timestamp timestamp) {
  if (position == 0) first_timestamp_ = timestamp;
  NoteTimestamp(timestamp, base);
  // Checked before the new data counts (spec 02, 9.2).
  if (bytes_since_entry_ > options_.index_interval_bytes) {
    if ((offset_index_.count() + 1) * kOffsetIndexEntryBytes <= options_.index_bytes) {
      offset_index_.Add(last, static_cast<uint32_t>(position));
    }
    if ((time_index_.count() + 2) * kTimeIndexEntryBytes <= options_.index_bytes) {
      time_index_.MaybeAdd(max_timestamp_.timestamp, max_timestamp_.offset);
    }
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += bytes;
  size_ = position + bytes;
}

Result<std::shared_ptr<runtime::File>> Segment::WriteIndex(std::string_view suffix,
                                                           ByteView entries) {
  STROM_TRY(std::shared_ptr<runtime::File> file,
            files_.Open(Path(suffix), runtime::OpenMode::kCreateTruncate));
  if (!entries.empty()) {
    STROM_TRY_VOID(file->WriteAt(0, std::array{entries}));
  }
  return file;
}

std::vector<std::shared_ptr<runtime::File>> Segment::WriteIndexes() {
  auto offsets = WriteIndex(kOffsetIndexSuffix, offset_index_.view());
  auto times = WriteIndex(kTimeIndexSuffix, time_index_.view());
  if (offsets && times) return {std::move(*offsets), std::move(*times)};
  // The segment itself is fine. Without index files they are rebuilt when they are needed.
  strom::Log(
      LogLevel::kWarn, "log.index_not_written",
      {{"segment", Path(kLogSuffix)}, {"reason", (offsets ? times : offsets).error().message}});
  (void)files_.Remove(Path(kOffsetIndexSuffix));
  (void)files_.Remove(Path(kTimeIndexSuffix));
  return {};
}

std::vector<std::shared_ptr<runtime::File>> Segment::Finish() {
  STROM_CHECK(indexes_loaded_);
  auto written = WriteIndexes();
  if (!written.empty()) ResetIndexes();  // read from the files from now on
  return written;
}

void Segment::ResetIndexes() {
  offset_index_ = OffsetIndex(base_);
  time_index_ = TimeIndex(base_);
  bytes_since_entry_ = 0;
  indexes_loaded_ = false;
}

Result<ByteView> Segment::Mapped() {
  if (size_ == 0) return ByteView();
  if (!mapping_ || mapping_->size() < size_) {
    if (file_) {
      // Room for all that may still come, so that it is mapped once.
      STROM_TRY(mapping_, file_->Map(std::max(size_, options_.segment_bytes)));
    } else {
      STROM_TRY(const auto file, files_.Open(Path(kLogSuffix), runtime::OpenMode::kRead));
      STROM_TRY(mapping_, file->Map(size_));
    }
  }
  return mapping_->View(0, size_);
}

Result<format::BatchHeader> Segment::HeaderAt(ByteView data, uint64_t position) const {
  if (options_.heads != nullptr) {
    const ByteView head = options_.heads->Find(heads_id_, position);
    if (!head.empty()) {
      if (const auto header = format::ReadBatchHeader(head, data.size() - position)) return *header;
    }
  }
  return StoredHeaderAt(data, position);
}

Result<format::BatchHeader> Segment::StoredHeaderAt(ByteView data, uint64_t position) const {
  const auto header = format::ReadBatchHeader(data.subspan(position));
  if (!header) {
    return Fail(ErrorCode::kLogStorage,
                "Segment '{}' is damaged at byte {}: {}. Stop the server and run "
                "'strom log verify' on it.",
                Path(kLogSuffix), position, format::Describe(header.error()));
  }
  return *header;
}

Result<uint64_t> Segment::PositionFor(Offset offset) {
  STROM_TRY_VOID(LoadIndexes());
  return offset_index_.Floor(offset).position;
}

Result<std::optional<ReadResult>> Segment::Read(Offset from, Offset limit, uint64_t max_bytes,
                                                bool at_least_one, ReadCheck check) {
  STROM_TRY_VOID(LoadIndexes());
  STROM_TRY(const ByteView data, Mapped());
  uint64_t begin = offset_index_.Floor(from).position;
  format::BatchHeader header;
  // Offsets have no gaps: where one is missing a batch is not what it was, and is stepped over.
  std::optional<uint64_t> gap_at;
  while (true) {
    if (begin >= data.size()) {
      if (gap_at) return std::unexpected(DamagedAt(*gap_at, from));
      return std::nullopt;
    }
    STROM_TRY(header, HeaderAt(data, begin));
    if (header.base_offset > from) {
      if (!gap_at) gap_at = begin;
    } else if (header.last_offset() >= from) {
      break;
    }
    begin += header.size_bytes;
  }
  ReadResult result{mapping_, {}, from, base_, begin, size_};
  // The limit is a boundary, too.
  if (header.last_offset() >= limit) return std::unexpected(DamagedAt(begin, from));
  if (header.size_bytes > max_bytes && !at_least_one) return result;
  uint64_t end = begin + header.size_bytes;
  result.end_offset = header.next_offset();
  const uint64_t budget_end = begin + std::min<uint64_t>(max_bytes, data.size() - begin);
  // Whole batches lie in front of an index entry: no need to walk over them.
  if (const auto jump = offset_index_.FloorByPosition(budget_end, limit);
      jump && jump->position > end) {
    end = jump->position;
    STROM_TRY(header, HeaderAt(data, end));
    result.end_offset = header.base_offset;
  }
  while (end < budget_end) {
    STROM_TRY(header, HeaderAt(data, end));
    if (header.last_offset() >= limit || header.size_bytes > budget_end - end) break;
    end += header.size_bytes;
    result.end_offset = header.next_offset();
  }
  result.bytes = data.subspan(begin, end - begin);
  result.heads = SegmentHeads(options_.heads, heads_id_, begin);
  if (check == ReadCheck::kOnce) STROM_TRY_VOID(CheckOnce(data, begin, from, result));
  return result;
}

void Segment::MarkChecked(uint64_t begin, uint64_t end) {
  if (begin <= checked_end_ && checked_begin_ <= end) {
    checked_begin_ = std::min(checked_begin_, begin);
    checked_end_ = std::max(checked_end_, end);
  } else if (end - begin > checked_end_ - checked_begin_) {
    checked_begin_ = begin;
    checked_end_ = end;
  }
}

bool Segment::StructureFits(ByteView batch, const format::BatchHeader& header) const {
  return !options_.rules || format::StoredStructureFits(batch, header, *options_.rules);
}

Status Segment::CheckOnce(ByteView data, uint64_t begin, Offset from, ReadResult& result) {
  const uint64_t end = begin + result.bytes.size();
  if (checked_begin_ <= begin && end <= checked_end_) return {};
  std::optional<Offset> expected;
  uint64_t at = begin;
  while (at < end) {
    STROM_TRY(const format::BatchHeader header, StoredHeaderAt(data, at));
    const auto fits = [&] {
      if (checked_begin_ <= at && at + header.size_bytes <= checked_end_) return true;
      const ByteView batch = data.subspan(at, header.size_bytes);
      return format::BatchCrcFits(batch, header) && StructureFits(batch, header);
    };
    if (header.size_bytes > end - at || (expected && header.base_offset != *expected) || !fits()) {
      if (at == begin) {
        return std::unexpected(DamagedAt(at, from));
      }
      result.bytes = result.bytes.first(at - begin);
      result.end_offset = header.base_offset;
      break;
    }
    expected = header.next_offset();
    at += header.size_bytes;
  }
  if (at == end && expected) result.end_offset = *expected;
  MarkChecked(begin, begin + result.bytes.size());
  return {};
}

Error Segment::DamagedAt(uint64_t position, Offset offset) const {
  return {
      ErrorCode::kLogStorage,
      fmt::format("Segment '{}' is damaged at byte {}, where offset {} should be. Run 'strom log "
                  "verify' on it; reading can go on behind the damage.",
                  Path(kLogSuffix), position, offset)};
}

Result<std::optional<Offset>> Segment::OffsetForTimestamp(Timestamp t) {
  STROM_TRY_VOID(LoadIndexes());
  STROM_TRY(const ByteView data, Mapped());
  uint64_t position = offset_index_.Floor(time_index_.Floor(t).offset).position;
  while (position < data.size()) {
    STROM_TRY(const format::BatchHeader header, HeaderAt(data, position));
    if (header.commit_timestamp >= t) return header.base_offset;
    position += header.size_bytes;
  }
  return std::nullopt;
}

Result<Timestamp> Segment::MaxTimestamp() {
  if (!tail_known_) {
    STROM_TRY_VOID(LoadIndexes());
    STROM_TRY(const ByteView data, Mapped());
    if (!time_index_.empty()) max_timestamp_ = time_index_.Last();
    uint64_t position = offset_index_.Last().position;
    while (position < data.size()) {
      STROM_TRY(const format::BatchHeader header, HeaderAt(data, position));
      NoteTimestamp(header.commit_timestamp, header.base_offset);
      position += header.size_bytes;
    }
    if (!data.empty()) {
      STROM_TRY(const format::BatchHeader header, HeaderAt(data, 0));
      first_timestamp_ = header.commit_timestamp;
    }
    tail_known_ = true;
  }
  return max_timestamp_.timestamp;
}

Result<Timestamp> Segment::FirstTimestamp() {
  STROM_TRY_VOID(MaxTimestamp());
  return first_timestamp_;
}

}  // namespace strom::log
