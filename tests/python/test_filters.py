"""Filters of the real Python client skip batches on the server, whatever the writers sent."""

import glob
import os
import time

import fluss
import pyarrow as pa
import pyarrow.compute as pc
from fluss import col

from conftest import connect, run
from helpers import NUMBERS, append, make_table, numbers
from strom_server import StromServer

BATCHES = 40
ROWS = 500  # of a batch
ALL = BATCHES * ROWS


async def filtered(table, predicate, expected_rows, columns=None):
    """The rows that the server did not leave out; polls on for a while for rows too many.

    The client's own `to_arrow` waits for the last offset to arrive in a batch, which a filter may
    leave out."""
    scan = table.new_scan().filter(predicate)
    if columns is not None:
        scan = scan.project_by_name(columns)
    scanner = await scan.create_record_batch_log_scanner()
    buckets = range(table.get_table_info().num_buckets)
    scanner.subscribe_buckets({b: fluss.EARLIEST_OFFSET for b in buckets})
    batches = []
    empty_polls = 0
    deadline = time.monotonic() + 30
    while empty_polls < 2:
        polled = await scanner.poll_record_batch(150)
        batches += [b.batch for b in polled or []]
        rows = sum(b.num_rows for b in batches)
        assert rows >= expected_rows or time.monotonic() < deadline, f"{rows} of {expected_rows} rows"
        if not polled and rows >= expected_rows:
            empty_polls += 1
    result = pa.Table.from_batches(batches) if batches else None
    assert (result.num_rows if result else 0) == expected_rows
    return result


async def append_ascending(table):
    """Batches of their own, ids ascending over all of them."""
    for first in range(0, ALL, ROWS):
        await append(table, numbers(first, ROWS))


def ids_between(result, low, high):
    ids = result["id"]
    return ids.filter(pc.and_(pc.greater_equal(ids, low), pc.less(ids, high))).to_pylist()


async def check(table):
    few = await filtered(table, (col("id") >= 1200) & (col("id") < 1300), ROWS)
    assert ids_between(few, 1200, 1300) == list(range(1200, 1300))
    # In the order of texts, "row-7777" lies between names of the first two batches, too.
    named = await filtered(table, col("name") == "row-7777", 3 * ROWS, ["name"])
    assert "row-7777" in named["name"].to_pylist()
    either = await filtered(table, (col("id") == 3) | (col("id") == ALL - 1), 2 * ROWS)
    assert {3, ALL - 1} <= set(either["id"].to_pylist())
    await filtered(table, col("id") == ALL + 5, 0)
    await filtered(table, col("id").is_null(), 0)
    await filtered(table, col("id").is_not_null(), ALL)
    await filtered(table, col("name").is_in(["nobody", "zzz"]), 0)


def test_filters_skip_batches_that_carry_no_statistics(tmp_path):
    server = StromServer(tmp_path / "data", {"log.segment.file-size": "64kb"}).start()

    async def fill():
        connection = await connect(server)
        table = await make_table(
            connection, "skip", NUMBERS, properties={"table.log.arrow.compression.type": "NONE"})
        await append_ascending(table)
        await check(table)
        await connection.close()

    async def again():
        connection = await connect(server)
        table = await connection.get_table(fluss.TablePath("scenarios", "skip"))
        await check(table)
        # What is appended later is found, too.
        await append(table, numbers(10**6, 10))
        late = await filtered(table, col("id") >= 10**6, 10)
        assert late["id"].to_pylist() == list(range(10**6, 10**6 + 10))
        await connection.close()

    def files():
        return sorted(glob.glob(str(tmp_path / "data" / "scenarios" / "*" / "*" / "*.ranges")))

    try:
        run(fill())
        kept = files()
        assert len(kept) > 3
        assert server.stop() == 0
        # One is damaged, one is lost: both are made anew.
        with open(kept[0], "r+b") as damaged:
            damaged.seek(20)
            damaged.write(b"\xff\xff\xff")
        size = os.path.getsize(kept[1])
        os.remove(kept[1])
        server.start()
        run(again())
        assert os.path.getsize(kept[1]) == size
        server.kill()
        server.start()

        async def reread():
            connection = await connect(server)
            table = await connection.get_table(fluss.TablePath("scenarios", "skip"))
            await filtered(table, col("id") == 1234, ROWS)
            await connection.close()

        run(reread())
    finally:
        server.stop()


def test_filters_on_every_compression_and_with_nulls(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        schema = pa.schema([("k", pa.int32()), ("v", pa.float64()), ("s", pa.string())])
        for compression in ("NONE", "LZ4_FRAME", "ZSTD"):
            table = await make_table(
                connection, f"{table_name}_{compression.lower()}", schema,
                properties={"table.log.arrow.compression.type": compression},
            )
            for part in range(10):
                await append(table, pa.record_batch([
                    pa.array([part] * 50, pa.int32()),
                    pa.array([None if part == 4 else part + i / 100 for i in range(50)], pa.float64()),
                    pa.array([f"part {part} " + "x" * 100 * (i % 2) for i in range(50)]),
                ], schema=schema))
            await filtered(table, col("k") == 6, 50)
            await filtered(table, col("v").is_null(), 50)
            await filtered(table, col("v") > 8.2, 100)
            await filtered(table, col("s").starts_with("part 3"), 50)
            await filtered(table, (col("k") < 2) & col("v").is_not_null(), 100, ["v"])
        await connection.close()

    run(body())


def test_statistics_columns_limit_what_can_be_skipped_by(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(
            connection, table_name, NUMBERS, properties={"table.statistics.columns": "id"})
        for first in (0, 100):
            await append(table, numbers(first, 100))
        await filtered(table, col("id") == 5, 100)
        await filtered(table, col("name") == "nobody", 200)
        await connection.close()

    run(body())
