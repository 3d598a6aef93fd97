// POSIX files of the real runtime.
#pragma once

#include <memory>

#include "runtime/file.h"

namespace strom::runtime::internal {

std::unique_ptr<FileSystem> MakeRealFileSystem();

}  // namespace strom::runtime::internal
