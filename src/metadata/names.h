// Which names may be given to databases, tables, partitions and producers (spec 06, 2). Names
// become parts of paths, so they are checked before storage is touched.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace strom::metadata {

inline constexpr size_t kMaxNameLength = 200;

// Why it is no valid name, e.g. "'a.b' contains one or more characters other than …"; nothing if it
// is one. A reserved prefix ("__") is not looked at.
std::optional<std::string> ProblemOfName(std::string_view name);
// Why it may not be created because of its prefix.
std::optional<std::string> ProblemOfPrefix(std::string_view name);

Status CheckDatabaseName(std::string_view name);             // kInvalidDatabase
Status CheckTableName(std::string_view name);                // kInvalidTable
Status CheckTablePath(const TablePath& path);                // the database first
Status CheckNewPartitionValue(std::string_view value);       // kPartitionSpecInvalid
Status CheckExistingPartitionValue(std::string_view value);  // for dropping: the prefix is allowed
Status CheckProducerId(std::string_view id);                 // kInvalidProducerId
// Leases name directories too; the reference does not check them (spec 06, 2).
Status CheckLeaseId(std::string_view id);  // kInvalidProducerId

// Names that columns may not have: the lake and virtual tables add them (spec 06, 18).
std::span<const std::string_view> SystemColumns();
bool IsSystemColumn(std::string_view name);

}  // namespace strom::metadata
