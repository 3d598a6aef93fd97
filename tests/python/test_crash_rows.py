"""kill -9 under writes to primary-key tables: the table is what its changelog comes to, nothing
acknowledged is lost, no change is made twice, row counts are right and numbers are given once."""

import random
import struct
import threading
import time

import pytest

import wire
from rows import PUT_KV, SCAN_KV, TABLE_STATS, Table, kv_batch
from wire import Client, ServerError, block, fields, number

WRITERS = 4
BUCKETS = 2
KEYS = 40  # of each writer
INSERT, BEFORE, AFTER, DELETE = 1, 2, 3, 4


def encode(key, name):
    id = wire.varint(key)
    if name is None:
        return id, b""
    # Of (id, name, number) the number is null: the server fills it in.
    return id, b"\x04" + id + wire.varint(len(name)) + name.encode()


class Writer(threading.Thread):
    """Upserts and deletes its own keys; a batch is sent again until it is acknowledged."""

    def __init__(self, server, table, number_, numbered):
        super().__init__(daemon=True)
        self.server = server
        self.table_id = table.id
        self.bucket = number_ % BUCKETS
        self.number = number_
        self.targets = (0, 1) if numbered else ()
        self.state = {}     # key: name, None when it was deleted
        self.values = set()  # all that were acknowledged, deletes apart
        self.stopping = threading.Event()
        self.failure = None

    def run(self):
        try:
            self.write()
        except Exception as error:  # reported by the test
            self.failure = error

    def write(self):
        chooser = random.Random(self.number)
        client = writer_id = None
        sequence = 0
        while not self.stopping.is_set() or client is None:
            changes = {}
            for _ in range(5):
                key = self.number * 1000 + chooser.randrange(KEYS)
                changes[key] = f"{self.number}.{sequence}.{key}" if chooser.random() < 0.7 else None
            while True:
                try:
                    if client is None:
                        client = Client(self.server.port, timeout_s=10)
                    if writer_id is None:
                        writer_id = client.init_writer("raw", "t")
                    self.put(client, changes, writer_id, sequence)
                    break
                except (OSError, ConnectionError):
                    client = None
                    time.sleep(0.005)
            self.state.update(changes)
            self.values.update(name for name in changes.values() if name is not None)
            sequence += 1

    def put(self, client, changes, writer_id, sequence):
        batch = kv_batch([encode(*change) for change in changes.items()], writer=writer_id, sequence=sequence)
        answer = fields(client.call(
            PUT_KV, number(1, -1) + number(2, self.table_id) + number(3, 10_000)
            + b"".join(number(4, t) for t in self.targets)
            + block(5, number(2, self.bucket) + block(3, batch)), version=2))
        entry = fields(answer[1][0])
        if 3 in entry:
            raise ServerError(entry[3][0], entry[4][0].decode())


def scan(client, table_id, bucket):
    """key: (name, number) of a whole bucket."""
    rows = {}
    body = block(2, number(1, table_id) + number(3, bucket))
    call = 0
    while True:
        answer = fields(client.call(SCAN_KV, body + number(3, call) + number(4, 1 << 16)))
        assert 1 not in answer, answer
        for record in records_of(answer.get(5, [b""])[0]):
            key, row = decode(record[2:])
            assert key not in rows, "a scan gave a key twice"
            rows[key] = row
        if answer.get(4, [0]) == [0]:
            return rows
        body = block(1, answer[3][0])
        call += 1


def records_of(batch):
    if not batch:
        return
    (count,) = struct.unpack_from("<i", batch, 5)
    at = 9
    for _ in range(count):
        (size,) = struct.unpack_from("<i", batch, at)
        yield batch[at + 4:at + 4 + size]
        at += 4 + size


def decode(row):
    """(key, (name, number)) of a stored row."""
    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = row[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    at = 1
    key = read()
    name = identity = None
    if not row[0] & 2:
        size = read()
        name = row[at:at + size].decode()
        at += size
    if not row[0] & 4:
        identity = read()
    return key, (name, identity)


def fold(changes, numbered, owners):
    """The table that a changelog comes to, and the names that it gave; checks each change."""
    rows, names, before = {}, [], None
    for change, key, row in changes:
        if change in (BEFORE, DELETE):
            assert rows.get(key) == row, f"a change of {row}, but there is {rows.get(key)}"
            if change == DELETE:
                del rows[key]
            else:
                before = (key, row)
            continue
        assert (change == INSERT) == (before is None), "an update without its old row"
        if change == INSERT:
            assert key not in rows, f"{key} is there already"
            if numbered:
                assert owners.setdefault(row[1], key) == key, f"{key} has the number of {owners[row[1]]}"
        else:
            assert before[0] == key and (not numbered or before[1][1] == row[1]), "an update of another row"
            before = None
        rows[key] = row
        if row[0] is not None:
            names.append(row[0])
    assert before is None
    assert len(names) == len(set(names)), "a change was made twice"
    return rows, set(names)


@pytest.mark.parametrize("numbered", [False, True], ids=["plain", "auto-increment"])
@pytest.mark.parametrize("rounds", [15, pytest.param(1000, marks=pytest.mark.heavy)])
def test_kill_loses_and_doubles_no_change(own_server, rounds, numbered):
    properties = {"table.log.arrow.compression.type": "NONE"}
    if numbered:
        properties["table.auto-increment.cache-size"] = "50"
    table = Table(own_server, "t", buckets=BUCKETS, numbered=numbered, **properties)
    writers = [Writer(own_server, table, n, numbered) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    chooser = random.Random(rounds)
    for _ in range(rounds):
        time.sleep(chooser.uniform(0.02, 0.25))
        own_server.kill()
        own_server.start()
    time.sleep(0.2)
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(30)
        assert writer.failure is None, repr(writer.failure)
        assert not writer.is_alive()

    client = Client(own_server.port)
    owners, total = {}, 0
    for bucket in range(BUCKETS):
        rows, names = fold(client.read_changes(table.id, bucket), numbered, owners)
        assert scan(client, table.id, bucket) == rows
        stats = fields(client.call(TABLE_STATS, number(1, table.id) + block(2, number(2, bucket))))
        assert fields(stats[1][0])[5] == [len(rows)]
        if numbered:
            assert all(identity is not None for _, identity in rows.values())
        for writer in writers:
            if writer.bucket != bucket:
                continue
            assert writer.values <= names, "acknowledged and lost"
            for key, name in writer.state.items():
                assert rows.get(key, (None, None))[0] == name
            total += len(writer.values)
    assert total > rounds
    print(f"\n{rounds} kills, {total} acknowledged upserts, all there")
