// The rules of spec 06, 5.2 that look at the content of a table, one function a rule. They assume
// that the descriptor came from ParseTableDescriptor, so keys name existing columns.
#pragma once

#include <span>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "format/table_descriptor.h"
#include "metadata/table_options.h"
#include "metadata/table_validation.h"

namespace strom::metadata {

// A table under validation. The referenced objects must outlive it.
struct CheckedTable {
  CheckedTable(const format::TableDescriptor& descriptor, const TableSettings& settings,
               const ClusterSettings& cluster);

  const format::Column* Find(std::string_view column) const;  // nullptr: none
  bool has_primary_key() const { return table.schema.has_primary_key(); }
  bool Given(std::string_view property) const;

  const format::TableDescriptor& table;
  const TableSettings& settings;
  const ClusterSettings& cluster;

 private:
  std::unordered_map<std::string_view, const format::Column*> columns_;
};

using TableRule = Status (*)(const CheckedTable&);

// Rules 2 to 18 in order; the first failure wins.
std::span<const TableRule> TableRules();

// Whether the column's aggregation function suits its type and has valid parameters (spec 06, 4.3);
// also for columns that are added later. kInvalidConfig.
Status CheckAggFunction(const format::Column& column);

// The columns named by `table.statistics.columns` of a log table exist and can have statistics.
Status CheckStatisticsColumns(const CheckedTable& checked);
// Rules 11 to 15.
Status CheckHistoricalPartition(const CheckedTable& checked);
Status CheckAutoPartitionNeedsKeys(const CheckedTable& checked);
Status CheckPartitionKeyTypes(const CheckedTable& checked);
Status CheckTimeFormat(const CheckedTable& checked);
Status CheckAutoPartition(const CheckedTable& checked);
// Rule 8.
Status CheckMergeEngine(const CheckedTable& checked);
// No column has a name that the lake or virtual tables add; kInvalidTable.
Status CheckSystemColumns(const std::vector<format::Column>& columns);

}  // namespace strom::metadata
