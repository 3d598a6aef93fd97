#include "kv/latest_rows.h"

namespace strom::kv {

Result<const SchemaVersion*> LatestRows::VersionOf(const StoredRow& stored) const {
  // Nearly every row has the latest schema.
  if (const SchemaVersion& latest = layout_.latest(); latest.id == stored.schema_id) return &latest;
  const SchemaVersion* version = layout_.Find(stored.schema_id);
  if (version == nullptr) {
    return Fail(ErrorCode::kSchemaNotExist, "The table has no schema {}, the latest is {}.",
                stored.schema_id.value, layout_.latest().id.value);
  }
  return version;
}

Status LatestRows::Read(const StoredRow& stored, format::Row& out) {
  STROM_TRY(const SchemaVersion* version, VersionOf(stored));
  if (version->is_prefix) {
    STROM_TRY_VOID(format::DecodeRowInto(layout_.row_format, stored.row, version->types, out));
    out.resize(version->position_of.size());
    return {};
  }
  STROM_TRY_VOID(format::DecodeRowInto(layout_.row_format, stored.row, version->types, scratch_));
  out.clear();
  out.resize(version->position_of.size());
  for (size_t i = 0; i < out.size(); ++i) {
    if (const auto from = version->position_of[i]) out[i] = std::move(scratch_[*from]);
  }
  return {};
}

Status LatestRows::ReadColumn(const StoredRow& stored, size_t position, format::Value& out) {
  STROM_TRY(const SchemaVersion* version, VersionOf(stored));
  const auto from = version->position_of[position];
  if (!from) {
    out = format::Value::Null();
    return {};
  }
  STROM_TRY_VOID(
      format::DecodeRowInto(layout_.row_format, stored.row, version->types, scratch_, *from + 1));
  out = std::move(scratch_[*from]);
  return {};
}

Result<MergeOutcome> LatestRows::Write(std::span<const format::Value> row,
                                       size_t size_hint_bytes) const {
  MergeOutcome outcome{.kind = MergeKind::kMerged};
  outcome.row.reserve(size_hint_bytes);
  const auto& types = layout_.latest().types;
  const Status written = format::AppendRow(layout_.row_format, types, row, outcome.row);
  if (written) return outcome;
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].nullable || !row[i].is_null()) continue;
    return Fail(ErrorCode::kUnknownServerError,
                "Column '{}' is NOT NULL, but the merged row has no value for it.", column(i).name);
  }
  return Fail(written.error());
}

}  // namespace strom::kv
