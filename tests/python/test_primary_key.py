"""What users do with primary-key tables, driven by the real Python client."""

import datetime
import decimal
import os
import random
import re
import struct
import time

import fluss
import pyarrow as pa
import pytest

import wire
from conftest import connect, run
from helpers import DATABASE, poll_rows
from rows import LIMIT_SCAN, LOOKUP, PREFIX_LOOKUP, PUT_KV, SCAN_KV, TABLE_STATS, Table, compact, kv_batch
from wire import Client, ServerError, block, fields, number

ROWS = pa.schema([("id", pa.int64()), ("name", pa.string()), ("score", pa.int32())])

# Each allowed type as a key column: Arrow type and some values.
KEY_TYPES = {
    "boolean": (pa.bool_(), [True, False]),
    "tinyint": (pa.int8(), [-128, 0, 127]),
    "smallint": (pa.int16(), [-32768, 5, 32767]),
    "int": (pa.int32(), [-(2**31), -1, 0, 2**31 - 1]),
    "bigint": (pa.int64(), [-(2**63), -1, 0, 2**63 - 1]),
    "string": (pa.string(), ["", "a", "Fluß 河"]),
    "bytes": (pa.binary(), [b"", b"\x00\xff"]),
    "decimal": (pa.decimal128(10, 2), [decimal.Decimal("-1.50"), decimal.Decimal("99999999.99")]),
    "date": (pa.date32(), [datetime.date(1970, 1, 1), datetime.date(2262, 4, 11)]),
    "timestamp": (pa.timestamp("us"), [datetime.datetime(2020, 1, 2, 3, 4, 5, 678901)]),
}


async def make_keyed(connection, name, schema=ROWS, keys=("id",), buckets=1, **descriptor):
    admin = connection.get_admin()
    await admin.create_database(DATABASE, ignore_if_exists=True)
    path = fluss.TablePath(DATABASE, name)
    await admin.create_table(path, fluss.TableDescriptor(
        fluss.Schema(schema, primary_keys=list(keys)), bucket_count=buckets, **descriptor))
    return await connection.get_table(path)


async def upsert(table, *rows, columns=None):
    builder = table.new_upsert()
    if columns:
        builder = builder.partial_update_by_name(columns)
    writer = builder.create_writer()
    for row in rows:
        writer.upsert(row)
    await writer.flush()


async def delete(table, *keys):
    writer = table.new_upsert().create_writer()
    for key in keys:
        writer.delete(key)
    await writer.flush()


async def lookup(table, key):
    return await table.new_lookup().create_lookuper().lookup(key)


async def changelog(table, count):
    scanner = await table.new_scan().create_log_scanner()
    scanner.subscribe_buckets(
        {b: fluss.EARLIEST_OFFSET for b in range(table.get_table_info().num_buckets)})
    return [(str(r.change_type), r.row) for r in await poll_rows(scanner, count)]


def row(id, name=None, score=None):
    return {"id": id, "name": name, "score": score}


def test_upserts_updates_and_deletes_are_looked_up_and_logged(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_keyed(connection, table_name)
        await upsert(table, row(1, "a", 10), row(2, "b", 20))
        await upsert(table, row(1, "A", 11))
        await delete(table, {"id": 2}, {"id": 3})
        assert await lookup(table, {"id": 1}) == row(1, "A", 11)
        assert await lookup(table, {"id": 2}) is None
        assert await lookup(table, {"id": 3}) is None
        assert await changelog(table, 5) == [
            ("+I", row(1, "a", 10)), ("+I", row(2, "b", 20)), ("-U", row(1, "a", 10)),
            ("+U", row(1, "A", 11)), ("-D", row(2, "b", 20))]
    run(body())


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_every_type_is_a_key_and_a_value(shared_server, table_name, kind):
    type_, values = KEY_TYPES[kind]

    async def body():
        connection = await connect(shared_server)
        schema = pa.schema([("k", type_), ("n", pa.int32()), ("v", type_)])
        table = await make_keyed(connection, table_name, schema, keys=("k", "n"), buckets=3)
        rows = [{"k": value, "n": n, "v": other}
                for n, value in enumerate(values) for other in [values[-1 - n]]]
        rows.append({"k": values[0], "n": 99, "v": None})
        await upsert(table, *rows)
        for each in rows:
            assert await lookup(table, {"k": each["k"], "n": each["n"]}) == each
        logged = await changelog(table, len(rows))
        assert all(change == "+I" for change, _ in logged)
        assert sorted(map(repr, (r for _, r in logged))) == sorted(map(repr, rows))
    run(body())


def test_partial_updates_touch_their_columns_only(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_keyed(connection, table_name)
        await upsert(table, {"id": 1, "name": "a"}, columns=["id", "name"])
        await upsert(table, {"id": 1, "score": 7}, columns=["id", "score"])
        assert await lookup(table, {"id": 1}) == row(1, "a", 7)
        await upsert(table, {"id": 1, "name": None}, columns=["id", "name"])
        assert await lookup(table, {"id": 1}) == row(1, None, 7)
        assert [change for change, _ in await changelog(table, 5)] == ["+I", "-U", "+U", "-U", "+U"]
    run(body())


def test_prefix_lookups_give_all_rows_of_a_bucket_key(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        schema = pa.schema([("a", pa.int32()), ("b", pa.string()), ("v", pa.int64())])
        table = await make_keyed(connection, table_name, schema, keys=("a", "b"), buckets=4,
                                 bucket_keys=["a"])
        rows = [{"a": a, "b": f"b{b}", "v": a * 100 + b} for a in range(20) for b in range(5)]
        await upsert(table, *rows)
        lookuper = table.new_lookup().lookup_by(["a"]).create_lookuper()
        for a in (0, 7, 19):
            found = await lookuper.lookup({"a": a})
            assert sorted(r["b"] for r in found) == [f"b{b}" for b in range(5)]
            assert all(r["v"] // 100 == a for r in found)
        assert list(await lookuper.lookup({"a": 20})) == []
    run(body())


def test_first_row_keeps_the_first(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_keyed(connection, table_name,
                                 properties={"table.merge-engine": "first_row"})
        await upsert(table, row(1, "first", 1))
        await upsert(table, row(1, "second", 2), row(2, "other", 3))
        await delete(table, {"id": 1})  # ignored by default
        assert await lookup(table, {"id": 1}) == row(1, "first", 1)
        assert await changelog(table, 2) == [("+I", row(1, "first", 1)), ("+I", row(2, "other", 3))]
    run(body())


def test_versioned_keeps_the_newest(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_keyed(connection, table_name, properties={
            "table.merge-engine": "versioned",
            "table.merge-engine.versioned.ver-column": "score"})
        await upsert(table, row(1, "old", 5), row(1, "older", 4), row(1, "new", 6), row(1, "tie", 6))
        assert await lookup(table, {"id": 1}) == row(1, "tie", 6)
    run(body())


def test_wal_image_logs_no_row_before(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_keyed(connection, table_name,
                                 properties={"table.changelog.image": "WAL"})
        await upsert(table, row(1, "a", 1))
        await upsert(table, row(1, "b", 2))
        await delete(table, {"id": 1})
        assert await changelog(table, 3) == [
            ("+U", row(1, "a", 1)), ("+U", row(1, "b", 2)), ("-D", row(1, "b", 2))]
    run(body())


def test_rows_outlive_stop_and_kill(own_server, table_name):
    expected = {}

    async def write(step):
        connection = await connect(own_server)
        if step == 0:
            table = await make_keyed(connection, table_name, buckets=3)
        else:
            table = await connection.get_table(fluss.TablePath(DATABASE, table_name))
        for id in random.Random(step).sample(range(300), 200):
            expected[id] = row(id, f"step {step}", id * step)
        await upsert(table, *(r for r in expected.values() if r and r["name"] == f"step {step}"))
        gone = [id for id in expected if id % 7 == step]
        await delete(table, *({"id": id} for id in gone))
        for id in gone:
            expected[id] = None

    async def check():
        connection = await connect(own_server)
        table = await connection.get_table(fluss.TablePath(DATABASE, table_name))
        lookuper = table.new_lookup().create_lookuper()
        for id in random.Random(9).sample(sorted(expected), 40):
            assert await lookuper.lookup({"id": id}) == expected[id]

    for step in range(4):
        run(write(step))
        if step % 2:
            own_server.stop()
        else:
            own_server.kill()
        own_server.start()
        run(check())


def test_a_lost_store_is_built_again_from_the_changelog(own_server, table_name, tmp_path):
    import shutil

    async def write():
        connection = await connect(own_server)
        table = await make_keyed(connection, table_name)
        await upsert(table, *(row(id, f"n{id}", id) for id in range(500)))
        await delete(table, *({"id": id} for id in range(0, 500, 5)))

    async def check():
        connection = await connect(own_server)
        table = await connection.get_table(fluss.TablePath(DATABASE, table_name))
        for id in (0, 1, 5, 499):
            expected = None if id % 5 == 0 else row(id, f"n{id}", id)
            assert await lookup(table, {"id": id}) == expected

    run(write())
    own_server.stop()
    stores = list((tmp_path / "data").rglob("kv-0"))
    assert stores
    for store in stores:
        shutil.rmtree(store)
    own_server.start()
    run(check())


# --- what clients do not let users do, by hand ---

def signed(code):
    return code - (1 << 64) if code >= 1 << 63 else code


@pytest.mark.parametrize("case, code, names", [
    ("unknown schema id", 9, "schema 7"),
    ("schema id zero", 9, "schema 0"),
    ("target columns without the key", 35, "id"),
    ("target column out of range", 35, "9"),
    ("wrong crc", 3, "checksum"),
    ("bytes behind the batch", 3, ""),
    ("row that is cut off", 14, ""),
    ("null in the key column", 14, ""),
    ("key too long", 13, "key"),
    ("empty key", 14, "key"),
])
def test_bad_writes_name_the_rule_and_leave_the_bucket_as_it_was(shared_server, table_name, case, code, names):
    table = Table(shared_server, table_name)
    good = compact(1, "one")
    assert table.put([good]) == 1
    key, bytes_ = compact(2, "two")
    targets, batch = (), None
    if case == "unknown schema id":
        batch = kv_batch([(key, bytes_)], schema=7)
    elif case == "schema id zero":
        batch = kv_batch([(key, bytes_)], schema=0)
    elif case == "target columns without the key":
        batch, targets = kv_batch([(key, bytes_)]), (1,)
    elif case == "target column out of range":
        batch, targets = kv_batch([(key, bytes_)]), (0, 9)
    elif case == "wrong crc":
        batch = bytearray(kv_batch([(key, bytes_)]))
        batch[-1] ^= 1
        batch = bytes(batch)
    elif case == "bytes behind the batch":
        batch = kv_batch([(key, bytes_)]) + b"x"
    elif case == "row that is cut off":
        batch = kv_batch([(key, bytes_), (key, bytes_[:-1])])
    elif case == "null in the key column":
        batch = kv_batch([(key, bytes_), (key, b"\x01" + bytes_[1:])])
    elif case == "key too long":
        batch = kv_batch([(b"k" * (1 << 21), bytes_)])
    elif case == "empty key":
        batch = kv_batch([(b"", bytes_)])
    with pytest.raises(ServerError) as refused:
        table.put(targets=targets, batch=batch)
    assert signed(refused.value.code) == code, refused.value.message
    assert names in refused.value.message
    assert table.lookup(good[0], key) == [b"\x01\x00" + good[1], None]
    assert table.put([(key, bytes_)]) == 2  # still writable, and nothing was logged meanwhile


def test_deletes_that_a_table_forbids_roll_back_their_batch(shared_server, table_name):
    table = Table(shared_server, table_name, **{"table.delete.behavior": "disable"})
    with pytest.raises(ServerError) as refused:
        table.put([compact(1, "one"), (compact(5, "")[0], b"")])
    assert refused.value.code == 57 and f"raw.{table_name}" in refused.value.message
    assert table.lookup(compact(1, "")[0]) == [None]


def test_batches_for_the_other_kind_of_table_are_refused(shared_server, table_name):
    keyed = Table(shared_server, table_name)
    with pytest.raises(ServerError) as refused:
        keyed.client.produce(keyed.id, 0, wire.make_batch([1]))
    assert refused.value.code == 15
    keyed.id = keyed.client.create_table("raw", table_name + "_log")
    with pytest.raises(ServerError) as refused:
        keyed.put([compact(1, "one")])
    assert refused.value.code == 20
    with pytest.raises(ServerError) as refused:
        keyed.lookup(b"\x01")
    assert refused.value.code == 20


def test_a_batch_sent_again_changes_nothing_and_gets_the_same_answer(shared_server, table_name):
    table = Table(shared_server, table_name)
    writer = table.client.init_writer("raw", table_name)
    first = kv_batch([compact(1, "one")], writer=writer, sequence=0)
    assert table.put(batch=first) == 1
    assert table.put(batch=kv_batch([compact(1, "two")], writer=writer, sequence=1)) == 3
    assert table.put(batch=first) == 1
    with pytest.raises(ServerError) as refused:
        table.put(batch=kv_batch([compact(1, "x")], writer=writer, sequence=7))
    assert refused.value.code == 31
    key, bytes_ = compact(1, "two")
    assert table.lookup(key) == [b"\x01\x00" + bytes_]


def test_missing_keys_are_inserted_once(shared_server, table_name):
    table = Table(shared_server, table_name)
    key, bytes_ = compact(7, None)
    assert table.lookup(key, key, insert=True) == [b"\x01\x00" + bytes_] * 2
    assert table.lookup(key) == [b"\x01\x00" + bytes_]
    assert table.put([compact(8, "eight")]) == 2


def test_scans_see_one_moment_and_keep_their_order(shared_server, table_name):
    table = Table(shared_server, table_name)
    table.put([compact(id, f"n{id}") for id in range(100)])

    def scan(body):
        return fields(table.client.call(SCAN_KV, body))

    opened = scan(block(2, number(1, table.id) + number(3, 0)) + number(3, 0) + number(4, 200))
    assert opened[6] == [100] and opened[4] == [1]
    scanner = opened[3][0]
    table.put([compact(id, "later") for id in range(100)])
    values = 0
    answer, call = opened, 0
    while True:
        values += struct.unpack_from("<i", answer[5][0], 5)[0]
        assert b"later" not in answer[5][0]
        if answer[4] == [0]:
            break
        call += 1
        answer = scan(block(1, scanner) + number(3, call) + number(4, 200))
    assert values == 100
    assert scan(block(1, scanner) + number(3, call + 1) + number(4, 200))[1] == [67]
    assert scan(number(3, 0) + number(4, 200))[1] == [68]
    stats = fields(table.client.call(TABLE_STATS, number(1, table.id) + block(2, number(2, 0))))
    assert fields(stats[1][0])[5] == [100]
    limited = fields(table.client.call(LIMIT_SCAN, number(2, table.id) + number(4, 0) + number(5, 3)))
    assert limited[3] == [0] and struct.unpack_from("<i", limited[4][0], 5)[0] == 3


def left_the_page_cache(files):
    """Drops files from the page cache; whether this file system can tell that they have left it."""
    told = False
    for file in files:
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            try:
                os.preadv(opened.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
            except BlockingIOError:
                told = True
            except OSError:
                pass
    return told


def test_rows_are_found_and_changed_that_are_on_disk_alone(own_server, table_name, tmp_path):
    table = Table(own_server, table_name)
    # Files so large, however they are compressed, that opening them leaves most on disk.
    chooser = random.Random(1)
    rows = {id: compact(id, chooser.randbytes(1000).hex()) for id in range(3000)}
    table.put(rows.values())
    for what in ("looked up", "changed"):
        own_server.stop()
        files = list((tmp_path / "data").rglob("*.sst"))
        assert files
        told = left_the_page_cache(files)
        own_server.start()
        table.client = Client(own_server.port)
        ids = range(7, 3000, 500)
        if what == "changed":
            rows |= {id: compact(id, "new") for id in ids}
            before = table.put([])
            # Each old row was found: an image before and one after.
            assert table.put([rows[id] for id in ids]) == before + 2 * len(ids)
        assert table.lookup(*(rows[id][0] for id in ids)) == [b"\x01\x00" + rows[id][1] for id in ids]
        if what == "looked up" and told:
            found = re.search(r"^strom_keys_from_disk_total (\d+)", own_server.get("/metrics"), re.MULTILINE)
            assert int(found[1]) >= len(ids)


def test_a_dropped_table_is_gone_on_every_connection(own_server, tmp_path):
    """Connections live on different shards, and each of them knows where the rows are."""
    table = Table(own_server, "dropped")
    table.put([compact(1, "a")])
    clients = [Client(own_server.port) for _ in range(6)]
    for client in clients:
        table.client = client
        assert table.lookup(compact(1, "a")[0]) != [None]
    clients[0].call(1006, block(1, wire.path("raw", "dropped")) + number(2, 0))
    for client in clients:
        table.client = client
        with pytest.raises(ServerError) as gone:
            table.lookup(compact(1, "a")[0])
        assert gone.value.code == 21
    deadline = time.monotonic() + 10
    while (tmp_path / "data" / "raw" / f"dropped-{table.id}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
