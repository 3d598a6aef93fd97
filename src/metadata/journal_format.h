// The metadata journal as bytes; all numbers little-endian. JournalStore does the I/O.
//
// file     := header snapshot* frame*
// header   := "STROMMJ1", u32 number of snapshot frames, i64 version of the snapshot, u32 CRC-32C
// of
//             the bytes before it (24 bytes)
// frame    := u32 magic, u32 payload length, i64 first version, i64 last version, u32 CRC-32C of
// the
//             payload, u32 CRC-32C of the header bytes before it (32 bytes), payload
// payload  := change*
// change   := 1 (put), varint version, varint length, key, varint length, content
//           | 2 (delete), varint length, key
//
// Snapshot frames hold every document as of the snapshot's version; the file came into its place by
// a rename after a sync, so all of them are always whole. A later frame holds one group of
// transactions with the versions first..last, first being the last version before it plus one.
// One frame is written and synced at a time, so a crash can damage only the last one: what is
// broken before that, or was certainly whole once, is damage and never cut away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "metadata/store.h"

namespace strom::metadata::journal {

inline constexpr size_t kFileHeaderBytes = 24;
inline constexpr size_t kFrameHeaderBytes = 32;

void AppendPut(Bytes& payload, DocumentVersion version, std::string_view key,
               std::string_view content);
void AppendDelete(Bytes& payload, std::string_view key);

struct FileHeader {
  uint32_t snapshot_frames = 0;
  DocumentVersion snapshot_version = 0;
};
void AppendFileHeader(Bytes& out, const FileHeader& header);

void AppendFrame(Bytes& out, DocumentVersion first, DocumentVersion last, ByteView payload);

// One change of a frame; no content: the document is deleted.
struct Change {
  std::string_view key;
  std::optional<std::string_view> content;
  DocumentVersion version = 0;
};

struct Journal {
  DocumentVersion last_version = 0;
  // Where the last frame starts; `end` if there are none but the snapshot's.
  uint64_t last_frame = 0;
  // Where the next frame goes. What follows in the file was never acknowledged.
  uint64_t end = 0;
};

// Reads a whole journal and calls `apply` for every change in order. A damaged journal is kStorage
// with the position; the text names no file.
Result<Journal> Read(ByteView file, const std::function<void(const Change&)>& apply);

}  // namespace strom::metadata::journal
