#include "kv/memory_store.h"

#include <algorithm>
#include <atomic>
#include <map>

#include "base/crc32c.h"
#include "format/value_batch.h"
#include "kv/memory_reads.h"

namespace strom::kv {
namespace {

using Rows = std::map<std::string, std::string>;

constexpr std::string_view kCurrent = "CURRENT";

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
  explicit MemoryCursor(Rows rows) : rows_(std::move(rows)), at_(rows_.begin()) {}

  void Seek(ByteView key) override { at_ = rows_.lower_bound(std::string(AsText(key))); }
  bool valid() const override { return at_ != rows_.end(); }
  void Next() override { ++at_; }
  ByteView key() const override { return AsBytes(at_->first); }
  ByteView value() const override { return AsBytes(at_->second); }
  Status status() const override { return {}; }

 private:
  const Rows rows_;
  Rows::const_iterator at_;
};

// What a flush keeps.
struct State {
  int64_t number = 0;  // of its file
  StorePosition position;
  std::string identity;
  Rows rows;
};

std::string NameOf(int64_t number) {
  return fmt::format("{:06}.sst", number);
}

void AppendText(Bytes& out, std::string_view text) {
  AppendLittle(out, static_cast<uint32_t>(text.size()));
  Append(out, AsBytes(text));
}

// crc32c of the rest | number | offset | row count | identity | key and value of each row; texts
// with their length before them.
Bytes Encode(const State& state) {
  Bytes out(sizeof(uint32_t));
  AppendLittle(out, state.number);
  AppendLittle(out, state.position.offset.value);
  AppendLittle(out, state.position.row_count);
  AppendText(out, state.identity);
  for (const auto& [key, value] : state.rows) {
    AppendText(out, key);
    AppendText(out, value);
  }
  StoreLittle(out.data(), Crc32c(ByteView(out).subspan(sizeof(uint32_t))));
  return out;
}

// Only of bytes whose CRC fits.
State Decode(ByteView bytes) {
  const auto number = [&] {
    const auto value = LoadLittle<int64_t>(bytes.data());
    bytes = bytes.subspan(sizeof(value));
    return value;
  };
  const auto text = [&] {
    const auto size = LoadLittle<uint32_t>(bytes.data());
    std::string value(AsText(bytes.subspan(sizeof(size), size)));
    bytes = bytes.subspan(sizeof(size) + size);
    return value;
  };
  State state;
  state.number = number();
  state.position.offset = Offset(number());
  state.position.row_count = number();
  state.identity = text();
  while (!bytes.empty()) {
    std::string key = text();
    state.rows.emplace(std::move(key), text());
  }
  return state;
}

std::unexpected<Error> StorageError(const Error& error) {
  return Fail(ErrorCode::kKvStorage, "{}", error.message);
}

class MemoryStore final : public Store {
 public:
  MemoryStore(runtime::FileSystem& files, std::string directory, MemoryStoreOptions options,
              State state)
      : files_(files),
        directory_(std::move(directory)),
        options_(options),
        state_(std::move(state)) {}

  const StorePosition& position() const override { return state_.position; }
  const std::string& identity() const override { return state_.identity; }

  Result<std::unique_ptr<FoundValues>> Get(std::span<const ByteView> keys) const override {
    if (MemoryReads::AreWanted() && options_.miss_every > 0 &&
        ++reads_ % options_.miss_every == 0) {
      MemoryReads::Miss();
      return Fail(ErrorCode::kKvStorage, "Not in memory.");
    }
    auto found = std::make_unique<MemoryValues>();
    for (ByteView key : keys) {
      const auto it = state_.rows.find(std::string(AsText(key)));
      found->Add(it == state_.rows.end() ? nullptr : &it->second);
    }
    return found;
  }

  Status Write(std::span<const StoreChange> changes, const StorePosition& after) override {
    if (options_.flush_every > 0 && ++writes_ % options_.flush_every == 0) {
      STROM_TRY_VOID(Flush());
    }
    for (const StoreChange& change : changes) {
      const std::string key(AsText(change.key));
      if (change.deleted) {
        state_.rows.erase(key);
        continue;
      }
      std::string& value = state_.rows[key];
      value.resize(format::kStoredSchemaIdBytes);
      StoreLittle(value.data(), static_cast<int16_t>(change.schema_id.value));
      value.append(AsText(change.row));
    }
    state_.position = after;
    return {};
  }

  std::unique_ptr<StoreCursor> Scan() const override {
    return std::make_unique<MemoryCursor>(state_.rows);
  }

  Status Flush() override {
    const int64_t old = state_.number++;
    STROM_TRY_VOID(WriteTo(directory_));
    (void)files_.Remove(directory_ + "/" + NameOf(old));
    return {};
  }

  Result<StorePosition> Checkpoint(const std::string& directory) override {
    STROM_TRY_VOID(Flush());
    STROM_TRY_VOID(WriteTo(directory));
    return state_.position;
  }

 private:
  Status WriteTo(const std::string& directory) {
    const std::string name = NameOf(state_.number);
    Status written = files_.CreateDirectories(directory);
    if (written) written = runtime::ReplaceFile(files_, directory + "/" + name, Encode(state_));
    if (written) {
      written =
          runtime::ReplaceFile(files_, fmt::format("{}/{}", directory, kCurrent), AsBytes(name));
    }
    if (!written) return StorageError(written.error());
    return {};
  }

  runtime::FileSystem& files_;
  const std::string directory_;
  const MemoryStoreOptions options_;
  int writes_ = 0;
  mutable int reads_ = 0;
  State state_;
};

class MemoryEngine final : public StoreEngine {
 public:
  MemoryEngine(runtime::FileSystem& files, MemoryStoreOptions options)
      : files_(files), options_(options) {}

  Result<std::unique_ptr<Store>> Open(const std::string& directory) override {
    STROM_TRY(State state, Load(directory));
    return std::make_unique<MemoryStore>(files_, directory, options_, std::move(state));
  }

  Status Destroy(const std::string& directory) override {
    Status removed = files_.RemoveAll(directory);
    if (removed) removed = SyncIfThere(runtime::ParentOf(directory));
    if (!removed) return StorageError(removed.error());
    return {};
  }

 private:
  Status SyncIfThere(const std::string& directory) {
    STROM_TRY(const bool exists, files_.Exists(directory));
    return exists ? files_.SyncDirectory(directory) : Status{};
  }

  Result<State> Load(const std::string& directory) {
    const std::string current = fmt::format("{}/{}", directory, kCurrent);
    const auto exists = files_.Exists(current);
    if (!exists) return StorageError(exists.error());
    if (!*exists) return State{.identity = std::to_string(++made_)};
    const auto name = runtime::ReadFile(files_, current);
    if (!name) return StorageError(name.error());
    const std::string path = fmt::format("{}/{}", directory, AsText(*name));
    const auto there = files_.Exists(path);
    if (!there) return StorageError(there.error());
    if (!*there) {
      return Fail(ErrorCode::kCorruptRecord, "{} names {}, which is gone", current, path);
    }
    const auto bytes = runtime::ReadFile(files_, path);
    if (!bytes) return StorageError(bytes.error());
    const ByteView rest = ByteView(*bytes).subspan(std::min(bytes->size(), sizeof(uint32_t)));
    if (rest.empty() || LoadLittle<uint32_t>(bytes->data()) != Crc32c(rest)) {
      return Fail(ErrorCode::kCorruptRecord, "the CRC of {} does not match", path);
    }
    return Decode(rest);
  }

  runtime::FileSystem& files_;
  const MemoryStoreOptions options_;
  std::atomic<int> made_ = 0;  // stores, ever
};

}  // namespace

std::unique_ptr<StoreEngine> MakeMemoryEngine(runtime::FileSystem& files,
                                              MemoryStoreOptions options) {
  return std::make_unique<MemoryEngine>(files, options);
}

}  // namespace strom::kv
