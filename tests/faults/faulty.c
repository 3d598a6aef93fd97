// A library to be preloaded into a server: file calls fail, tear and take their time, as a bad disk
// would make them. Armed while the file named by FAULTS_ARMED exists; FAULTS holds chances in 1/10,000:
//   FAULTS="seed=7 write_eio=20 write_tear=20 write_full=20 sync_eio=20 open_eio=5 delay=100 readonly=1"
// readonly=1: whatever makes, renames or removes a name fails with EROFS.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_uint_fast64_t state;

static long option(const char *name) {
  const char *options = getenv("FAULTS");
  const char *at = options ? strstr(options, name) : NULL;
  return at ? atol(at + strlen(name)) : 0;
}

static int armed(void) {
  const char *path = getenv("FAULTS_ARMED");
  if (path == NULL) return 0;
  const int before = errno;
  const int there = faccessat(AT_FDCWD, path, F_OK, 0) == 0;
  errno = before;
  return there;
}

// SplitMix64 over a shared counter.
static uint64_t draw(void) {
  uint64_t z = atomic_fetch_add(&state, 0x9e3779b97f4a7c15ULL) + (uint64_t)option("seed=");
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

static int happens(const char *name) {
  const long chance = option(name);
  return chance > 0 && armed() && (long)(draw() % 10000) < chance;
}

static int regular(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

static void maybe_delay(void) {
  if (happens("delay=")) usleep((useconds_t)(draw() % 20000));
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
  if (!regular(fd)) return NEXT(pwritev)(fd, pieces, count, offset);
  maybe_delay();
  if (happens("write_eio=")) return errno = EIO, -1;
  if (happens("write_full=")) return errno = ENOSPC, -1;
  if (happens("write_tear=") && count > 0 && pieces[0].iov_len > 0) {
    // A part of the first piece arrives; the caller's next try fails.
    const size_t part = 1 + draw() % pieces[0].iov_len;
    NEXT(pwrite)(fd, pieces[0].iov_base, part, offset);
    return errno = EIO, -1;
  }
  return NEXT(pwritev)(fd, pieces, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
  return pwritev(fd, pieces, count, offset);
}

int fdatasync(int fd) {
  maybe_delay();
  if (happens("sync_eio=")) return errno = EIO, -1;
  return NEXT(fdatasync)(fd);
}

int fsync(int fd) {
  maybe_delay();
  if (happens("sync_eio=")) return errno = EIO, -1;
  return NEXT(fsync)(fd);
}

static int refuses_names(void) {
  if (option("readonly=") && armed()) return EROFS;
  return happens("open_eio=") ? EIO : 0;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (flags & O_CREAT) {
    const int error = refuses_names();
    if (error != 0) return errno = error, -1;
  }
  return NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open(path, flags, mode);
}

int rename(const char *from, const char *to) {
  const int error = refuses_names();
  return error != 0 ? (errno = error, -1) : NEXT(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
  const int error = refuses_names();
  return error != 0 ? (errno = error, -1) : NEXT(mkdir)(path, mode);
}

int unlink(const char *path) {
  const int error = refuses_names();
  return error != 0 ? (errno = error, -1) : NEXT(unlink)(path);
}
