#include "runtime/sim_disk.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "runtime/errno_text.h"
#include "runtime/sim_file.h"

namespace strom::runtime::internal {
namespace {

// What a disk writes whole or not at all.
constexpr uint64_t kSectorBytes = 512;

std::vector<std::string> Split(const std::string& path) {
  std::vector<std::string> names;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at && path.substr(at, end - at) != ".") names.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

std::shared_ptr<SimNode> NewDirectory() {
  auto node = std::make_shared<SimNode>();
  node->is_directory = true;
  return node;
}

uint64_t BytesBelow(const SimNode& node) {
  uint64_t sum = node.content.size();
  for (const auto& [name, child] : node.entries)
    sum += BytesBelow(*child);
  return sum;
}

void Put(Bytes& content, uint64_t offset, ByteView bytes) {
  content.resize(std::max<size_t>(content.size(), offset + bytes.size()));
  std::ranges::copy(bytes, content.begin() + static_cast<ptrdiff_t>(offset));
}

// Some sectors of the write arrive, the rest holds what it held; where the file ended before,
// zeros.
void Tear(const SimChange& write, Bytes& content, RandomSource& random) {
  const uint64_t end = write.offset + write.bytes.size();
  if (random.Chance(0.5)) content.resize(std::max<size_t>(content.size(), end));
  for (uint64_t at = write.offset; at < end;) {
    const uint64_t next = std::min(end, at + kSectorBytes - at % kSectorBytes);
    if (random.Chance(0.5)) {
      Put(content, at, ByteView(write.bytes).subspan(at - write.offset, next - at));
    }
    at = next;
  }
}

void Apply(const SimChange& change, Bytes& content) {
  if (change.truncates) {
    content.resize(change.offset);
  } else {
    Put(content, change.offset, change.bytes);
  }
}

}  // namespace

void SimNode::Write(uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return;
  pending.push_back({.offset = offset, .bytes = Bytes(bytes.begin(), bytes.end())});
  Put(content, offset, bytes);
  RefreshMappings(offset, offset + bytes.size());
}

void SimNode::Truncate(uint64_t size) {
  pending.push_back({.truncates = true, .offset = size, .bytes = {}});
  content.resize(size);
}

void SimNode::MakeSafe(size_t count) {
  for (size_t i = 0; i < count; ++i)
    Apply(pending[i], safe_content);
  pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(count));
  synced_changes += count;
}

void SimNode::RefreshMappings(uint64_t from, uint64_t to) {
  std::erase_if(mappings, [](const auto& mapping) { return mapping.expired(); });
  for (const auto& mapping : mappings) {
    if (const auto alive = mapping.lock()) alive->CopyFrom(content, from, to);
  }
}

SimDisk::SimDisk(SimWorld& world, SimMachine& machine)
    : world_(world), machine_(machine), root_(NewDirectory()) {}

int SimDisk::Find(const std::string& path, Place* place) const {
  const std::vector<std::string> names = Split(path);
  *place = {.folder = nullptr, .name = "", .node = root_};
  for (const std::string& name : names) {
    if (place->node == nullptr) {
      *place = {};
      return ENOENT;
    }
    if (!place->node->is_directory) {
      *place = {};
      return ENOTDIR;
    }
    place->folder = place->node;
    place->name = name;
    const auto entry = place->folder->entries.find(name);
    place->node = entry == place->folder->entries.end() ? nullptr : entry->second;
  }
  return 0;
}

int SimDisk::BeforeChange(double chance_of_error) {
  if (down_) return EIO;
  ++calls_;
  world_.Record(calls_);
  if (crash_at_call_ != 0 && calls_ >= crash_at_call_) {
    crash_at_call_ = 0;
    machine_.Crash(planned_crash_);
    return EIO;
  }
  return chance_of_error > 0 && world_.random().Chance(chance_of_error) ? EIO : 0;
}

int SimDisk::BeforeRead() {
  if (down_) return EIO;
  const double chance = faults().read_error;
  return chance > 0 && world_.random().Chance(chance) ? EIO : 0;
}

uint64_t SimDisk::Grow(uint64_t from, uint64_t to) const {
  if (to <= from || faults().capacity_bytes == SimDiskFaults().capacity_bytes) return to;
  const uint64_t used = BytesBelow(*root_);
  const uint64_t left = faults().capacity_bytes - std::min(used, faults().capacity_bytes);
  return std::min(to, from + left);
}

void SimDisk::Change(NameChange change) {
  if (change.from_folder) change.from_folder->entries.erase(change.from);
  if (change.to_folder) change.to_folder->entries[change.to] = change.node;
  pending_names_.push_back(std::move(change));
}

void SimDisk::MakeSafe(const NameChange& change) {
  if (change.from_folder) change.from_folder->safe_entries.erase(change.from);
  if (change.to_folder) change.to_folder->safe_entries[change.to] = change.node;
}

Result<std::unique_ptr<File>> SimDisk::Open(const std::string& path, OpenMode mode) {
  if (const int error = BeforeRead(); error != 0) return CannotDo("open", path, error);
  Place place;
  if (const int error = Find(path, &place); error != 0) return CannotDo("open", path, error);
  const bool create = mode == OpenMode::kCreate || mode == OpenMode::kCreateTruncate;
  if (!place.node && !create) return CannotDo("open", path, ENOENT);
  if (place.node && place.node->is_directory && mode != OpenMode::kRead) {
    return CannotDo("open", path, EISDIR);
  }
  if (!place.node) {
    if (const int error = BeforeChange(faults().open_error); error != 0) {
      return CannotDo("open", path, error);
    }
    place.node = std::make_shared<SimNode>();
    Change({.to_folder = place.folder, .to = place.name, .node = place.node});
  } else if (mode == OpenMode::kCreateTruncate) {
    if (const int error = BeforeChange(faults().open_error); error != 0) {
      return CannotDo("open", path, error);
    }
    place.node->Truncate(0);
  }
  return MakeSimFile(*this, std::move(place.node), path, mode != OpenMode::kRead);
}

Result<std::optional<uint64_t>> SimDisk::SizeOf(const std::string& path) {
  if (const int error = BeforeRead(); error != 0) return CannotDo("stat", path, error);
  Place place;
  if (Find(path, &place) != 0 || place.node == nullptr) return std::nullopt;
  return place.node->content.size();
}

Result<std::vector<DirectoryEntry>> SimDisk::List(const std::string& directory) {
  if (const int error = BeforeRead(); error != 0) return CannotDo("list", directory, error);
  Place place;
  if (const int error = Find(directory, &place); error != 0) {
    return CannotDo("list", directory, error);
  }
  if (!place.node) return CannotDo("list", directory, ENOENT);
  if (!place.node->is_directory) return CannotDo("list", directory, ENOTDIR);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : place.node->entries)
    entries.push_back({name, node->is_directory, node->content.size()});
  return entries;
}

Status SimDisk::CreateDirectories(const std::string& directory) {
  std::string prefix = directory.starts_with('/') ? "" : ".";
  std::shared_ptr<SimNode> folder = root_;
  for (const std::string& name : Split(directory)) {
    prefix += "/" + name;
    const auto entry = folder->entries.find(name);
    if (entry != folder->entries.end()) {
      if (!entry->second->is_directory) return CannotDo("create directory", prefix, ENOTDIR);
      folder = entry->second;
      continue;
    }
    if (const int error = BeforeChange(faults().open_error); error != 0) {
      return CannotDo("create directory", prefix, error);
    }
    auto made = NewDirectory();
    Change({.to_folder = folder, .to = name, .node = made});
    STROM_TRY_VOID(SyncDirectory(prefix.substr(0, prefix.rfind('/') + 1)));
    folder = std::move(made);
  }
  return down_ ? Status(CannotDo("create directory", directory, EIO)) : Status();
}

Status SimDisk::Rename(const std::string& from, const std::string& to) {
  const auto fail = [&](int error) {
    return Fail(ErrorCode::kStorage, "Cannot rename '{}' to '{}': {}.", from, to, ReasonOf(error));
  };
  if (down_) return fail(EIO);
  Place source;
  Place target;
  if (const int error = Find(from, &source); error != 0) return fail(error);
  if (const int error = Find(to, &target); error != 0) return fail(error);
  if (!source.node) return fail(ENOENT);
  if (to.starts_with(from + "/")) return fail(EINVAL);
  if (target.node && target.node->is_directory && !source.node->is_directory) return fail(EISDIR);
  if (target.node && !target.node->is_directory && source.node->is_directory) return fail(ENOTDIR);
  if (target.node && !target.node->entries.empty()) return fail(ENOTEMPTY);
  if (const int error = BeforeChange(faults().open_error); error != 0) return fail(error);
  if (source.node == target.node) return {};
  Change({source.folder, source.name, target.folder, target.name, source.node});
  return {};
}

Status SimDisk::Remove(const std::string& path) {
  Place place;
  if (const int error = Find(path, &place); error != 0) return CannotDo("remove", path, error);
  if (!place.node) return CannotDo("remove", path, ENOENT);
  if (place.node->is_directory) return CannotDo("remove", path, EISDIR);
  if (const int error = BeforeChange(faults().open_error); error != 0) {
    return CannotDo("remove", path, error);
  }
  Change({.from_folder = place.folder, .from = place.name, .to_folder = {}, .to = "", .node = {}});
  return {};
}

void SimDisk::RemoveTree(const Place& place) {
  // A copy: the entries change under way.
  for (const auto& [name, child] : std::map(place.node->entries))
    RemoveTree({place.node, name, child});
  if (BeforeChange(0) != 0) return;
  Change({.from_folder = place.folder, .from = place.name, .to_folder = {}, .to = "", .node = {}});
}

Status SimDisk::RemoveAll(const std::string& directory) {
  if (const int error = BeforeChange(faults().open_error); error != 0) {
    return CannotDo("remove", directory, error);
  }
  Place place;
  if (Find(directory, &place) != 0 || !place.node) return {};
  STROM_CHECK(place.folder);
  RemoveTree(place);
  if (down_) return CannotDo("remove", directory, EIO);
  return {};
}

Status SimDisk::SyncDirectory(const std::string& directory) {
  Place place;
  if (Find(directory, &place) != 0 || !place.node) {
    return CannotDo("open directory", directory, down_ ? EIO : ENOENT);
  }
  if (!place.node->is_directory) return CannotDo("open directory", directory, ENOTDIR);
  if (const int error = BeforeChange(faults().sync_error); error != 0) {
    return CannotDo("sync directory", directory, error);
  }
  // The journal is written in order: whatever came before is safe, too.
  const auto touches = [&](const NameChange& change) {
    return change.from_folder == place.node || change.to_folder == place.node;
  };
  const auto last = std::ranges::find_if(pending_names_.rbegin(), pending_names_.rend(), touches);
  const auto end = last.base();
  std::for_each(pending_names_.begin(), end, [](const NameChange& change) { MakeSafe(change); });
  pending_names_.erase(pending_names_.begin(), end);
  return {};
}

Result<std::unique_ptr<FileLock>> SimDisk::Lock(const std::string& path) {
  STROM_TRY(std::unique_ptr<File> file, Open(path, OpenMode::kCreate));
  if (!locks_.insert(path).second) {
    return Fail(ErrorCode::kOperationNotAttempted,
                "Cannot lock '{}': another process holds it. Stop that one or use another folder.",
                path);
  }
  return MakeSimLock(*this, path);
}

Result<DiskUsage> SimDisk::Usage(const std::string& path) {
  const auto fail = [&](int error) { return CannotDo("get the disk usage of", path, error); };
  if (const int error = BeforeRead(); error != 0) return fail(error);
  Place place;
  if (const int error = Find(path, &place); error != 0) return fail(error);
  if (!place.node) return fail(ENOENT);
  const uint64_t total = faults().capacity_bytes;
  return DiskUsage{total, total - std::min(total, BytesBelow(*root_))};
}

void SimDisk::Crash(SimCrash kind) {
  down_ = true;
  ++life_;
  crash_at_call_ = 0;
  locks_.clear();
  if (kind == SimCrash::kPower) {
    const size_t arrived = world_.random().Below(pending_names_.size() + 1);
    for (size_t i = 0; i < arrived; ++i)
      MakeSafe(pending_names_[i]);
  }
  // A new tree: what the ghost still holds open is of the old one.
  if (kind == SimCrash::kPower) pending_names_.clear();
  root_ = AfterCrash(*root_, kind);
  if (kind == SimCrash::kProcess) {
    // Nothing was lost, nothing became safe; for simplicity names are safe after a kill.
    pending_names_.clear();
  }
}

std::shared_ptr<SimNode> SimDisk::AfterCrash(const SimNode& node, SimCrash kind) {
  auto after = std::make_shared<SimNode>();
  after->is_directory = node.is_directory;
  const bool power = kind == SimCrash::kPower;
  for (const auto& [name, child] : power ? node.safe_entries : node.entries)
    after->entries[name] = AfterCrash(*child, kind);
  after->safe_entries = after->entries;
  if (!power) {
    after->content = node.content;
    after->safe_content = node.safe_content;
    after->pending = node.pending;
    return after;
  }
  after->content = node.safe_content;
  RandomSource& random = world_.random();
  // Of the changes since the last sync: none, all, a prefix or any of them arrived.
  const uint64_t fate = random.Below(4);
  const size_t prefix = random.Below(node.pending.size() + 1);
  for (size_t i = 0; i < node.pending.size(); ++i) {
    const bool arrived =
        fate == 1 || (fate == 2 && i < prefix) || (fate == 3 && random.Chance(0.5));
    const SimChange& change = node.pending[i];
    if (arrived) {
      Apply(change, after->content);
    } else if (fate == 2 && i == prefix && !change.truncates) {
      Tear(change, after->content, random);
    }
  }
  after->safe_content = after->content;
  return after;
}

void SimDisk::CrashAfter(uint64_t calls, SimCrash kind) {
  crash_at_call_ = calls_ + calls;
  planned_crash_ = kind;
}

bool SimDisk::FlipBit(const std::string& path, uint64_t byte, int bit) {
  Place place;
  if (Find(path, &place) != 0 || !place.node || byte >= place.node->content.size()) return false;
  SimNode& node = *place.node;
  const auto mask = static_cast<uint8_t>(1 << bit);
  node.content[byte] ^= mask;
  if (byte < node.safe_content.size()) node.safe_content[byte] ^= mask;
  node.RefreshMappings(byte, byte + 1);
  return true;
}

}  // namespace strom::runtime::internal
