#include "kv/pre_write_buffer.h"

#include "base/check.h"

namespace strom::kv {

ByteView PreWriteBuffer::Begin(ByteView request, size_t max_entries) {
  STROM_CHECK(batches_.empty() || batches_.back().sealed);
  Batch& batch = batches_.emplace_back();
  batch.request.assign(request.begin(), request.end());
  batch.entries.reserve(max_entries);
  return batch.request;
}

ByteView PreWriteBuffer::Keep(Bytes row) {
  return batches_.back().made.emplace_back(std::move(row));
}

void PreWriteBuffer::Add(const StoreChange& change, RowCountChange count) {
  Batch& batch = batches_.back();
  STROM_CHECK(!batch.sealed && batch.entries.size() < batch.entries.capacity());
  Entry& entry = batch.entries.emplace_back(Entry{change, count, next_id_++});
  auto [it, fresh] = newest_.try_emplace(AsText(entry.change.key), &entry);
  if (!fresh) {
    entry.previous = it->second->id;
    entry.previous_entry = it->second;
    // The map's key must live as long as its entry does: it points to the newest one.
    newest_.erase(it);
    newest_.emplace(AsText(entry.change.key), &entry);
  }
  batch.bytes += change.key.size() + change.row.size();
  bytes_ += change.key.size() + change.row.size();
}

void PreWriteBuffer::Seal(Offset end) {
  batches_.back().end = end;
  batches_.back().sealed = true;
}

void PreWriteBuffer::RollBack() {
  Batch& batch = batches_.back();
  STROM_CHECK(!batch.sealed);
  for (size_t i = batch.entries.size(); i-- > 0;) {
    const Entry& entry = batch.entries[i];
    newest_.erase(AsText(entry.change.key));
    if (entry.previous >= first_id_ && entry.previous_entry != nullptr) {
      newest_.emplace(AsText(entry.previous_entry->change.key), entry.previous_entry);
    }
  }
  bytes_ -= batch.bytes;
  batches_.pop_back();
}

size_t PreWriteBuffer::Collect(Offset limit, size_t max_changes, std::vector<StoreChange>& changes,
                               int64_t& rows_added, Offset& end) const {
  size_t count = 0;
  for (const Batch& batch : batches_) {
    if (!batch.sealed || batch.end > limit) break;
    if (count > 0 && changes.size() + batch.entries.size() > max_changes) break;
    for (const Entry& entry : batch.entries) {
      changes.push_back(entry.change);
      rows_added += static_cast<int8_t>(entry.count);
    }
    end = batch.end;
    ++count;
  }
  return count;
}

void PreWriteBuffer::Drop(size_t batches) {
  for (; batches > 0; --batches) {
    Batch& batch = batches_.front();
    for (const Entry& entry : batch.entries) {
      const auto it = newest_.find(AsText(entry.change.key));
      if (it != newest_.end() && it->second == &entry) newest_.erase(it);
      first_id_ = entry.id + 1;
    }
    bytes_ -= batch.bytes;
    batches_.pop_front();
  }
}

}  // namespace strom::kv
