"""Closed segments of a log, as large as real ones, that take little of the disk.

Every byte that is not zero is written: batch headers with their CRCs, Arrow metadata, indexes, writer
snapshots. The column of each batch is a hole, and the CRC is that of as many zeros. So the files are valid logs to
whoever reads them (`strom log verify` reads every byte and finds nothing), and reading a hole goes the
way of any other read: through read() and the page cache, where it is counted."""

import ctypes
import mmap
import os
import pathlib
import struct

import pyarrow as pa

from wire import crc32c

BATCH_BYTES = 4 << 20
HEADER_BYTES = 48


def _metadata():
    """Of an Arrow message with one row of the column `id`, whose buffer fills the batch."""
    length = len(pa.record_batch([pa.array([0], pa.int64())], names=["id"]).serialize()) - 8
    values = (BATCH_BYTES - HEADER_BYTES - length) // 8
    zeros = pa.py_buffer(bytes(8 * values))
    column = pa.Array.from_buffers(pa.int64(), values, [None, zeros])
    message = pa.record_batch([column], names=["id"]).serialize().to_pybytes()
    assert len(message) == BATCH_BYTES - HEADER_BYTES
    found = message[:length]
    assert found.count(struct.pack("<q", values)) == 2  # rows of the batch, and of its column
    return found.replace(struct.pack("<q", values), struct.pack("<q", 1))


METADATA = _metadata()
FRONT_BYTES = HEADER_BYTES + len(METADATA)

# --- CRC-32C of zeros ---

_SHIFTS = []  # how the CRC register changes over 2^n zero bytes, as the images of its 32 bits


def _apply(images, register):
    result = 0
    for bit in range(32):
        if register >> bit & 1:
            result ^= images[bit]
    return result


def _one_zero_byte(register):
    for _ in range(8):
        register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register


def with_zeros(crc, count):
    """The CRC of what had `crc` with `count` bytes of zeros behind it."""
    if not _SHIFTS:
        _SHIFTS.append([_one_zero_byte(1 << bit) for bit in range(32)])
        for _ in range(40):
            _SHIFTS.append([_apply(_SHIFTS[-1], image) for image in _SHIFTS[-1]])
    register = crc ^ 0xFFFFFFFF
    for bit in range(count.bit_length()):
        if count >> bit & 1:
            register = _apply(_SHIFTS[bit], register)
    return register ^ 0xFFFFFFFF


# --- files ---


def write_segment(bucket, base, batches, first_timestamp):
    """A closed segment of `batches` records, one in each batch, and what lies beside it."""
    bucket = pathlib.Path(bucket)
    tail = struct.pack("<hbiqii", 1, 1, 0, -1, -1, 1) + METADATA
    crc = with_zeros(crc32c(tail), BATCH_BYTES - FRONT_BYTES)
    with open(bucket / f"{base:020}.log", "wb") as log:
        for i in range(batches):
            log.seek(i * BATCH_BYTES)
            log.write(struct.pack("<qibqI", base + i, BATCH_BYTES - 12, 0, first_timestamp + i, crc) + tail)
        log.truncate(batches * BATCH_BYTES)
    numbers = range(1, batches)
    (bucket / f"{base:020}.index").write_bytes(
        b"".join(struct.pack(">ii", i, i * BATCH_BYTES) for i in numbers))
    (bucket / f"{base:020}.timeindex").write_bytes(
        b"".join(struct.pack(">qi", first_timestamp + i, i) for i in numbers))
    (bucket / f"{base + batches:020}.writer_snapshot").write_text('{"version":1,"writer_id_entries":[]}')


# --- the page cache ---

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]


def cached_bytes(path):
    """How much of a file is in the page cache."""
    size = os.path.getsize(path)
    if size == 0:
        return 0
    pages = bytearray((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    fd = os.open(path, os.O_RDONLY)
    try:
        address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
        assert address not in (None, ctypes.c_void_p(-1).value), os.strerror(ctypes.get_errno())
        try:
            where = (ctypes.c_char * len(pages)).from_buffer(pages)
            assert _libc.mincore(address, size, where) == 0, os.strerror(ctypes.get_errno())
        finally:
            _libc.munmap(address, size)
    finally:
        os.close(fd)
    return sum(page & 1 for page in pages) * mmap.PAGESIZE


def drop_from_cache(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def read_bytes_of(pid):
    """What a process asked read() for, wherever it came from."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise RuntimeError("no rchar")
