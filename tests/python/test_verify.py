"""`strom log verify` finds each kind of damage, names the file and says what to do; nothing of it
brings it down. The data are those of a server: segments, indexes, column ranges, writer snapshots,
checkpoints, the store of a primary-key table."""

import pathlib
import shutil
import struct
import subprocess

import pytest

import wire
from test_primary_key import Table, compact
from strom_server import StromServer, binary

TABLE = ("verify", "t")
BATCHES = 400
SOUND, DAMAGED, USAGE = 0, 4, 2


def verify(path):
    return subprocess.run([binary(), "log", "verify", str(path)], capture_output=True, text=True, timeout=60)


def filtered_fetch(table, offset):
    """A fetch of rows with id = 0, which makes the server compute column ranges."""
    literal = wire.number(1, 4) + wire.number(2, 0) + wire.number(5, 0)
    leaf = wire.number(1, 0) + wire.number(2, 0) + wire.block(3, literal)
    inner = (wire.number(1, table) + wire.number(2, 0)
             + wire.block(4, wire.number(2, 0) + wire.number(3, offset) + wire.number(4, 1 << 20))
             + wire.block(5, wire.number(1, 0) + wire.block(2, leaf)) + wire.number(6, 1))
    return wire.number(1, -1) + wire.number(2, 1 << 20) + wire.block(3, inner)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A data directory as a server left it, with every kind of file."""
    server = StromServer(tmp_path_factory.mktemp("verify") / "data", {"log.segment.file-size": "20kb"})
    server.start()
    client = wire.Client(server.port)
    table = client.create_table(*TABLE)
    writer = client.init_writer(*TABLE)
    for i in range(BATCHES):
        client.produce(table, 0, wire.make_batch([2 * i, 2 * i + 1], writer, i))
    offset = 0
    while offset < 2 * BATCHES:
        entry = wire.fields(wire.fields(wire.fields(
            client.call(wire.FETCH_LOG, filtered_fetch(table, offset)))[1][0])[2][0])
        following = entry.get(9, [None])[0] or max(
            (end for _, _, end in wire.parse_batches(entry[8][0])), default=None)
        assert following > offset
        offset = following
    # Its log is one segment without writers, and kv-0 lies beside it.
    Table(server, "upserts").put([compact(i, "name") for i in range(100)])
    assert server.stop() == 0
    return pathlib.Path(server.data_dir)


class Data:
    """A copy to be damaged."""

    def __init__(self, root):
        self.root = root
        (self.bucket,) = root.glob(f"{TABLE[0]}/{TABLE[1]}-*/log-0")
        self.bases = sorted(int(p.stem) for p in self.bucket.glob("*.log"))
        assert len(self.bases) >= 4

    def file(self, segment, suffix):
        return self.bucket / f"{self.bases[segment]:020}{suffix}"

    def snapshot(self):
        return sorted(self.bucket.glob("*.writer_snapshot"))[-1]

    def checkpoint(self, kind):
        return self.root / f"{kind}-checkpoint"


@pytest.fixture
def data(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "data")
    return Data(tmp_path / "data")


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    return path


def batch_at(path, number):
    """Where the batch with this number begins."""
    content, at = path.read_bytes(), 0
    for _ in range(number):
        at += 12 + struct.unpack_from("<i", content, at + 8)[0]
    return at


def cut(path, to):
    with open(path, "r+b") as file:
        file.truncate(to)
    return path


def append(path, data):
    with open(path, "ab") as file:
        file.write(data)
    return path


def put(path, data):
    path.write_bytes(data)
    return path


def remove(path):
    path.unlink()
    return path


def rename(path, name):
    path.rename(path.with_name(name))
    return path.with_name(name)


def double_batch(data):
    path = data.file(1, ".log")
    content = path.read_bytes()
    size = batch_at(path, 1)
    return put(path, content[:size] + content)


def swap_batches(data):
    path = data.file(1, ".log")
    content, first, second = path.read_bytes(), batch_at(path, 1), batch_at(path, 2)
    return put(path, content[first:second] + content[:first] + content[second:])


def remove_batch(data):
    path = data.file(1, ".log")
    content, first, second = path.read_bytes(), batch_at(path, 1), batch_at(path, 2)
    return put(path, content[:first] + content[second:])


def lose_segment(data, segment, suffixes):
    for suffix in suffixes:
        data.file(segment, suffix).unlink(missing_ok=True)


def lose_whole_segment(data):
    lose_segment(data, 1, (".log", ".index", ".timeindex", ".ranges"))
    return data.file(2, ".log")  # behind the gap


def lose_log_of_first(data):
    lose_segment(data, 0, (".log",))
    return data.file(0, ".index")


def lose_last_segment(data):
    lose_segment(data, -1, (".log", ".index", ".timeindex", ".ranges"))
    return data.checkpoint("recovery-point-offset")


def lose_bucket(data):
    shutil.rmtree(data.bucket)
    return data.checkpoint("high-watermark")


def exchange_segments(data):
    one, other = data.file(1, ".log"), data.file(2, ".log")
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return one


def snapshot_beyond_the_end(data):
    shutil.copy(data.snapshot(), data.bucket / f"{10 * BATCHES:020}.writer_snapshot")
    return data.bucket / f"{10 * BATCHES:020}.writer_snapshot"


def snapshot_of_too_few(data):
    """Names itself the state at an offset in front of what it holds."""
    path = data.bucket / f"{data.bases[1]:020}.writer_snapshot"
    newest = data.snapshot()
    assert newest != path
    return put(path, newest.read_bytes())


def snapshot_of_long_ago(data):
    path = data.bucket / f"{data.bases[1]:020}.writer_snapshot"
    return put(data.snapshot(), path.read_bytes())


def snapshot_of_another_sequence(data):
    text = data.snapshot().read_text()
    assert text.count(f'"last_batch_sequence":{BATCHES - 1},') == 1
    return put(data.snapshot(), text.replace(f'_sequence":{BATCHES - 1},', f'_sequence":{BATCHES - 2},').encode())


def lose_snapshots(data):
    for path in data.bucket.glob("*.writer_snapshot"):
        path.unlink()
    return data.bucket / f"{data.bases[-1]:020}.writer_snapshot"


def rename_bucket(data):
    data.bucket.rename(data.bucket.with_name("log-0.old"))
    return data.bucket.with_name("log-0.old")


def offset_in(path, offset):
    lines = path.read_text().splitlines()
    words = lines[2].split()
    lines[2] = " ".join(words[:-1] + [str(offset)])
    path.write_text("\n".join(lines) + "\n")
    return path


RESTORE, INDEX, START = "from a backup", "is made anew from the segment", "The next start cuts"
RANGES, SNAPSHOT, CHECKPOINT = "when a filter wants it", "learned from the batches", "from their beginning"
NAME = "move it away"
# What is done -> a function that does it and returns the file that must be named; what to do.
KINDS = {
    "a bit in a base offset": (lambda d: flip(d.file(1, ".log"), 0), RESTORE),
    "a bit in a length": (lambda d: flip(d.file(1, ".log"), 9), RESTORE),
    "a bit in a magic": (lambda d: flip(d.file(1, ".log"), 12), RESTORE),
    "a bit in a timestamp": (lambda d: flip(d.file(1, ".log"), batch_at(d.file(1, ".log"), 3) + 17), RESTORE),
    "a bit in a CRC": (lambda d: flip(d.file(1, ".log"), 21), RESTORE),
    "a bit in a record count": (lambda d: flip(d.file(1, ".log"), 44), RESTORE),
    "a bit in records": (lambda d: flip(d.file(1, ".log"), batch_at(d.file(1, ".log"), 3) - 2), RESTORE),
    "a bit in the last segment": (lambda d: flip(d.file(-1, ".log"), 100), RESTORE),
    "a torn tail": (lambda d: cut(d.file(-1, ".log"), d.file(-1, ".log").stat().st_size - 5), START),
    "a tail of zeros": (lambda d: append(d.file(-1, ".log"), bytes(300)), START),
    "a closed segment cut off": (lambda d: cut(d.file(1, ".log"), batch_at(d.file(1, ".log"), 4) - 7), RESTORE),
    "a closed segment cut between batches": (lambda d: (cut(d.file(1, ".log"), batch_at(d.file(1, ".log"), 4)),
                                                        d.file(2, ".log"))[1], RESTORE),
    "a doubled batch": (double_batch, RESTORE),
    "doubled bytes": (lambda d: append(d.file(1, ".log"), d.file(1, ".log").read_bytes()), RESTORE),
    "exchanged batches": (swap_batches, RESTORE),
    "a missing batch": (remove_batch, RESTORE),
    "exchanged segments": (exchange_segments, RESTORE),
    "a missing segment": (lambda d: (remove(d.file(1, ".log")), d.file(1, ".index"))[1], RESTORE),
    "a missing segment with all its files": (lose_whole_segment, RESTORE),
    "a missing first segment": (lose_log_of_first, RESTORE),
    "a missing last segment": (lose_last_segment, RESTORE),
    "a missing bucket": (lose_bucket, RESTORE),
    "an empty segment": (lambda d: (cut(d.file(1, ".log"), 0), d.file(2, ".log"))[1], RESTORE),
    "a bit in an index": (lambda d: flip(d.file(1, ".index"), 7), INDEX),
    "a bit in an index's offset": (lambda d: flip(d.file(1, ".index"), 3), INDEX),
    "an index of half an entry": (lambda d: cut(d.file(1, ".index"), 5), INDEX),
    "an index without its last entry": (lambda d: cut(d.file(1, ".index"),
                                                      d.file(1, ".index").stat().st_size - 8), INDEX),
    "an index without entries": (lambda d: cut(d.file(1, ".index"), 0), INDEX),
    "an index of garbage": (lambda d: put(d.file(1, ".index"), bytes(range(64))), INDEX),
    "an index of zeros": (lambda d: put(d.file(1, ".index"), bytes(64)), INDEX),
    "another segment's index": (lambda d: put(d.file(1, ".index"), d.file(1, ".index").read_bytes()
                                              + d.file(2, ".index").read_bytes()), INDEX),
    "a bit in a time index": (lambda d: flip(d.file(1, ".timeindex"), 7), INDEX),
    "a time index of half an entry": (lambda d: cut(d.file(1, ".timeindex"), 9), INDEX),
    "a time index without entries": (lambda d: cut(d.file(1, ".timeindex"), 0), INDEX),
    "a time index of garbage": (lambda d: put(d.file(1, ".timeindex"), bytes(range(96))), INDEX),
    "a missing index": (lambda d: remove(d.file(1, ".index")), INDEX),
    "a missing time index": (lambda d: remove(d.file(1, ".timeindex")), INDEX),
    "a bit in column ranges": (lambda d: flip(d.file(1, ".ranges"), 30), RANGES),
    "column ranges cut off": (lambda d: cut(d.file(1, ".ranges"), 40), RANGES),
    "empty column ranges": (lambda d: cut(d.file(1, ".ranges"), 0), RANGES),
    "column ranges of garbage": (lambda d: put(d.file(1, ".ranges"), b"STROMCR1" + bytes(100)), RANGES),
    "column ranges without their segment": (lambda d: put(d.bucket / f"{7:020}.ranges", b""), RESTORE),
    "a torn writer snapshot": (lambda d: cut(d.snapshot(), 30), SNAPSHOT),
    "an empty writer snapshot": (lambda d: cut(d.snapshot(), 0), SNAPSHOT),
    "a writer snapshot of garbage": (lambda d: put(d.snapshot(), b"\0\xff" * 50), SNAPSHOT),
    "a writer snapshot of another version": (lambda d: put(d.snapshot(), d.snapshot().read_bytes().replace(
        b'"version":1', b'"version":9')), SNAPSHOT),
    "a writer snapshot beyond the end": (snapshot_beyond_the_end, SNAPSHOT),
    "a writer snapshot with more than it covers": (snapshot_of_too_few, SNAPSHOT),
    "a writer snapshot of long ago": (snapshot_of_long_ago, SNAPSHOT),
    "a writer snapshot of another sequence": (snapshot_of_another_sequence, SNAPSHOT),
    "missing writer snapshots": (lose_snapshots, SNAPSHOT),
    "a recovery point beyond the end": (lambda d: offset_in(d.checkpoint("recovery-point-offset"), 1 << 20),
                                        CHECKPOINT),
    "a high watermark beyond the end": (lambda d: offset_in(d.checkpoint("high-watermark"), 2 * BATCHES + 1),
                                        CHECKPOINT),
    "a checkpoint of garbage": (lambda d: put(d.checkpoint("recovery-point-offset"), b"\xff\0\n"), CHECKPOINT),
    "a torn checkpoint": (lambda d: cut(d.checkpoint("high-watermark"), 3), CHECKPOINT),
    "a misnamed segment": (lambda d: rename(d.file(1, ".log"), "123.log"), NAME),
    "a segment of another offset": (lambda d: rename(d.file(1, ".log"), f"{d.bases[1] + 1:020}.log"), RESTORE),
    "a misnamed index": (lambda d: rename(d.file(1, ".index"), f"{d.bases[1]:020}.idx"), NAME),
    "a file that is none of a log": (lambda d: put(d.bucket / "notes.txt", b"hello"), NAME),
    "a misnamed bucket": (rename_bucket, NAME),
}


def kinds(*remedies):
    """Those that say one of these; all without any."""
    chosen = [kind for kind in KINDS if not remedies or KINDS[kind][1] in remedies]
    return pytest.mark.parametrize("kind", chosen, ids=lambda kind: kind.replace(" ", "-"))


def test_sound_data_have_every_kind_of_file_and_no_problem(data):
    for suffix in (".log", ".index", ".timeindex", ".ranges", ".writer_snapshot"):
        assert list(data.bucket.glob(f"*{suffix}")), f"no {suffix}"
    assert list(data.root.glob("raw/upserts-*/kv-0/*.log")), "no write-ahead log of a store"
    for kind in ("recovery-point-offset", "high-watermark"):
        assert f" {2 * BATCHES}\n" in data.checkpoint(kind).read_text()
    result = verify(data.root)
    assert result.returncode == SOUND, result.stdout
    assert f"{len(data.bases) + 1} segments, {BATCHES + 1} batches, {2 * BATCHES + 100} records" in result.stdout
    assert "no problem found" in result.stdout
    # Leftovers of deletions are none, and neither are column ranges that nobody has wanted yet.
    (data.bucket / f"{7:020}.log.deleted").write_bytes(b"")
    data.file(1, ".ranges").unlink()
    assert verify(data.root).returncode == SOUND
    assert verify(str(data.root) + "/").returncode == SOUND


def test_what_a_killed_server_leaves_is_no_damage(sound, tmp_path):
    """A log that was being written: no indexes of the active segment, old checkpoints."""
    shutil.copytree(sound, tmp_path / "data")
    server = StromServer(tmp_path / "data", {"log.segment.file-size": "20kb"})
    server.start()
    client = wire.Client(server.port)
    table = wire.fields(client.call(wire.TABLE_INFO, wire.block(1, wire.path(*TABLE))))[1][0]
    writer = client.init_writer(*TABLE)
    for i in range(BATCHES // 4):
        client.produce(table, 0, wire.make_batch([i], writer, i))
    server.kill()
    result = verify(tmp_path / "data")
    assert result.returncode == SOUND, result.stdout


@kinds()
def test_finds(data, kind):
    damage, remedy = KINDS[kind]
    path = damage(data)
    result = verify(data.root)
    assert result.returncode == DAMAGED, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    named = [i for i, line in enumerate(lines) if line.startswith(f"{path}: byte ")]
    assert named, result.stdout
    assert any(remedy in lines[i + 1] for i in named), result.stdout
    assert lines[-1].endswith("problems") or lines[-1].endswith(" 1 problem")


@kinds()
def test_a_bucket_alone_can_be_looked_at(data, kind):
    """The same without the data directory around it, for what lies in the bucket."""
    damage, _ = KINDS[kind]
    path = damage(data)
    # A snapshot that covers more than there is tells of a lost end as well as a checkpoint.
    expected = DAMAGED if path.parent == data.bucket or kind == "a missing last segment" else SOUND
    bucket = data.bucket if data.bucket.exists() else data.bucket.parent
    if path == data.bucket.with_name("log-0.old"):
        bucket, expected = path, SOUND  # a copy may have any name
    assert verify(bucket).returncode == expected


@kinds(INDEX, RANGES, SNAPSHOT)
def test_the_remedy_makes_it_whole(data, kind):
    """What a server can make anew: the file is deleted, the server started and read, and all is well."""
    KINDS[kind][0](data)
    for line in verify(data.root).stdout.splitlines():
        if ": byte " in line:
            pathlib.Path(line.split(": byte ")[0]).unlink(missing_ok=True)
    server = StromServer(data.root, {"log.segment.file-size": "20kb"})
    server.start()
    client = wire.Client(server.port)
    table = wire.fields(client.call(wire.TABLE_INFO, wire.block(1, wire.path(*TABLE))))[1][0]
    assert [i for _, ids in client.read_all(table, 0) for i in ids] == list(range(2 * BATCHES))
    assert server.stop() == 0
    result = verify(data.root)
    assert result.returncode == SOUND, result.stdout


def test_what_is_not_there_is_wrong_usage(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path / f"{0:020}.log"):
        result = verify(path)
        assert result.returncode == USAGE
        assert str(path) in result.stderr
    assert subprocess.run([binary(), "log", "verify"], capture_output=True, timeout=60).returncode == USAGE
