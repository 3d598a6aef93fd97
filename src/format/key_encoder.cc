#include "format/key_encoder.h"

#include <algorithm>
#include <array>
#include <vector>

#include "format/compacted_row.h"
#include "format/hudi_key.h"
#include "format/iceberg_key.h"
#include "format/row_check.h"
#include "format/row_parts.h"

namespace strom::format {
namespace {

std::string_view NameOf(KeyEncoding encoding) {
  switch (encoding) {
    case KeyEncoding::kCompacted:
      return "compacted";
    case KeyEncoding::kPaimon:
      return "Paimon";
    case KeyEncoding::kIceberg:
      return "Iceberg";
    case KeyEncoding::kHudi:
      return "Hudi";
  }
  return "unknown";
}

bool SuitsKey(KeyEncoding encoding, const DataType& type) {
  switch (encoding) {
    case KeyEncoding::kIceberg:
      return SuitsIcebergKey(type);
    case KeyEncoding::kHudi:
      return SuitsHudiKey(type);
    default:
      return !IsNested(type);
  }
}

std::unexpected<Error> CannotEncode(KeyEncoding encoding, std::string_view problem) {
  return Fail(ErrorCode::kUnknownServerError, "Cannot encode a {} key: {}.", NameOf(encoding),
              problem);
}

std::unexpected<Error> CannotDecode(KeyEncoding encoding, std::string_view problem) {
  return Fail(ErrorCode::kCorruptRecord, "Cannot decode a {} key: {}.", NameOf(encoding), problem);
}

Status AppendCompactedKey(RowType types, std::span<const Value> values, Bytes& out) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (values[i].is_null()) return CannotEncode(KeyEncoding::kCompacted, "a column is null");
    STROM_TRY_VOID(AppendCompactedField(types[i], values[i], out));
  }
  return {};
}

Result<Row> DecodeCompactedKey(ByteView key, RowType types) {
  ByteReader in(key);
  Row row;
  row.reserve(types.size());
  for (const DataType& type : types) {
    STROM_TRY(Value value, ReadCompactedField(in, type));
    row.push_back(std::move(value));
  }
  return row;
}

Status AppendChecked(KeyEncoding encoding, RowType types, std::span<const Value> values,
                     Bytes& out) {
  switch (encoding) {
    case KeyEncoding::kCompacted:
      return AppendCompactedKey(types, values, out);
    case KeyEncoding::kPaimon:
      return AppendRow(RowFormat::kAligned, types, values, out);
    case KeyEncoding::kIceberg:
      return AppendIcebergKey(types[0], values[0], out);
    case KeyEncoding::kHudi:
      return AppendHudiKey(types, values, out);
  }
  return CannotEncode(encoding, "the encoding is unknown");
}

Result<Row> DecodeColumns(KeyEncoding encoding, ByteView key, RowType types) {
  switch (encoding) {
    case KeyEncoding::kCompacted:
      return DecodeCompactedKey(key, types);
    case KeyEncoding::kPaimon:
      return DecodeRow(RowFormat::kAligned, key, types);
    case KeyEncoding::kIceberg: {
      STROM_TRY(Value value, DecodeIcebergKey(key, types[0]));
      Row row;
      row.push_back(std::move(value));
      return row;
    }
    case KeyEncoding::kHudi:
      break;
  }
  return CannotDecode(encoding, "it is a hash");
}

// Where the key columns of a row are, without an allocation for keys of the usual width.
class KeyFields {
 public:
  explicit KeyFields(size_t count) {
    if (count > few_.size()) many_.resize(count);
    fields_ = count > few_.size() ? std::span(many_) : std::span(few_).first(count);
  }
  std::span<ByteView> fields() { return fields_; }

 private:
  std::array<ByteView, 8> few_;
  std::vector<ByteView> many_;
  std::span<ByteView> fields_;
};

// Appends the key columns' bytes. False if the row has to be decoded: it is broken, a key column is
// null, or our own writer would have written it differently.
bool CopyKeyColumns(ByteView row, RowType types, std::span<const size_t> key_columns, Bytes& out) {
  const size_t null_bytes = (types.size() + 7) / 8;
  if (row.size() < null_bytes) return false;
  CompactedSkipper fields(row.subspan(null_bytes));
  KeyFields found(key_columns.size());
  size_t missing = key_columns.size();
  for (size_t column = 0; column < types.size() && missing > 0; ++column) {
    const auto at = std::ranges::find(key_columns, column);
    const bool is_key = at != key_columns.end();
    if (BitAt(row, column)) {
      if (is_key || !types[column].nullable) return false;
      continue;
    }
    if (!fields.Skip(types[column])) return false;
    if (!is_key) continue;
    if (!fields.canonical() || IsNested(types[column])) return false;
    found.fields()[static_cast<size_t>(at - key_columns.begin())] = fields.field();
    --missing;
  }
  if (missing > 0) return false;
  for (const ByteView field : found.fields())
    Append(out, field);
  return true;
}

}  // namespace

Result<KeyEncoding> PrimaryKeyEncoding(std::optional<LakeFormat> lake_format,
                                       std::optional<int32_t> kv_format_version,
                                       bool is_default_bucket_key) {
  const int32_t version = kv_format_version.value_or(1);
  if (version < 1 || version > kMaxKvFormatVersion) {
    return Fail(ErrorCode::kInvalidConfig, "KV format version {} is unknown; 1 to {} are known.",
                version, kMaxKvFormatVersion);
  }
  const bool as_the_lake = version == 1 || is_default_bucket_key;
  if (as_the_lake && lake_format == LakeFormat::kPaimon) return KeyEncoding::kPaimon;
  if (as_the_lake && lake_format == LakeFormat::kIceberg) return KeyEncoding::kIceberg;
  return KeyEncoding::kCompacted;
}

KeyEncoding BucketKeyEncoding(std::optional<LakeFormat> lake_format) {
  if (!lake_format) return KeyEncoding::kCompacted;
  switch (*lake_format) {
    case LakeFormat::kPaimon:
      return KeyEncoding::kPaimon;
    case LakeFormat::kIceberg:
      return KeyEncoding::kIceberg;
    case LakeFormat::kHudi:
      return KeyEncoding::kHudi;
    case LakeFormat::kLance:
      break;
  }
  return KeyEncoding::kCompacted;
}

Status CheckKeyTypes(KeyEncoding encoding, RowType types) {
  if (types.empty()) return Fail(ErrorCode::kInvalidTable, "A key needs at least one column.");
  if (encoding == KeyEncoding::kIceberg && types.size() != 1) {
    return Fail(ErrorCode::kInvalidTable,
                "An Iceberg key must have exactly one column, but got {}.", types.size());
  }
  for (const DataType& type : types) {
    if (SuitsKey(encoding, type)) continue;
    return Fail(ErrorCode::kInvalidTable, "A column of type {} cannot be part of a {} key.",
                ToSummaryString(type), NameOf(encoding));
  }
  return {};
}

Status AppendKey(KeyEncoding encoding, RowType types, std::span<const Value> values, Bytes& out) {
  STROM_TRY_VOID(CheckKeyTypes(encoding, types));
  if (values.size() != types.size()) {
    return CannotEncode(encoding, "it has another number of columns");
  }
  const size_t start = out.size();
  Status status = AppendChecked(encoding, types, values, out);
  if (!status) out.resize(start);
  return status;
}

Result<Row> DecodeKey(KeyEncoding encoding, ByteView key, RowType types) {
  STROM_TRY_VOID(CheckKeyTypes(encoding, types));
  STROM_TRY(Row row, DecodeColumns(encoding, key, types));
  for (size_t i = 0; i < types.size(); ++i) {
    if (row[i].is_null() && !types[i].nullable) return CannotDecode(encoding, "a column is null");
  }
  Bytes again;
  if (!AppendKey(encoding, types, row, again) || !std::ranges::equal(again, key)) {
    return CannotDecode(encoding, "no encoder writes it like this");
  }
  return row;
}

Status AppendKeyOfRow(KeyEncoding encoding, RowFormat format, ByteView row, RowType types,
                      std::span<const size_t> key_columns, Bytes& out) {
  if (encoding == KeyEncoding::kCompacted && format == RowFormat::kCompacted &&
      CopyKeyColumns(row, types, key_columns, out)) {
    return {};
  }
  STROM_TRY(const Row values, DecodeRow(format, row, types));
  std::vector<DataType> key_types;
  Row key;
  for (const size_t column : key_columns) {
    if (column >= types.size()) return CannotEncode(encoding, "the row has no such column");
    key_types.push_back(types[column]);
    key.push_back(values[column]);
  }
  return AppendKey(encoding, key_types, key, out);
}

}  // namespace strom::format
