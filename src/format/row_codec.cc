#include "format/row_codec.h"

#include "format/row_parts.h"

namespace strom::format {
namespace {

std::string_view NameOf(RowFormat format) {
  switch (format) {
    case RowFormat::kCompacted:
      return "compacted";
    case RowFormat::kIndexed:
      return "indexed";
    case RowFormat::kAligned:
      return "aligned";
  }
  return "unknown";
}

}  // namespace

bool DecodeRowAt(RowFormat format, ByteView row, RowType types, DecodeContext& context, Row& out,
                 size_t wanted) {
  switch (format) {
    case RowFormat::kCompacted:
      return DecodeCompacted(row, types, context, out, wanted);
    case RowFormat::kIndexed:
      return DecodeIndexed(row, types, context, out, wanted);
    case RowFormat::kAligned:
      return DecodeAligned(row, types, context, out, wanted);
  }
  return context.Fail("the row layout is unknown");
}

bool AppendRowAt(RowFormat format, RowType types, std::span<const Value> values,
                 EncodeContext& context, Bytes& out) {
  switch (format) {
    case RowFormat::kCompacted:
      return AppendCompacted(types, values, context, out);
    case RowFormat::kIndexed:
      return AppendIndexed(types, values, context, out);
    case RowFormat::kAligned:
      return AppendAligned(types, values, context, out);
  }
  return context.Fail("the row layout is unknown");
}

std::vector<DataType> FieldTypes(const Schema& schema) {
  std::vector<DataType> types;
  types.reserve(schema.columns.size());
  for (const Column& column : schema.columns)
    types.push_back(column.type);
  return types;
}

Result<Row> DecodeRow(RowFormat format, ByteView row, RowType types) {
  Row out;
  STROM_TRY_VOID(DecodeRowInto(format, row, types, out));
  return out;
}

Status DecodeRowInto(RowFormat format, ByteView row, RowType types, Row& out, size_t wanted) {
  DecodeContext context;
  if (!DecodeRowAt(format, row, types, context, out, wanted)) {
    return Fail(ErrorCode::kCorruptRecord, "Cannot decode a row of {} fields ({}): {}.",
                types.size(), NameOf(format), context.problem);
  }
  return {};
}

Status AppendRow(RowFormat format, RowType types, std::span<const Value> values, Bytes& out) {
  EncodeContext context;
  const size_t start = out.size();
  if (!AppendRowAt(format, types, values, context, out)) {
    out.resize(start);
    return Fail(ErrorCode::kUnknownServerError, "Cannot encode a row of {} fields ({}): {}.",
                types.size(), NameOf(format), context.problem);
  }
  return {};
}

}  // namespace strom::format
