// Open files, mappings and locks of a simulated disk. Internal to the simulated runtime (sim.h).
#pragma once

#include <memory>
#include <string>

#include "runtime/file.h"
#include "runtime/sim_disk.h"

namespace strom::runtime::internal {

// A copy of a file's bytes that is kept up to date while it grows.
class SimMapping final : public Mapping {
 public:
  explicit SimMapping(uint64_t capacity);
  ~SimMapping() override;

  uint64_t size() const override { return capacity_; }
  ByteView View(uint64_t offset, uint64_t length) const override;
  // Bytes from..to of `content`, as far as both reach.
  void CopyFrom(const Bytes& content, uint64_t from, uint64_t to);

 private:
  const uint64_t capacity_;
  uint8_t* const bytes_;  // zeros that take no memory until they are written
};

std::unique_ptr<File> MakeSimFile(SimDisk& disk, std::shared_ptr<SimNode> node, std::string path,
                                  bool writable);
// Gives the lock back when it goes, if no crash did before.
std::unique_ptr<FileLock> MakeSimLock(SimDisk& disk, std::string path);

}  // namespace strom::runtime::internal
