#include "kv/memory_reads.h"

#include "base/check.h"

namespace strom::kv {
namespace {

thread_local bool wanted = false;
thread_local bool has_missed = false;

}  // namespace

MemoryReads::MemoryReads() {
  STROM_CHECK(!wanted);
  wanted = true;
  has_missed = false;
}

MemoryReads::~MemoryReads() {
  wanted = false;
}

bool MemoryReads::missed() const {
  return has_missed;
}

bool MemoryReads::AreWanted() {
  return wanted;
}

void MemoryReads::Miss() {
  has_missed = true;
}

}  // namespace strom::kv
