"""A file system that is really full: a tmpfs of a few MiB that the server fills itself. What cannot be
written is not acknowledged, what was acknowledged stays and is read, and with room writes go on."""

import hashlib
import subprocess
import time

import pytest

import wire
from acknowledged import BUCKETS, check_all, start_writers
from strom_server import StromServer, binary
from test_primary_key import Table, compact, kv_batch
from wire import Client, ServerError, make_batch

pytestmark = pytest.mark.heavy

LOG_STORAGE, KV_STORAGE, STORAGE, DISK_WRITE_LOCKED = 10, 11, 26, 70
DROP_TABLE = 1006
MIB = 1 << 20
ROWS = 40_000
# A third of a MiB; its CRC takes this client a while.
LARGE = make_batch(range(ROWS))
SMALL = make_batch([7])


class SmallDisk:
    """A tmpfs; it can grow."""

    def __init__(self, folder, options):
        self.folder = folder
        folder.mkdir()
        self.mount(options)

    def mount(self, options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(self.folder)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            pytest.fail("this test has to mount a tmpfs (as root, or in a container with CAP_SYS_ADMIN): "
                        + done.stderr)

    def grow(self, options="size=64m"):
        self.mount(f"remount,{options}")

    def unmount(self):
        subprocess.run(["umount", str(self.folder)], check=True)


@pytest.fixture
def start(tmp_path):
    """Starts a server on a disk of its own: (disk, server)."""
    disks, servers = [], []

    def on(options, **settings):
        disks.append(SmallDisk(tmp_path / "disk", options))
        server = StromServer(disks[0].folder / "data", {
            "log.fsync": "ack", "log.segment.file-size": "1mb", **settings})
        server.log_path = tmp_path / "server.log"  # on a disk with room
        servers.append(server.start())
        return disks[0], server

    yield on
    for server in servers:
        server.kill()
    for disk in disks:
        disk.unmount()


def refusal(call):
    try:
        call()
    except ServerError as error:
        return error
    return None


def fill(client, table, batch):
    """Appends until it is refused; how many were acknowledged, and the refusal."""
    count = 0
    while (refused := refusal(lambda: client.produce(table, 0, batch))) is None:
        count += 1
    return count, refused


def wait_for_all(writers, count_of, what, timeout_s=60):
    """Until each writer has counted some more."""
    before = [count_of(writer) for writer in writers]
    deadline = time.monotonic() + timeout_s
    while not all(count_of(w) > b + 3 for w, b in zip(writers, before)):
        for writer in writers:
            assert writer.failure is None, repr(writer.failure)
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def acknowledged(writer):
    return len(writer.acknowledged)


def refusals(writer):
    return writer.refusals


class Ballast:
    """A table that fills the disk."""

    def __init__(self, server):
        self.server = server
        self.table = Client(server.port).create_table("full", "ballast")
        self.batches = []

    def fill(self):
        client = Client(self.server.port)
        for batch in (LARGE, SMALL):
            count, refused = fill(client, self.table, batch)
            assert refused.code == LOG_STORAGE, refused
            assert "no space left on device" in refused.message
            assert count > 0 or batch is SMALL
            self.batches += [batch] * count
        client.close()

    def check(self):
        """All of it is there, and nothing else."""
        client, offset = Client(self.server.port), 0
        expected = iter(self.batches)
        rows = sum(ROWS if batch is LARGE else 1 for batch in self.batches)
        while offset < rows:
            records, high_watermark = client.fetch(self.table, 0, offset)
            assert high_watermark == rows
            at = 0
            while at < len(records):
                sent = next(expected)
                assert records[at + 21 : at + len(sent)] == sent[21:]  # behind what the server sets
                at += len(sent)
                offset += ROWS if sent is LARGE else 1
        client.close()


def check_reads(server, table, writers):
    """What was acknowledged so far is read, while the writers go on."""
    client = Client(server.port)
    known = [(writer.bucket, list(writer.acknowledged)) for writer in writers]
    stored = [dict(client.read_all(table, bucket)) for bucket in range(BUCKETS)]
    for bucket, batches in known:
        assert all(stored[bucket].get(base) == ids for base, ids in batches)
    client.close()


def fill_the_journal(server):
    """Makes tables until there is no room to note another; its name."""
    client = Client(server.port)
    for number in range(1000):
        refused = refusal(lambda: client.create_table("full", f"t{number}"))
        if refused is not None:
            assert refused.code == STORAGE and "Nothing was changed" in refused.message, refused
            return f"t{number}"
    raise AssertionError("1,000 tables on a full disk")


@pytest.mark.parametrize("meanwhile", ["stays", "is-killed", "is-stopped"])
def test_a_full_disk_refuses_writes_and_loses_nothing(start, meanwhile):
    disk, server = start("size=24m")
    ballast = Ballast(server)
    table = Client(server.port).create_table("crash", "t", BUCKETS)
    writers = start_writers(server, table, (LOG_STORAGE,))
    wait_for_all(writers, acknowledged, "nothing is acknowledged")
    ballast.fill()
    wait_for_all(writers, refusals, "the writers are not refused")
    ballast.check()
    check_reads(server, table, writers)
    nameless = fill_the_journal(server)
    assert server.get("/health/ready") is not None
    if meanwhile == "is-killed":
        server.kill()
    if meanwhile == "is-stopped":
        # Clean or not, it says why.
        assert server.stop() == 0 or "no space left on device" in server.log().splitlines()[-1]
    if meanwhile != "stays":
        server.start()
        wait_for_all(writers, refusals, "the writers are not refused after the start")
        ballast.check()
        check_reads(server, table, writers)
    at_full = sum(map(acknowledged, writers))
    disk.grow()
    wait_for_all(writers, acknowledged, "nothing is acknowledged with room")
    Client(server.port).create_table("full", nameless)
    # The next process finds the same, and makes anew what there was no room for.
    assert server.stop() == 0
    server.start()
    total = check_all(server, table, writers)
    ballast.check()
    assert server.stop() == 0
    verified = subprocess.run([binary(), "log", "verify", server.data_dir], capture_output=True, text=True,
                              timeout=60)
    assert verified.returncode == 0, verified.stdout
    print(f"\nfull after {len(ballast.batches)} batches of ballast and {at_full} of the writers, "
          f"{sum(map(refusals, writers))} refusals, then {total - at_full} more; all there")


def test_without_room_for_another_file_a_log_waits_for_it(start):
    """A disk may run out of files before it runs out of bytes: then no segment can be begun."""
    disk, server = start("size=64m,nr_inodes=60")
    ballast = Ballast(server)
    ballast.fill()
    ballast.check()
    disk.grow("nr_inodes=1000")
    client = Client(server.port)
    client.produce(ballast.table, 0, LARGE)
    ballast.batches.append(LARGE)
    assert server.stop() == 0
    server.start()
    ballast.check()


def test_a_primary_key_table_on_a_full_disk_keeps_every_acknowledged_row(start):
    """The log or the store may be the first without room; both go on by themselves."""
    disk, server = start("size=8m", **{"kv.rocksdb.writebuffer.size": "256kb"})
    table = Table(server, "t")
    rows, count, refused = {}, 400, None
    while refused is None:
        more = {i: hashlib.sha256(b"%d" % i).hexdigest() for i in range(len(rows), len(rows) + count)}
        batch = kv_batch([compact(*row) for row in more.items()])
        refused = refusal(lambda: table.put(batch=batch))
        if refused is None:
            rows |= more
    assert refused.code in (LOG_STORAGE, KV_STORAGE) and "no space left" in refused.message.lower(), refused
    assert len(rows) > 10 * count

    def check():
        for first in range(0, len(rows), count):
            keys = range(first, first + count)
            found = table.lookup(*(compact(i, rows[i])[0] for i in keys))
            assert all(rows[i].encode() in row for i, row in zip(keys, found))

    check()
    disk.grow()
    deadline = time.monotonic() + 60
    while (still := refusal(lambda: table.put([compact(0, "new")]))) is not None:
        assert time.monotonic() < deadline, still
        time.sleep(0.1)
    rows[0] = "new"
    check()
    assert server.stop() == 0
    server.start()
    table.client = Client(server.port)
    check()


def test_before_the_disk_is_full_a_drop_makes_room(start):
    """What a server does that is not told to fill its disk: it stops early enough to take the statement
    that frees some."""
    _, server = start("size=24m", **{"server.data-disk.write-limit-ratio": "0.6",
                                     "server.data-disk.write-recover-ratio": "0.5",
                                     "server.data-disk.check-interval": "10ms"})
    client = Client(server.port)
    ballast = client.create_table("full", "ballast")
    other = client.create_table("full", "other")
    count, refused = fill(client, ballast, LARGE)
    assert count > 10 and refused.code == DISK_WRITE_LOCKED, refused
    assert refusal(lambda: client.produce(other, 0, SMALL)).code == DISK_WRITE_LOCKED
    assert client.fetch(ballast, 0, 0)[0]
    client.call(DROP_TABLE, wire.block(1, wire.path("full", "ballast")) + wire.number(2, 0))
    deadline = time.monotonic() + 60
    while refusal(lambda: client.produce(other, 0, SMALL)) is not None:
        assert time.monotonic() < deadline, "refused with room"
        time.sleep(0.01)
    client.close()
