"""Snapshots of primary-key tables: what readers are told, what is kept and for how long, and what a
server makes of them that has lost its store, its log or a file of a snapshot."""

import json
import pathlib
import shutil
import time

import pytest

from rows import TABLE_STATS, Table, compact
from strom_server import StromServer
from wire import Client, ServerError, block, fields, number, path

LATEST, METADATA, LIST_SNAPSHOTS = 1023, 1024, 1064
ACQUIRE, RELEASE, DROP = 1056, 1057, 1058
REGISTER, GET_OFFSETS, DELETE_OFFSETS = 1053, 1054, 1055
LIST_OFFSETS = 1021

QUICK = {"kv.snapshot.interval": "300ms", "log.segment.file-size": "4kb"}


@pytest.fixture
def server(tmp_path):
    server = StromServer(tmp_path / "data", {**QUICK, "remote.data.dir": str(tmp_path / "remote")})
    server.start()
    yield server
    if server.process is not None:
        server.stop()


def eventually(check, timeout_s=30.0):
    """The first truth that `check` answers."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = check()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"still {answer!r} after {timeout_s} s")


def latest(client, name, database="raw"):
    """(snapshot id, log offset) of bucket 0, or None."""
    answer = fields(client.call(LATEST, block(1, path(database, name))))
    entry = fields(answer[3][0])
    return (entry[2][0], entry[3][0]) if 2 in entry else None


def files_of(client, table, snapshot):
    """local name -> path"""
    answer = fields(client.call(METADATA, number(1, table.id) + number(3, 0) + number(4, snapshot)))
    pairs = [fields(f) for f in answer[2]]
    return {p[2][0].decode(): p[1][0].decode() for p in pairs}


def snapshot_ids(client, table):
    answer = fields(client.call(LIST_SNAPSHOTS, number(1, table.id)))
    return [fields(entry)[2][0] for entry in answer.get(3, [])]


def wait_for_offset(client, name, offset):
    def check():
        found = latest(client, name)
        return found if found and found[1] >= offset else None
    return eventually(check)


def log_offset(client, table, kind):
    answer = fields(client.call(LIST_OFFSETS, number(1, -1) + number(2, kind) + number(3, table.id)
                                + number(5, 0)))
    return fields(answer[1][0])[4][0]


def row_count(client, table):
    answer = fields(client.call(TABLE_STATS, number(1, table.id) + block(2, number(2, 0))))
    return fields(answer[1][0])[5][0]


def content(table, ids):
    found = table.lookup(*(compact(id, "")[0] for id in ids))
    return dict(zip(ids, found))


def test_a_snapshot_holds_what_was_written_and_names_its_files(server, tmp_path):
    table = Table(server, "orders")
    assert latest(table.client, "orders") is None
    end = table.put([compact(id, f"n{id}") for id in range(1000)])
    snapshot, offset = wait_for_offset(table.client, "orders", end)
    assert offset == end
    files = files_of(table.client, table, snapshot)
    assert {"CURRENT"} < files.keys() and any(name.endswith(".sst") for name in files)
    assert all(pathlib.Path(p).is_file() for p in files.values())
    root = tmp_path / "remote" / "kv" / "raw" / f"orders-{table.id}" / "0"
    document = json.loads((root / f"snap-{snapshot}" / "_METADATA").read_text())
    assert document["log_offset"] == end and document["row_count"] == 1000
    assert {f["local_path"] for part in ("shared_file_handles", "private_file_handles")
            for f in document["kv_snapshot_handle"][part]} == files.keys()
    # Nothing changed, so there is no other one.
    time.sleep(1)
    assert latest(table.client, "orders") == (snapshot, offset)


def test_later_snapshots_share_files_and_old_ones_go(server, tmp_path):
    table = Table(server, "orders")
    seen = []
    for step in range(5):
        end = table.put([compact(id, f"{step}-{id}") for id in range(step * 1000, step * 1000 + 1000)])
        snapshot, _ = wait_for_offset(table.client, "orders", end)
        seen.append((snapshot, files_of(table.client, table, snapshot)))
    ids = [snapshot for snapshot, _ in seen]
    assert ids == sorted(set(ids))
    assert snapshot_ids(table.client, table) == ids[-2:]

    def tables(files):
        return {p for name, p in files.items() if name.endswith(".sst")}
    shared = [tables(a) & tables(b) for (_, a), (_, b) in zip(seen, seen[1:])]
    assert any(shared), "every snapshot copied everything"
    root = tmp_path / "remote" / "kv" / "raw" / f"orders-{table.id}" / "0"

    def swept():
        kept = {p for _, files in seen[-2:] for p in tables(files)}
        return {str(p) for p in (root / "shared").iterdir()} == kept and (
            sorted(p.name for p in root.glob("snap-*")) == sorted(f"snap-{i}" for i in ids[-2:]))
    eventually(swept)
    with pytest.raises(ServerError) as gone:
        files_of(table.client, table, ids[0])
    assert gone.value.code == 41


def test_a_restarted_server_goes_on_with_the_same_files(server):
    table = Table(server, "orders")
    end = table.put([compact(id, "x" * 50) for id in range(2000)])
    first, _ = wait_for_offset(table.client, "orders", end)
    before = files_of(table.client, table, first)
    server.stop()
    server.start()
    table.client = Client(server.port)
    end = table.put([compact(5000, "new")])
    second, _ = wait_for_offset(table.client, "orders", end)
    after = files_of(table.client, table, second)
    reused = {p for p in before.values() if p.split("/")[-2] == "shared"} & set(after.values())
    assert second > first and reused


@pytest.mark.parametrize("lost", ["store", "store and old segments", "bucket"])
def test_what_is_lost_comes_back_from_snapshot_and_log(server, tmp_path, lost):
    table = Table(server, "orders", **{"table.log.ttl": "1ms"} if lost.endswith("segments") else {})
    if lost.endswith("segments"):
        server.settings["log.retention.check-interval"] = "100ms"
        server.stop()
        server.start()
        table.client = Client(server.port)
    for step in range(20):
        end = table.put([compact(id, f"{step}-{id}") for id in range(step, step + 30)])
    # 37 is deleted.
    end = table.put([(compact(37, "")[0], b"")])
    wait_for_offset(table.client, "orders", end)
    if lost.endswith("segments"):
        eventually(lambda: log_offset(table.client, table, 0) > 0)
    if lost != "bucket":
        table.put([compact(100, "behind the snapshot")])
    expected = content(table, range(101))
    count = row_count(table.client, table)
    end = log_offset(table.client, table, 1)
    server.kill()
    data = tmp_path / "data" / "raw" / f"orders-{table.id}"
    shutil.rmtree(data / "kv-0")
    if lost == "bucket":
        shutil.rmtree(data / "log-0")
    server.start()
    table.client = Client(server.port)
    assert content(table, range(101)) == expected
    assert expected[37] is None and expected[36] is not None
    assert row_count(table.client, table) == count
    assert log_offset(table.client, table, 1) == end
    assert table.put([compact(200, "goes on")]) == end + 1
    wait_for_offset(table.client, "orders", end + 1)


def test_a_damaged_store_is_replaced(server, tmp_path):
    table = Table(server, "orders")
    end = table.put([compact(id, f"n{id}") for id in range(100)])
    wait_for_offset(table.client, "orders", end)
    server.stop()
    store = tmp_path / "data" / "raw" / f"orders-{table.id}" / "kv-0"
    (store / "CURRENT").write_text("MANIFEST-999999\n")
    server.start()
    table.client = Client(server.port)
    assert all(v is not None for v in content(table, range(100)).values())
    assert row_count(table.client, table) == 100


def test_a_snapshot_whose_file_is_gone_is_forgotten_and_the_one_before_is_used(server, tmp_path):
    table = Table(server, "orders")
    ends = []
    for step in range(2):
        ends.append(table.put([compact(id, f"{step}") for id in range(50)]))
        last = wait_for_offset(table.client, "orders", ends[-1])
    private = next(p for n, p in files_of(table.client, table, last[0]).items() if n == "CURRENT")
    expected = content(table, range(50))
    server.kill()
    pathlib.Path(private).unlink()
    shutil.rmtree(tmp_path / "data" / "raw" / f"orders-{table.id}" / "kv-0")
    server.start()
    table.client = Client(server.port)
    assert content(table, range(50)) == expected
    assert last[0] not in snapshot_ids(table.client, table)


def test_the_changelog_stays_until_a_snapshot_has_it(tmp_path):
    server = StromServer(tmp_path / "data", {
        **QUICK, "kv.snapshot.interval": "0s", "log.retention.check-interval": "50ms"}).start()
    try:
        table = Table(server, "orders", **{"table.log.ttl": "1ms"})
        for step in range(20):
            table.put([compact(id, f"{step}-{id}") for id in range(30)])
        time.sleep(1)
        assert log_offset(table.client, table, 0) == 0
        server.stop()
        server.settings["kv.snapshot.interval"] = "200ms"
        server.start()
        table.client = Client(server.port)
        assert content(table, [3])[3] is not None
        offset = latest(table.client, "orders")
        eventually(lambda: log_offset(table.client, table, 0) > 0)
        offset = latest(table.client, "orders")[1]
        assert log_offset(table.client, table, 0) <= offset
    finally:
        server.stop()


def test_leases_keep_snapshots_until_they_end(server):
    table = Table(server, "orders")
    client = table.client

    def write(text):
        return wait_for_offset(client, "orders", table.put([compact(1, text)]))[0]

    def lease(name, snapshot, bucket=0, duration=60_000):
        return fields(client.call(ACQUIRE, block(1, name) + number(2, duration) + block(
            3, number(1, table.id) + block(2, number(2, bucket) + number(3, snapshot)))))

    first = write("a")
    assert lease("job-1", first) == {}
    assert lease("job-2", first) == {}
    missing = lease("job-1b", 12345)
    assert fields(fields(missing[1][0])[2][0])[3] == [12345]
    for text in "bcde":
        newest = write(text)
    assert snapshot_ids(client, table)[0] == first and len(snapshot_ids(client, table)) == 3
    assert files_of(client, table, first)
    # One of the two is released, then the server starts again: the other lease holds.
    client.call(RELEASE, block(1, "job-1") + block(2, number(1, table.id) + number(3, 0)))
    server.kill()
    server.start()
    table.client = client = Client(server.port)
    write("f")
    assert first in snapshot_ids(client, table)
    client.call(DROP, block(1, "job-2"))
    client.call(DROP, block(1, "never there"))
    newest = write("g")
    ids = snapshot_ids(client, table)
    assert first not in ids and newest in ids and len(ids) == 2

    for body, code in [
            (block(1, "../up") + number(2, 1000), 63),
            (block(1, "x") + number(2, 0), 63),
            (block(1, "x") + number(2, 1000) + block(3, number(1, 99999) + block(
                2, number(2, 0) + number(3, 0))), 21),
            (block(1, "x") + number(2, 1000) + block(3, number(1, table.id) + block(
                2, number(2, 7) + number(3, 0))), 21)]:
        with pytest.raises(ServerError) as refused:
            client.call(ACQUIRE, body)
        assert refused.value.code == code


def test_leases_expire(tmp_path):
    server = StromServer(tmp_path / "data", {
        **QUICK, "kv.snapshot.lease.expiration-check-interval": "100ms"}).start()
    try:
        table = Table(server, "orders")
        first = wait_for_offset(table.client, "orders", table.put([compact(1, "a")]))[0]
        table.client.call(ACQUIRE, block(1, "job") + number(2, 300) + block(
            3, number(1, table.id) + block(2, number(2, 0) + number(3, first))))

        def gone():
            wait_for_offset(table.client, "orders", table.put([compact(1, "b")]))
            return first not in snapshot_ids(table.client, table)
        eventually(gone)
    finally:
        server.stop()


def test_a_directory_that_cannot_be_written_is_reported_and_writes_go_on(tmp_path):
    (tmp_path / "file").write_text("no directory")
    server = StromServer(tmp_path / "data", {
        **QUICK, "remote.data.dir": str(tmp_path / "file" / "remote")}).start()
    try:
        table = Table(server, "orders")
        table.put([compact(1, "a")])
        eventually(lambda: "strom_kv_snapshots_failed_total 0" not in server.get("/metrics"))
        assert "kv.snapshot_failed" in server.log() and str(tmp_path / "file") in server.log()
        table.put([compact(1, "b")])
        assert content(table, [1])[1] == b"\x01\x00" + compact(1, "b")[1]
        # The way out is to make it a directory.
        (tmp_path / "file").unlink()
        eventually(lambda: latest(table.client, "orders"))
    finally:
        server.stop()


def test_dropping_a_table_deletes_its_snapshots(server, tmp_path):
    table = Table(server, "orders")
    wait_for_offset(table.client, "orders", table.put([compact(1, "a")]))
    root = tmp_path / "remote" / "kv" / "raw" / f"orders-{table.id}"
    assert root.is_dir()
    table.client.call(1006, block(1, path("raw", "orders")) + number(2, 0))
    eventually(lambda: not root.exists())
    with pytest.raises(ServerError) as unknown:
        latest(table.client, "orders")
    assert unknown.value.code == 7
    with pytest.raises(ServerError) as unknown:
        snapshot_ids(table.client, table)
    assert unknown.value.code == 7


def test_snapshots_of_a_log_table_are_refused(server):
    client = Client(server.port)
    client.create_table("raw", "events")
    with pytest.raises(ServerError) as refused:
        latest(client, "events")
    assert refused.value.code == 20


# --- offsets of producers ---


def register(client, producer, table_id, offset, ttl_ms=None):
    body = block(1, producer) + block(2, number(1, table_id) + block(
        2, number(2, 0) + number(4, offset)))
    if ttl_ms is not None:
        body += number(3, ttl_ms)
    return fields(client.call(REGISTER, body))[1][0]


def offsets_of(client, producer):
    answer = fields(client.call(GET_OFFSETS, block(1, producer)))
    if 1 not in answer:
        return None
    tables = [fields(t) for t in answer.get(3, [])]
    return {t[1][0]: [fields(b)[4][0] for b in t.get(2, [])] for t in tables}


def test_the_first_registration_of_a_producer_stays_until_it_expires(server):
    table = Table(server, "orders")
    client = table.client
    assert offsets_of(client, "sink-1") is None
    assert register(client, "sink-1", table.id, 10) == 0
    assert register(client, "sink-1", table.id, 20) == 1
    assert offsets_of(client, "sink-1") == {table.id: [10]}
    server.kill()
    server.start()
    client = Client(server.port)
    assert offsets_of(client, "sink-1") == {table.id: [10]}
    client.call(DELETE_OFFSETS, block(1, "sink-1"))
    client.call(DELETE_OFFSETS, block(1, "sink-1"))
    assert offsets_of(client, "sink-1") is None
    assert register(client, "sink-1", table.id, 30, ttl_ms=1) == 0
    eventually(lambda: register(client, "sink-1", table.id, 40) == 0)
    assert offsets_of(client, "sink-1") == {table.id: [40]}
    for call, code in [(lambda: register(client, "a/b", table.id, 1), 63),
                       (lambda: register(client, "x", 99999, 1), 21),
                       (lambda: register(client, "x", table.id, 1, ttl_ms=0), 63),
                       (lambda: offsets_of(client, ".."), 63)]:
        with pytest.raises(ServerError) as refused:
            call()
        assert refused.value.code == code


def test_kills_while_snapshots_are_taken_lose_nothing(tmp_path):
    """Rounds of kill -9 while rows are written, snapshots are taken and the changelog is deleted behind
    them; every third round the store is lost as well. What was acknowledged is there, and each row
    counts once."""
    import random

    server = StromServer(tmp_path / "data", {
        **QUICK, "kv.snapshot.interval": "50ms", "log.retention.check-interval": "50ms"}).start()
    try:
        table = Table(server, "orders", **{"table.log.ttl": "1ms"})
        acknowledged, sent = {}, {}
        randomness = random.Random(5)
        for round_ in range(12):
            deadline = time.monotonic() + 0.4
            while time.monotonic() < deadline:
                ids = [randomness.randrange(300) for _ in range(30)]
                value = f"{randomness.randrange(1 << 40)}"
                for id in ids:
                    sent.setdefault(id, set()).add(value)
                table.put([compact(id, value) for id in ids])
                for id in ids:
                    acknowledged[id], sent[id] = value, {value}
            server.kill()
            if round_ % 3 == 2:
                shutil.rmtree(tmp_path / "data" / "raw" / f"orders-{table.id}" / "kv-0")
            server.start()
            table.client = Client(server.port)
            found = content(table, acknowledged)
            for id, value in acknowledged.items():
                assert any(found[id] == b"\x01\x00" + compact(id, v)[1] for v in sent[id] | {value}), id
            assert row_count(table.client, table) == len(acknowledged)
        assert log_offset(table.client, table, 0) > 0, "nothing was ever deleted"
        assert latest(table.client, "orders")[0] > 3
    finally:
        server.stop()
