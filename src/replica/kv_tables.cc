#include "replica/kv_tables.h"

#include <algorithm>

#include "metadata/table_options.h"

namespace strom::replica {
namespace {

using metadata::TableSettings;

kv::MergeEngine EngineOf(const TableSettings& settings) {
  if (!settings.merge_engine) return kv::MergeEngine::kDefault;
  switch (*settings.merge_engine) {
    case metadata::MergeEngine::kFirstRow:
      return kv::MergeEngine::kFirstRow;
    case metadata::MergeEngine::kVersioned:
      return kv::MergeEngine::kVersioned;
    case metadata::MergeEngine::kAggregation:
      return kv::MergeEngine::kAggregation;
  }
  return kv::MergeEngine::kDefault;
}

kv::DeleteBehavior DeletesOf(metadata::DeleteBehavior behavior) {
  switch (behavior) {
    case metadata::DeleteBehavior::kAllow:
      return kv::DeleteBehavior::kAllow;
    case metadata::DeleteBehavior::kIgnore:
      return kv::DeleteBehavior::kIgnore;
    case metadata::DeleteBehavior::kDisable:
      return kv::DeleteBehavior::kDisable;
  }
  return kv::DeleteBehavior::kAllow;
}

format::BodyCodec CodecOf(metadata::ArrowCompression compression) {
  switch (compression) {
    case metadata::ArrowCompression::kNone:
      return format::BodyCodec::kNone;
    case metadata::ArrowCompression::kLz4Frame:
      return format::BodyCodec::kLz4Frame;
    case metadata::ArrowCompression::kZstd:
      return format::BodyCodec::kZstd;
  }
  return format::BodyCodec::kNone;
}

// The bucket key is the physical primary key: that of the PRIMARY KEY clause without partition
// columns, in order (spec 03, 8.1).
bool HasDefaultBucketKey(const format::TableDescriptor& descriptor) {
  std::vector<std::string> physical;
  for (const std::string& column : descriptor.schema.primary_key) {
    if (std::ranges::find(descriptor.partition_keys, column) == descriptor.partition_keys.end()) {
      physical.push_back(column);
    }
  }
  return descriptor.bucket_keys.empty() || descriptor.bucket_keys == physical;
}

}  // namespace

Result<std::shared_ptr<kv::KvTable>> MakeKvTable(const metadata::TableInfo& table) {
  const format::TableDescriptor& descriptor = table.descriptor;
  STROM_TRY(const TableSettings settings, metadata::ParseTableSettings(descriptor.properties));
  kv::LayoutSettings layout_settings{
      .row_format = settings.kv_format == metadata::KvFormat::kIndexed
                        ? format::RowFormat::kIndexed
                        : format::RowFormat::kCompacted,
      .log_format = settings.log_format,
      .merge_engine = EngineOf(settings),
      .version_column = settings.version_column,
      .full_image = settings.changelog_image == metadata::ChangelogImage::kFull};
  if (descriptor.properties.contains(std::string(metadata::option::kDeleteBehavior))) {
    layout_settings.delete_behavior = DeletesOf(settings.delete_behavior);
  }
  STROM_TRY(kv::TableLayout layout, kv::MakeTableLayout(table.schemas, layout_settings));
  STROM_TRY(const format::KeyEncoding encoding,
            format::PrimaryKeyEncoding(settings.lake_format, settings.kv_format_version,
                                       HasDefaultBucketKey(descriptor)));
  return std::make_shared<kv::KvTable>(
      ToString(table.path), std::move(layout), encoding,
      format::LogBatchOptions{.log_format = settings.log_format,
                              .codec = CodecOf(settings.arrow_compression),
                              .zstd_level = settings.arrow_zstd_level});
}

}  // namespace strom::replica
