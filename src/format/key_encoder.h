// Keys as bytes (spec 03, 8): of primary keys, under which a bucket stores its rows, and of bucket
// keys, from which clients compute the bucket. Clients encode; the server does when it rebuilds a
// store from its changelog, which carries rows only, and decodes for inserts of missing keys.
//   compacted  the columns as in a CompactedRow, without null bits
//   Paimon     an AlignedRow of the columns
//   Iceberg    the one column in Iceberg's single-value form
//   Hudi       4 bytes big-endian, a hash of the columns' texts: bucket keys only
// Encoders fail with kUnknownServerError for values that do not suit their types (only our own code
// can cause that) and kInvalidTable for types that have no such key; decoders with kCorruptRecord.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "format/lake_format.h"
#include "format/row_codec.h"

namespace strom::format {

enum class KeyEncoding : uint8_t { kCompacted, kPaimon, kIceberg, kHudi };

inline constexpr int32_t kMaxKvFormatVersion = 2;

// How primary keys are encoded (spec 03, 8.6). `kv_format_version` is the table's own; a table
// without one has version 1. Another version than 1 and 2 is kInvalidConfig.
Result<KeyEncoding> PrimaryKeyEncoding(std::optional<LakeFormat> lake_format,
                                       std::optional<int32_t> kv_format_version,
                                       bool is_default_bucket_key);
// How bucket keys are encoded, in every version.
KeyEncoding BucketKeyEncoding(std::optional<LakeFormat> lake_format);

// kInvalidTable if columns of these types have no key of this encoding: nested types, more than one
// column for Iceberg, and what 8.4 and 8.5 leave out.
Status CheckKeyTypes(KeyEncoding encoding, RowType types);

// Appends the key of one row's key columns; `out` is as before when it fails. Nulls are refused but
// in Paimon and Hudi bucket keys.
Status AppendKey(KeyEncoding encoding, RowType types, std::span<const Value> values, Bytes& out);

// The key columns of a key. Only a key that AppendKey would write the same is accepted: another one
// would be found under other bytes after the store is rebuilt. There is no way back from Hudi.
Result<Row> DecodeKey(KeyEncoding encoding, ByteView key, RowType types);

// The key of an encoded row. `types` are those of the row, `key_columns` positions in it in the
// order of the key. Compacted keys of CompactedRows are copied out of the row without decoding it.
// kCorruptRecord if the row does not decode.
Status AppendKeyOfRow(KeyEncoding encoding, RowFormat format, ByteView row, RowType types,
                      std::span<const size_t> key_columns, Bytes& out);

}  // namespace strom::format
