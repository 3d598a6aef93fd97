#include "metadata/journal_format.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"

namespace strom::metadata::journal {

namespace {

constexpr std::string_view kFileMagic = "STROMMJ1";
constexpr uint32_t kFrameMagic = 0x4a4d5253;  // "SRMJ"
constexpr uint8_t kPut = 1;
constexpr uint8_t kDelete = 2;
// What a disk writes whole or not at all.
constexpr size_t kSectorBytes = 512;

struct Frame {
  DocumentVersion first = 0;
  DocumentVersion last = 0;
  ByteView payload;

  size_t size() const { return kFrameHeaderBytes + payload.size(); }
};

struct FrameHeader {
  uint32_t payload_bytes;
  DocumentVersion first;
  DocumentVersion last;
  uint32_t payload_crc;
};

std::optional<FrameHeader> ReadFrameHeader(ByteView bytes) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  const ByteView checked = bytes.first(kFrameHeaderBytes - 4);
  if (LoadLittle<uint32_t>(bytes.data()) != kFrameMagic) return std::nullopt;
  if (LoadLittle<uint32_t>(bytes.data() + checked.size()) != Crc32c(checked)) return std::nullopt;
  return FrameHeader{LoadLittle<uint32_t>(bytes.data() + 4), LoadLittle<int64_t>(bytes.data() + 8),
                     LoadLittle<int64_t>(bytes.data() + 16),
                     LoadLittle<uint32_t>(bytes.data() + 24)};
}

// The frame that starts at byte 0 of `bytes`, if it is whole.
std::optional<Frame> ReadFrame(ByteView bytes) {
  const auto header = ReadFrameHeader(bytes);
  if (!header || header->payload_bytes > bytes.size() - kFrameHeaderBytes) return std::nullopt;
  const ByteView payload = bytes.subspan(kFrameHeaderBytes, header->payload_bytes);
  if (Crc32c(payload) != header->payload_crc) return std::nullopt;
  return Frame{header->first, header->last, payload};
}

std::optional<std::string_view> TakeText(ByteReader& reader) {
  const auto length = reader.Varint<uint64_t>();
  if (!length) return std::nullopt;
  const auto bytes = reader.Take(*length);
  if (!bytes) return std::nullopt;
  return AsText(*bytes);
}

// False if the payload, though its checksum holds, is no list of changes.
bool ApplyPayload(ByteView payload, const std::function<void(const Change&)>& apply) {
  ByteReader reader(payload);
  while (!reader.done()) {
    const auto kind = reader.Little<uint8_t>();
    Change change;
    if (*kind == kPut) {
      const auto version = reader.Varint<uint64_t>();
      if (!version) return false;
      change.version = static_cast<DocumentVersion>(*version);
    } else if (*kind != kDelete) {
      return false;
    }
    const auto key = TakeText(reader);
    if (!key) return false;
    change.key = *key;
    if (*kind == kPut) {
      change.content = TakeText(reader);
      if (!change.content) return false;
    }
    apply(change);
  }
  return true;
}

bool AllZero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

// Whether a whole frame of a later version starts anywhere behind `from`.
std::optional<size_t> FindLaterFrame(ByteView file, size_t from, DocumentVersion after) {
  Bytes magic;
  AppendLittle(magic, kFrameMagic);
  for (size_t at = from + 1; at < file.size(); ++at) {
    const std::string_view rest = AsText(file.subspan(at));
    const size_t found = rest.find(AsText(magic));
    if (found == std::string_view::npos) return std::nullopt;
    at += found;
    const auto frame = ReadFrame(file.subspan(at));
    if (frame && frame->first > after) return at;
  }
  return std::nullopt;
}

// Whether the broken frame at `at`, the last thing in the file, can be what a crash leaves of a
// write that was never synced: it ends early, or some sector of it never reached the disk. A frame
// that is all there and yet wrong was whole once, and may have been acknowledged.
bool CanBeTorn(ByteView file, size_t at) {
  ByteView rest = file.subspan(at);
  if (rest.size() < kFrameHeaderBytes) return true;
  if (const auto header = ReadFrameHeader(rest)) {
    if (header->payload_bytes > rest.size() - kFrameHeaderBytes) return true;
    rest = rest.first(kFrameHeaderBytes + header->payload_bytes);
  }
  for (size_t from = 0; from < rest.size();) {
    const size_t to = std::min(rest.size(), from + kSectorBytes - (at + from) % kSectorBytes);
    if (AllZero(rest.subspan(from, to - from))) return true;
    from = to;
  }
  return false;
}

Result<FileHeader> ReadFileHeader(ByteView file) {
  if (file.size() < kFileHeaderBytes || AsText(file.first(kFileMagic.size())) != kFileMagic) {
    return Fail(ErrorCode::kStorage, "it is no metadata journal (its header is missing)");
  }
  const ByteView checked = file.first(kFileHeaderBytes - 4);
  if (LoadLittle<uint32_t>(file.data() + checked.size()) != Crc32c(checked)) {
    return Fail(ErrorCode::kStorage, "its header at byte 0 is damaged (checksum mismatch)");
  }
  return FileHeader{LoadLittle<uint32_t>(file.data() + kFileMagic.size()),
                    LoadLittle<int64_t>(file.data() + kFileMagic.size() + 4)};
}

Result<uint64_t> ReadSnapshot(ByteView file, const FileHeader& header,
                              const std::function<void(const Change&)>& apply) {
  size_t at = kFileHeaderBytes;
  for (uint32_t i = 0; i < header.snapshot_frames; ++i) {
    const auto frame = ReadFrame(file.subspan(at));
    if (!frame || frame->last != header.snapshot_version || !ApplyPayload(frame->payload, apply)) {
      return Fail(ErrorCode::kStorage, "snapshot frame {} of {} at byte {} is damaged", i + 1,
                  header.snapshot_frames, at);
    }
    at += frame->size();
  }
  return at;
}

}  // namespace

void AppendPut(Bytes& payload, DocumentVersion version, std::string_view key,
               std::string_view content) {
  payload.push_back(kPut);
  AppendVarint(payload, static_cast<uint64_t>(version));
  AppendVarint(payload, key.size());
  Append(payload, AsBytes(key));
  AppendVarint(payload, content.size());
  Append(payload, AsBytes(content));
}

void AppendDelete(Bytes& payload, std::string_view key) {
  payload.push_back(kDelete);
  AppendVarint(payload, key.size());
  Append(payload, AsBytes(key));
}

void AppendFileHeader(Bytes& out, const FileHeader& header) {
  const size_t start = out.size();
  Append(out, AsBytes(kFileMagic));
  AppendLittle(out, header.snapshot_frames);
  AppendLittle(out, header.snapshot_version);
  AppendLittle(out, Crc32c(ByteView(out).subspan(start)));
}

void AppendFrame(Bytes& out, DocumentVersion first, DocumentVersion last, ByteView payload) {
  STROM_CHECK(first <= last && payload.size() <= UINT32_MAX);
  const size_t start = out.size();
  AppendLittle(out, kFrameMagic);
  AppendLittle(out, static_cast<uint32_t>(payload.size()));
  AppendLittle(out, first);
  AppendLittle(out, last);
  AppendLittle(out, Crc32c(payload));
  AppendLittle(out, Crc32c(ByteView(out).subspan(start)));
  Append(out, payload);
}

Result<Journal> Read(ByteView file, const std::function<void(const Change&)>& apply) {
  STROM_TRY(const FileHeader header, ReadFileHeader(file));
  STROM_TRY(size_t at, ReadSnapshot(file, header, apply));
  DocumentVersion last = header.snapshot_version;
  size_t last_frame = at;
  while (at < file.size()) {
    const auto frame = ReadFrame(file.subspan(at));
    if (!frame) {
      if (const auto later = FindLaterFrame(file, at, last)) {
        return Fail(ErrorCode::kStorage,
                    "the frame at byte {} is damaged and intact transactions follow at byte {}", at,
                    *later);
      }
      if (!CanBeTorn(file, at)) {
        return Fail(ErrorCode::kStorage,
                    "the last frame, at byte {}, was written completely but is damaged", at);
      }
      break;
    }
    if (frame->first != last + 1 || frame->last < frame->first) {
      return Fail(ErrorCode::kStorage,
                  "the frame at byte {} holds the versions {} to {} where {} should follow", at,
                  frame->first, frame->last, last + 1);
    }
    if (!ApplyPayload(frame->payload, apply)) {
      return Fail(ErrorCode::kStorage, "the frame at byte {} holds no list of changes", at);
    }
    last = frame->last;
    last_frame = at;
    at += frame->size();
  }
  return Journal{last, last_frame, at};
}

}  // namespace strom::metadata::journal
