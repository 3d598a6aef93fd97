#include "sim/row_model.h"

#include <algorithm>

#include <fmt/format.h>

namespace strom::sim {
namespace {

using format::ChangeType;

std::string Name(uint64_t value) {
  const RowValue of{value};
  return fmt::format("row {} of writer {}", of.number(), of.writer());
}

std::string Name(const std::optional<RowValue>& value) {
  return value ? Name(value->value) : "no row";
}

bool IsOwned(int32_t key) {
  return key >= kKeysPerWriter;
}

}  // namespace

void RowModel::Sent(const std::vector<KeyChange>& batch) {
  std::vector<uint64_t> values;
  std::map<int32_t, State> after;
  for (const KeyChange& change : batch) {
    after[change.key] = change.value;
    if (!change.value) deleted_.insert(change.key);
    if (!change.value) continue;
    values.push_back(change.value->value);
    sent_.emplace(change.value->value, change.key);
  }
  if (!values.empty()) batches_.try_emplace(values.front(), values);
  for (const auto& [key, state] : after) {
    if (!IsOwned(key)) continue;
    std::vector<State>& states = own_.try_emplace(key, std::vector<State>(1)).first->second;
    if (states.back() != state) states.push_back(state);
  }
}

void RowModel::Acknowledged(const std::vector<KeyChange>& batch, Offset end) {
  for (const KeyChange& change : batch) {
    if (IsOwned(change.key)) own_[change.key] = {change.value};
    if (change.value) acknowledged_.emplace(change.value->value, end);
  }
}

std::string RowModel::CheckSent(int32_t key, RowValue value) const {
  const auto sent = sent_.find(value.value);
  if (sent != sent_.end() && sent->second == key) return {};
  return fmt::format("key {} has {:#x}, which nobody sent for it", key, value.value);
}

std::string RowModel::CheckRow(int32_t key, const KeyRow& row) const {
  if (row.value.value != 0) return CheckSent(key, row.value);
  if (rules_.auto_increment && deleted_.contains(key)) return {};
  return fmt::format("key {} has no value and nobody took it away", key);
}

std::string RowModel::Seen(const std::vector<RowChange>& changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    const RowChange& change = changes[i];
    if (i > 0 && change.offset != changes[i - 1].offset + 1) {
      return fmt::format("offset {} follows {}", change.offset, changes[i - 1].offset);
    }
    if (change.type != ChangeType::kAppendOnly) {
      if (std::string wrong = CheckRow(change.key, change.row); !wrong.empty()) return wrong;
    }
    if (lossy_) continue;
    const auto [known, is_new] = seen_.emplace(change.offset, change);
    if (!is_new && known->second != change) {
      return fmt::format(
          "offset {} was read as a change of key {} to {} and now is of key {} to {}",
          change.offset, known->second.key, Name(known->second.row.value.value), change.key,
          Name(change.row.value.value));
    }
  }
  return {};
}

std::string RowModel::LookedUp(int reader, int32_t key, std::optional<RowValue> found) {
  if (!found) return {};
  ++lookups_;
  std::vector<uint64_t>& values = looked_up_[{reader, key}];
  if (values.empty() || values.back() != found->value) values.push_back(found->value);
  return CheckSent(key, *found);
}

std::string RowModel::LookedUpByOwner(int32_t key, std::optional<RowValue> found) const {
  const auto own = own_.find(key);
  if (lossy_ || own == own_.end() || own->second.size() != 1) return {};
  if (own->second[0] == found) return {};
  return fmt::format("key {} was acknowledged with {} and a lookup gives {}", key,
                     Name(own->second[0]), Name(found));
}

// Applies changes one by one. Of a changelog whose front is gone, keys are taken as they come.
class RowModel::Fold {
 public:
  Fold(const RowModel& model, bool from_the_first, IdOwners& ids)
      : model_(model), from_the_first_(from_the_first), ids_(ids) {}

  const KeyRows& rows() const { return rows_; }
  const Places& places() const { return places_; }
  // Whether the changelog said anything about the key.
  bool Knows(int32_t key) const { return from_the_first_ || known_.contains(key); }

  std::string Apply(const RowChange& change) {
    const auto wrong = [&](std::string_view what) {
      return fmt::format("offset {} (key {}, {}): {}", change.offset, change.key,
                         Name(change.row.value.value), what);
    };
    const bool removes =
        change.type == ChangeType::kUpdateBefore || change.type == ChangeType::kDelete;
    const bool adds = change.type == ChangeType::kInsert || change.type == ChangeType::kUpdateAfter;
    if (!removes && !adds) return updating_ ? wrong("it comes inside of an update") : "";
    if (std::string bad = model_.CheckRow(change.key, change.row); !bad.empty()) return bad;
    const bool full = model_.rules_.full_image;
    if (!full && change.type == ChangeType::kUpdateBefore) return wrong("an old row in a new log");
    if (updating_ && (change.type != ChangeType::kUpdateAfter || change.key != *updating_)) {
      return wrong("an update ends otherwise than it began");
    }
    if (!updating_ && full && change.type == ChangeType::kUpdateAfter) {
      return wrong("an update without the old row");
    }
    const auto row = rows_.find(change.key);
    const bool known = Knows(change.key);
    if (removes) {
      if (known && row == rows_.end()) return wrong("there is no such row");
      if (known && !(row->second == change.row)) return wrong("the row is another one");
      if (change.type == ChangeType::kDelete) {
        rows_.erase(change.key);
        known_.insert(change.key);
      } else {
        rows_[change.key] = change.row;
        updating_ = change.key;
      }
      return {};
    }
    updating_.reset();
    if (change.type == ChangeType::kInsert && known && row != rows_.end()) {
      return wrong("the row is there already");
    }
    const bool needs_old_row = full || model_.rules_.auto_increment;
    if (change.type == ChangeType::kUpdateAfter && needs_old_row && known && row == rows_.end()) {
      return wrong("there is no row to update");
    }
    if (model_.rules_.auto_increment) {
      if (std::string bad = CheckId(change, known); !bad.empty()) return wrong(bad);
    }
    if (change.row.value.value == 0) {
      if (change.type == ChangeType::kInsert) return wrong("a new row without a value");
    } else if (!places_.emplace(change.row.value.value, std::pair(places_.size(), change.offset))
                    .second) {
      return wrong("it was written before");
    }
    rows_[change.key] = change.row;
    known_.insert(change.key);
    return {};
  }

  std::string Finish() const { return updating_ ? "the changelog ends in an update" : ""; }

 private:
  std::string CheckId(const RowChange& change, bool known) {
    if (change.row.id < 1) return fmt::format("the number {}", change.row.id);
    if (change.type == ChangeType::kInsert) {
      const auto [owner, is_new] = ids_.emplace(change.row.id, Name(change.row.value.value));
      if (!is_new) return fmt::format("{} has the number {}", owner->second, change.row.id);
    } else if (known && rows_.at(change.key).id != change.row.id) {
      return "an update changed the number";
    }
    return {};
  }

  const RowModel& model_;
  const bool from_the_first_;
  IdOwners& ids_;
  KeyRows rows_;
  std::set<int32_t> known_;
  Places places_;
  std::optional<int32_t> updating_;
};

std::string RowModel::CheckBatches(Offset start, const Places& places) const {
  for (const auto& [first, batch] : batches_) {
    size_t found = 0;
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto place = places.find(batch[i]);
      if (place == places.end()) continue;
      ++found;
      if (i > 0 && found == i + 1 && place->second.first != places.at(batch[i - 1]).first + 1) {
        return fmt::format("{} is not right behind the row that was sent before it",
                           Name(batch[i]));
      }
    }
    if (found != 0 && found != batch.size()) {
      return fmt::format("of the batch that begins with {} {} of {} rows are there", Name(first),
                         found, batch.size());
    }
  }
  for (const auto& [value, end] : acknowledged_) {
    const auto place = places.find(value);
    if (place == places.end() ? end > start : place->second.second >= end) {
      return fmt::format(
          "{} was acknowledged below offset {} and is {}", Name(value), end,
          place == places.end() ? "lost" : fmt::format("at {}", place->second.second.value));
    }
  }
  return {};
}

std::string RowModel::CheckReads(Offset start, Offset end, const Places& places) const {
  if (!seen_.empty() && seen_.rbegin()->first >= end) {
    return fmt::format("offset {} was read and is lost: the changelog ends at {}",
                       seen_.rbegin()->first, end);
  }
  for (const auto& [who, values] : looked_up_) {
    Offset newest(-1);
    for (const uint64_t value : values) {
      const auto place = places.find(value);
      if (place == places.end()) {
        if (start.value == 0) return fmt::format("{} was looked up and is lost", Name(value));
        continue;
      }
      if (place->second.second < newest) {
        return fmt::format("a lookup of key {} gave {} after a newer one", who.second, Name(value));
      }
      newest = place->second.second;
    }
  }
  return {};
}

std::string RowModel::Complete(Offset start, const std::vector<RowChange>& changelog,
                               const KeyRows& table, std::optional<int64_t> row_count,
                               IdOwners& ids) const {
  Fold fold(*this, start.value == 0, ids);
  for (size_t i = 0; i < changelog.size(); ++i) {
    const Offset expected = start + static_cast<int64_t>(i);
    if (changelog[i].offset != expected) return fmt::format("offset {} is missing", expected);
    const auto read = seen_.find(expected);
    if (read != seen_.end() && !lossy_ && read->second != changelog[i]) {
      return fmt::format("offset {} was read otherwise", expected);
    }
    if (std::string wrong = fold.Apply(changelog[i]); !wrong.empty()) return wrong;
  }
  if (std::string wrong = fold.Finish(); !wrong.empty()) return wrong;
  for (const auto& [key, row] : fold.rows()) {
    const auto found = table.find(key);
    if (found == table.end() || !(found->second == row)) {
      return fmt::format("key {} is {} in the changelog and {} in the table", key,
                         Name(row.value.value),
                         found == table.end() ? "no row" : Name(found->second.value.value));
    }
  }
  std::set<int64_t> numbers;
  for (const auto& [key, row] : table) {
    if (std::string wrong = CheckRow(key, row); !wrong.empty()) return wrong;
    if (fold.Knows(key) && !fold.rows().contains(key)) {
      return fmt::format("key {} is gone in the changelog and {} in the table", key,
                         Name(row.value.value));
    }
    if (rules_.auto_increment && !numbers.insert(row.id).second) {
      return fmt::format("two rows have the number {}", row.id);
    }
  }
  if (row_count && *row_count != static_cast<int64_t>(table.size())) {
    return fmt::format("the row count is {} and there are {} rows", *row_count, table.size());
  }
  if (lossy_) return {};
  for (const auto& [key, states] : own_) {
    const auto found = table.find(key);
    const bool none = found == table.end() || found->second.value.value == 0;
    const State is = none ? State() : State(found->second.value);
    if (std::ranges::find(states, is) == states.end()) {
      return fmt::format("key {} was acknowledged with {} and is {}", key, Name(states.front()),
                         Name(is));
    }
  }
  if (std::string wrong = CheckBatches(start, fold.places()); !wrong.empty()) return wrong;
  return CheckReads(start, start + static_cast<int64_t>(changelog.size()), fold.places());
}

}  // namespace strom::sim
