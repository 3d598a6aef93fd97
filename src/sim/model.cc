#include "sim/model.h"

#include <fmt/format.h>

namespace strom::sim {
namespace {

std::string Name(RowValue value) {
  return fmt::format("row {} of writer {}", value.number(), value.writer());
}

}  // namespace

std::string BucketModel::Acknowledged(Offset offset, RowValue value) {
  if (lossy_) return {};
  const auto [entry, is_new] = acknowledged_.emplace(offset, value);
  if (!is_new && entry->second.value != value.value) {
    return fmt::format("offset {} was acknowledged for {} and for {}", offset, Name(entry->second),
                       Name(value));
  }
  const auto read = seen_.find(offset);
  if (read != seen_.end() && read->second.value != value.value) {
    return fmt::format("offset {} was acknowledged for {} but read as {}", offset, Name(value),
                       Name(read->second));
  }
  return {};
}

std::string BucketModel::CheckRow(const ReadRow& row) const {
  if (!sent_.contains(row.value.value)) {
    return fmt::format("offset {} holds {:#x}, which nobody sent", row.offset, row.value.value);
  }
  if (lossy_) return {};
  for (const auto* known : {&acknowledged_, &seen_}) {
    const auto entry = known->find(row.offset);
    if (entry == known->end() || entry->second.value == row.value.value) continue;
    return fmt::format("offset {} was {} as {} and now holds {}", row.offset,
                       known == &seen_ ? "read" : "acknowledged", Name(entry->second),
                       Name(row.value));
  }
  return {};
}

std::string BucketModel::Seen(const std::vector<ReadRow>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].offset != rows[i - 1].offset + 1) {
      return fmt::format("offset {} follows {}", rows[i].offset, rows[i - 1].offset);
    }
    if (std::string wrong = CheckRow(rows[i]); !wrong.empty()) return wrong;
    if (lossy_) continue;
    seen_.emplace(rows[i].offset, rows[i].value);
    seen_at_.emplace(rows[i].offset, rows[i].timestamp);
  }
  return {};
}

std::string BucketModel::Complete(Offset start, const std::vector<ReadRow>& rows,
                                  Timestamp now) const {
  std::map<uint64_t, Offset> where;
  std::map<int, uint64_t> newest;
  for (size_t i = 0; i < rows.size(); ++i) {
    const ReadRow& row = rows[i];
    const Offset expected = start + static_cast<int64_t>(i);
    if (row.offset != expected) return fmt::format("offset {} is missing", expected);
    if (std::string wrong = CheckRow(row); !wrong.empty()) return wrong;
    const auto [entry, is_new] = where.emplace(row.value.value, row.offset);
    if (!is_new) {
      return fmt::format("{} is at offset {} and at {}", Name(row.value), entry->second,
                         row.offset);
    }
    const auto [last, first_of_writer] = newest.emplace(row.value.writer(), row.value.number());
    if (!first_of_writer && last->second >= row.value.number()) {
      return fmt::format("{} at offset {} comes after row {}", Name(row.value), row.offset,
                         last->second);
    }
    last->second = row.value.number();
  }
  if (lossy_) return {};
  const Offset end = start + static_cast<int64_t>(rows.size());
  for (const auto* known : {&acknowledged_, &seen_}) {
    if (known->empty()) continue;
    const bool early = known->begin()->first < start && !ttl_ms_;
    const auto& [offset, value] = early ? *known->begin() : *known->rbegin();
    if (early || offset >= end) {
      return fmt::format("{} at offset {} was {} and is lost: the log has {} to {}", Name(value),
                         offset, known == &seen_ ? "read" : "acknowledged", start, end);
    }
  }
  // Whole segments go, so rows may stay longer than they must, but never go sooner.
  for (const auto& [offset, at] : seen_at_) {
    if (offset >= start || now == Timestamp(INT64_MAX)) break;
    if (now.ms - at.ms <= *ttl_ms_) {
      return fmt::format("offset {} is {} ms old and gone already", offset, now.ms - at.ms);
    }
  }
  return {};
}

Offset BucketModel::end_of_acknowledged() const {
  return acknowledged_.empty() ? Offset(0) : acknowledged_.rbegin()->first + 1;
}

}  // namespace strom::sim
