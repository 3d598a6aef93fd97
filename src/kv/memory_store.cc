#include "kv/memory_store.h"

#include <algorithm>

namespace strom::kv {
namespace {

using Rows = std::map<std::string, std::string>;
using SharedRows = std::shared_ptr<const Rows>;

class MemoryValues final : public FoundValues {
 public:
  void Add(const std::string* value) {
    owned_.push_back(value == nullptr ? nullptr : std::make_unique<std::string>(*value));
    values_.push_back(value == nullptr ? std::nullopt : std::optional(AsBytes(*owned_.back())));
  }

 private:
  std::vector<std::unique_ptr<std::string>> owned_;
};

class MemoryCursor final : public StoreCursor {
 public:
  explicit MemoryCursor(SharedRows rows) : rows_(std::move(rows)), at_(rows_->begin()) {}

  void Seek(ByteView key) override { at_ = rows_->lower_bound(std::string(AsText(key))); }
  bool valid() const override { return at_ != rows_->end(); }
  void Next() override { ++at_; }
  ByteView key() const override { return AsBytes(at_->first); }
  ByteView value() const override { return AsBytes(at_->second); }
  Status status() const override { return {}; }

 private:
  SharedRows rows_;
  Rows::const_iterator at_;
};

}  // namespace

class MemoryStore final : public Store {
 public:
  MemoryStore(MemoryDisk& disk, std::string directory, int flush_every,
              const MemoryDisk::State& state)
      : disk_(disk),
        directory_(std::move(directory)),
        flush_every_(flush_every),
        rows_(*state.rows),
        position_(state.position),
        identity_(state.identity) {}

  const StorePosition& position() const override { return position_; }
  const std::string& identity() const override { return identity_; }

  Result<std::unique_ptr<FoundValues>> Get(std::span<const ByteView> keys) const override {
    auto found = std::make_unique<MemoryValues>();
    for (ByteView key : keys) {
      const auto it = rows_.find(std::string(AsText(key)));
      found->Add(it == rows_.end() ? nullptr : &it->second);
    }
    return found;
  }

  Status Write(std::span<const StoreChange> changes, const StorePosition& after) override {
    for (const StoreChange& change : changes) {
      const std::string key(AsText(change.key));
      if (change.deleted) {
        rows_.erase(key);
        continue;
      }
      std::string& value = rows_[key];
      value.resize(2);
      StoreLittle(value.data(), static_cast<int16_t>(change.schema_id.value));
      value.append(AsText(change.row));
    }
    position_ = after;
    if (flush_every_ > 0 && ++writes_ % flush_every_ == 0) return Flush();
    return {};
  }

  std::unique_ptr<StoreCursor> Scan() const override {
    return std::make_unique<MemoryCursor>(std::make_shared<const Rows>(rows_));
  }

  Status Flush() override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.states_[directory_] = {std::make_shared<const Rows>(rows_), position_, identity_};
    return {};
  }

  Result<StorePosition> Checkpoint(const std::string& directory) override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.states_[directory] = {std::make_shared<const Rows>(rows_), position_, identity_};
    return position_;
  }

 private:
  MemoryDisk& disk_;
  const std::string directory_;
  const int flush_every_;
  int writes_ = 0;
  Rows rows_;
  StorePosition position_;
  const std::string identity_;
};

class MemoryEngine final : public StoreEngine {
 public:
  MemoryEngine(MemoryDisk& disk, int flush_every) : disk_(disk), flush_every_(flush_every) {}

  Result<std::unique_ptr<Store>> Open(const std::string& directory) override {
    const std::scoped_lock lock(disk_.mutex_);
    const auto it = disk_.states_.find(directory);
    const MemoryDisk::State empty{
        std::make_shared<const Rows>(), {}, std::to_string(++disk_.made_)};
    return std::make_unique<MemoryStore>(disk_, directory, flush_every_,
                                         it == disk_.states_.end() ? empty : it->second);
  }

  Status Destroy(const std::string& directory) override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.states_.erase(directory);
    return {};
  }

 private:
  MemoryDisk& disk_;
  const int flush_every_;
};

std::unique_ptr<StoreEngine> MakeMemoryEngine(MemoryDisk& disk, int flush_every) {
  return std::make_unique<MemoryEngine>(disk, flush_every);
}

}  // namespace strom::kv
