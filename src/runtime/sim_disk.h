// A disk in memory that tells what was written from what is safe. Internal to the simulated
// runtime (sim.h).
//
// The model is a journaling file system seen by a pessimist. Bytes and sizes of a file become safe
// by its Sync; until then a crash keeps any subset of the writes and tears one between its sectors.
// Names (new files, renames, removals) change in order and become safe by SyncDirectory of a folder
// they touch; until then a crash keeps a prefix of them. A failed Sync forgets what it should have
// written: later ones do not write it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/file.h"
#include "runtime/sim.h"

namespace strom::runtime::internal {

class SimMapping;

// One change of a file's bytes that is not safe yet.
struct SimChange {
  bool truncates = false;
  uint64_t offset = 0;  // or the new size
  Bytes bytes;
};

struct SimNode {
  bool is_directory = false;
  // Of a directory: now, and what a crash leaves for sure.
  std::map<std::string, std::shared_ptr<SimNode>> entries;
  std::map<std::string, std::shared_ptr<SimNode>> safe_entries;
  // Of a file likewise.
  Bytes content;
  Bytes safe_content;
  std::vector<SimChange> pending;
  uint64_t synced_changes = 0;  // how many left the front of `pending`, ever
  std::vector<std::weak_ptr<SimMapping>> mappings;

  void Write(uint64_t offset, ByteView bytes);
  void Truncate(uint64_t size);
  // The first `count` pending changes are on the disk.
  void MakeSafe(size_t count);
  void RefreshMappings(uint64_t from, uint64_t to);
};

class SimDisk final : public FileSystem {
 public:
  SimDisk(SimWorld& world, SimMachine& machine);

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<std::optional<uint64_t>> SizeOf(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& directory) override;
  Status CreateDirectories(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveAll(const std::string& directory) override;
  Status SyncDirectory(const std::string& directory) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<DiskUsage> Usage(const std::string& path) override;

  void Crash(SimCrash kind);
  void CrashAfter(uint64_t calls, SimCrash kind);
  void CancelCrash() { crash_at_call_ = 0; }
  void Reboot() { down_ = false; }
  bool FlipBit(const std::string& path, uint64_t byte, int bit);
  uint64_t calls() const { return calls_; }

  // For the open files of this disk.
  SimWorld& world() { return world_; }
  const SimDiskFaults& faults() const { return machine_.disk_faults; }
  // Counts a call that changes the disk; may be the one that the machine does not survive. An
  // errno that it fails with, or 0.
  int BeforeChange(double chance_of_error);
  int BeforeRead();
  // Files opened in an earlier life are dead.
  uint64_t life() const { return life_; }
  bool down() const { return down_; }
  // How far a file of `from` bytes may grow towards `to` before the disk is full.
  uint64_t Grow(uint64_t from, uint64_t to) const;
  std::set<std::string>& locks() { return locks_; }

 private:
  // A new file or folder (to), a rename (both) or a removal (from).
  struct NameChange {
    std::shared_ptr<SimNode> from_folder;
    std::string from;
    std::shared_ptr<SimNode> to_folder;
    std::string to;
    std::shared_ptr<SimNode> node;
  };
  struct Place {
    std::shared_ptr<SimNode> folder;
    std::string name;
    std::shared_ptr<SimNode> node;  // null if there is none of that name
  };

  // An errno and no folder if the path leads nowhere.
  int Find(const std::string& path, Place* place) const;
  void Change(NameChange change);
  static void MakeSafe(const NameChange& change);
  void RemoveTree(const Place& place);
  std::shared_ptr<SimNode> AfterCrash(const SimNode& node, SimCrash kind);

  SimWorld& world_;
  SimMachine& machine_;
  std::shared_ptr<SimNode> root_;
  std::vector<NameChange> pending_names_;
  std::set<std::string> locks_;
  uint64_t calls_ = 0;
  uint64_t life_ = 0;
  uint64_t crash_at_call_ = 0;  // 0 = none planned
  SimCrash planned_crash_ = SimCrash::kPower;
  bool down_ = false;
};

}  // namespace strom::runtime::internal
