"""A start does not read what it knows to be whole, however much that is."""

import pathlib
import shutil
import subprocess

import pytest

import wire
from sparse_log import BATCH_BYTES, FRONT_BYTES, cached_bytes, drop_from_cache, read_bytes_of, write_segment
from strom_server import StromServer, binary

MIB, GIB = 1 << 20, 1 << 30
TAIL = 200  # batches behind the closed segments


class LargeLog:
    """A server whose one bucket has closed segments of a given size, and a tail that it wrote itself."""

    def __init__(self, tmp_path, segments, segment_bytes):
        self.server = StromServer(tmp_path / "data", {"log.segment.file-size": f"{segment_bytes}b"})
        self.server.start()
        self.table = wire.Client(self.server.port).create_table("large", "t")
        assert self.server.stop() == 0
        (self.bucket,) = pathlib.Path(self.server.data_dir).glob("large/t-*/log-0")
        each = segment_bytes // BATCH_BYTES
        for number in range(segments):
            write_segment(self.bucket, number * each, each, 1000 + number * each)
        self.closed = [self.bucket / f"{number * each:020}.log" for number in range(segments)]
        self.closed_bytes = segments * segment_bytes
        self.end = segments * each
        # The server takes them over as a log that was closed well, appends to it and checkpoints it.
        self.server.start()
        self.append(range(TAIL // 2))
        assert self.server.stop() == 0
        self.server.start()
        self.append(range(TAIL // 2, TAIL))
        self.server.kill()

    def append(self, ids):
        client = wire.Client(self.server.port)
        for i in ids:
            assert client.produce(self.table, 0, wire.make_batch([i])) == self.end + i

    def start(self):
        """With nothing of the bucket in the page cache. What was read: by read(), and in any way, mapped
        files included, of the closed segments and their indexes."""
        files = [path for path in self.bucket.iterdir() if path.is_file()]
        for path in files:
            drop_from_cache(path)
        assert sum(cached_bytes(path) for path in files) == 0
        self.server.start()
        read = read_bytes_of(self.server.process.pid)
        beside = [path.with_suffix(suffix) for path in self.closed for suffix in (".index", ".timeindex")]
        cached = sum(cached_bytes(path) for path in self.closed + beside)
        print(f"\n{self.closed_bytes:,} bytes in {len(self.closed)} closed segments: {read:,} bytes came by "
              f"read(), {cached:,} bytes of them are in the page cache")
        return read, cached

    def check_what_is_served(self):
        client = wire.Client(self.server.port)
        ids, offset = [], self.end
        while offset < self.end + TAIL:
            for _, batch, offset in wire.parse_batches(client.fetch(self.table, 0, offset)[0]):
                ids += batch
        assert ids == list(range(TAIL))
        # And each closed segment: its last batch, which is mostly a hole.
        for path in self.closed:
            last = (int(path.stem) + path.stat().st_size // BATCH_BYTES) - 1
            records, high_watermark = client.fetch(self.table, 0, last, BATCH_BYTES)
            assert high_watermark == self.end + TAIL
            assert len(records) == BATCH_BYTES and int.from_bytes(records[:8], "little") == last
            assert not any(records[FRONT_BYTES:])
        client.close()


SIZES = [(4, 32 * MIB), pytest.param((32, GIB), marks=pytest.mark.heavy)]


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}-of-{size[1] // MIB}-MiB")
def large(tmp_path, request):
    log = LargeLog(tmp_path, *request.param)
    yield log
    log.server.kill()
    shutil.rmtree(log.server.data_dir)


def test_a_start_after_a_crash_reads_the_tail_and_no_closed_segment(large):
    """kill -9, then a start that may cost what the tail costs, and nothing of 32 GiB in front of it.

    The closed segments are sparse files (sparse_log.py), which is honest as the server cannot tell them
    from others: their headers, CRCs, indexes and snapshots are valid, verify reads every byte of one and
    finds nothing, and the server itself took the log over, appended to it and wrote its checkpoint. Only
    blocks of the disk are missing, which nothing here counts: what is asserted is the bytes that
    went through read(), holes included, and the pages of the files that anyone has touched."""
    verified = subprocess.run([binary(), "log", "verify", str(large.closed[0])], capture_output=True,
                              text=True, timeout=120)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    read, cached = large.start()
    assert read < MIB
    assert cached == 0
    large.check_what_is_served()


def test_the_counters_see_what_a_start_reads(tmp_path):
    """Without its checkpoint the server knows nothing to be whole: it reads all, and the counters of the
    test above say so."""
    large = LargeLog(tmp_path, 4, 32 * MIB)
    (pathlib.Path(large.server.data_dir) / "recovery-point-offset-checkpoint").unlink()
    try:
        read, cached = large.start()
        assert read >= large.closed_bytes
        assert cached >= large.closed_bytes
        large.check_what_is_served()
    finally:
        large.server.kill()
