"""What users do with log tables, driven by the real Python client."""

import asyncio
import datetime
import decimal
import random
import time

import fluss
import pyarrow as pa
import pytest

from conftest import connect, run
from helpers import NUMBERS, append, batch_scanner, make_table, numbers, poll_rows, read_all

UTC = datetime.timezone.utc

# One column per data type: Arrow type, and values with both limits where the type has them.
EVERY_TYPE = {
    "c_boolean": (pa.bool_(), [True, False]),
    "c_tinyint": (pa.int8(), [-128, 127]),
    "c_smallint": (pa.int16(), [-32768, 32767]),
    "c_int": (pa.int32(), [-(2**31), 2**31 - 1]),
    "c_bigint": (pa.int64(), [-(2**63), 2**63 - 1]),
    "c_float": (pa.float32(), [1.5, float("inf")]),
    "c_double": (pa.float64(), [-1.7976931348623157e308, 5e-324]),
    "c_string": (pa.string(), ["", "Strom, Fluß, 河流, 🌊"]),
    "c_bytes": (pa.binary(), [b"", bytes(range(256))]),
    "c_binary": (pa.binary(4), [b"\x00\x01\x02\x03", b"\xff\xff\xff\xff"]),
    "c_decimal": (pa.decimal128(10, 2), [decimal.Decimal("-99999999.99"), decimal.Decimal("0.01")]),
    "c_decimal_wide": (
        pa.decimal128(38, 10),
        [decimal.Decimal("-9999999999999999999999999999.9999999999"), decimal.Decimal("0E-10")],
    ),
    "c_date": (pa.date32(), [datetime.date(1970, 1, 1), datetime.date(9999, 12, 31)]),
    "c_time_s": (pa.time32("s"), [datetime.time(0, 0, 0), datetime.time(23, 59, 59)]),
    "c_time_ms": (pa.time32("ms"), [datetime.time(0, 0, 0, 1000), datetime.time(23, 59, 59, 999000)]),
    "c_timestamp": (
        pa.timestamp("us"),
        [datetime.datetime(1970, 1, 1, 0, 0, 0, 1), datetime.datetime(2262, 4, 11, 23, 47, 16)],
    ),
    "c_timestamp_ltz": (
        pa.timestamp("us", tz="UTC"),
        [datetime.datetime(2001, 9, 9, tzinfo=UTC), datetime.datetime(2038, 1, 19, tzinfo=UTC)],
    ),
}


def every_type_batch():
    """Rows: first values, last values, all null."""
    schema = pa.schema([(name, kind) for name, (kind, _) in EVERY_TYPE.items()])
    columns = [pa.array(values + [None], kind) for kind, values in EVERY_TYPE.values()]
    return pa.record_batch(columns, schema=schema)


@pytest.mark.parametrize("compression", ["NONE", "LZ4_FRAME", "ZSTD"])
def test_every_type_with_limits_and_nulls_survives(shared_server, table_name, compression):
    async def body():
        connection = await connect(shared_server)
        batch = every_type_batch()
        table = await make_table(
            connection, table_name, batch.schema,
            properties={"table.log.arrow.compression.type": compression},
        )
        await append(table, batch)
        result = await read_all(table)
        assert result.num_rows == 3
        for name in batch.schema.names:
            assert result[name].to_pylist() == batch[name].to_pylist(), name
        await connection.close()

    run(body())


def test_nested_types_survive(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        schema = pa.schema([
            ("id", pa.int32()),
            ("tags", pa.list_(pa.string())),
            ("scores", pa.map_(pa.string(), pa.int64())),
            ("point", pa.struct([("x", pa.float64()), ("labels", pa.list_(pa.int32()))])),
            ("matrix", pa.list_(pa.list_(pa.int32()))),
        ])
        table = await make_table(connection, table_name, schema)
        rows = [
            {"id": 1, "tags": ["a", None, "ç"], "scores": {"k": 1, "l": -5},
             "point": {"x": 1.25, "labels": [1, 2]}, "matrix": [[1], [], [2, 3]]},
            {"id": 2, "tags": [], "scores": {}, "point": {"x": None, "labels": []}, "matrix": []},
            {"id": 3, "tags": None, "scores": None, "point": None, "matrix": None},
        ]
        writer = table.new_append().create_writer()
        for row in rows:
            writer.append(row)
        await writer.flush()
        for columns in (None, ["matrix", "id"], ["point", "scores"], ["tags"]):
            result = await read_all(table, columns)
            assert result.num_rows == 3
            assert result.column_names == (columns or schema.names)
            for name in result.column_names:
                got = result[name].to_pylist()
                expected = [row[name] for row in rows]
                if name == "scores":
                    got = [None if v is None else dict(v) for v in got]
                assert got == expected, name
        await connection.close()

    run(body())


@pytest.mark.parametrize("compression", ["NONE", "LZ4_FRAME", "ZSTD"])
def test_projection_in_any_order_returns_just_those_columns(shared_server, table_name, compression):
    async def body():
        connection = await connect(shared_server)
        schema = pa.schema([(f"c{i}", pa.int64() if i % 2 else pa.string()) for i in range(12)])
        table = await make_table(
            connection, table_name, schema, buckets=2,
            properties={"table.log.arrow.compression.type": compression},
        )
        data = [
            [r * 100 + i if i % 2 else f"{r}/{i}" * (r % 5) for r in range(300)] for i in range(12)
        ]
        batches = [
            pa.record_batch([pa.array(c[s : s + 100], f.type) for c, f in zip(data, schema)], schema=schema)
            for s in (0, 100, 200)
        ]
        await append(table, *batches)
        everything = sorted(zip(*data), key=str)
        chooser = random.Random(7)
        for _ in range(12):
            columns = chooser.sample(schema.names, chooser.randint(1, 12))
            result = await read_all(table, columns)
            assert result.column_names == columns
            wanted = [tuple(row[int(c[1:])] for c in columns) for row in everything]
            got = list(zip(*(result[c].to_pylist() for c in columns)))
            assert sorted(got, key=str) == sorted(wanted, key=str), columns
        await connection.close()

    run(body())


def test_rows_of_several_megabytes(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        schema = pa.schema([("id", pa.int32()), ("blob", pa.binary()), ("after", pa.string())])
        table = await make_table(
            connection, table_name, schema,
            properties={"table.log.arrow.compression.type": "NONE"},
        )
        blobs = [random.Random(i).randbytes(size) for i, size in enumerate([5_000_000, 1, 3_000_000, 8_000_000])]
        for i, blob in enumerate(blobs):
            await append(table, pa.record_batch(
                [pa.array([i], pa.int32()), pa.array([blob]), pa.array([f"after {i}"])], schema=schema))
        result = await read_all(table)
        assert result["blob"].to_pylist() == blobs
        small = await read_all(table, ["after", "id"])
        assert small["after"].to_pylist() == [f"after {i}" for i in range(4)]
        await connection.close()

    run(body())


def test_many_batches_over_sixteen_buckets_come_back_once_each(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS, buckets=16)
        count = 400
        await append(table, *(numbers(i * 50, 50) for i in range(count)))
        result = await read_all(table)
        assert sorted(result["id"].to_pylist()) == list(range(count * 50))
        offsets = await connection.get_admin().list_offsets(
            fluss.TablePath("scenarios", table_name), list(range(16)), fluss.OffsetSpec.latest())
        assert sum(offsets.values()) == count * 50
        await connection.close()

    run(body())


def test_rows_with_a_bucket_key_keep_their_order_per_key(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS, buckets=4, bucket_keys=["name"])
        writer = table.new_append().create_writer()
        for i in range(400):
            writer.append({"id": i, "name": f"key-{i % 10}"})
        await writer.flush()
        scanner = await table.new_scan().create_log_scanner()
        scanner.subscribe_buckets({b: fluss.EARLIEST_OFFSET for b in range(4)})
        per_key = {}
        for record in await poll_rows(scanner, 400):
            per_key.setdefault(record.row["name"], []).append(record.row["id"])
        assert {k: v for k, v in per_key.items()} == {
            f"key-{k}": list(range(k, 400, 10)) for k in range(10)
        }
        await connection.close()

    run(body())


def test_several_writers_at_once_lose_and_double_nothing(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS, buckets=4)

        async def write(writer_number):
            own = await connect(shared_server)
            own_table = await own.get_table(fluss.TablePath("scenarios", table_name))
            writer = own_table.new_append().create_writer()
            for i in range(60):
                writer.write_arrow_batch(numbers(writer_number * 10_000 + i * 20, 20))
                if i % 10 == 9:
                    await writer.flush()
            await writer.flush()
            await own.close()

        await asyncio.gather(*(write(n) for n in range(6)))
        ids = (await read_all(table))["id"].to_pylist()
        assert sorted(ids) == sorted(n * 10_000 + i for n in range(6) for i in range(1200))
        await connection.close()

    run(body())


def test_offsets_by_timestamp_name_the_first_later_row(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS)
        await append(table, numbers(0, 10))
        await asyncio.sleep(0.02)
        between = int(time.time() * 1000)
        await asyncio.sleep(0.02)
        await append(table, numbers(10, 5))
        admin = connection.get_admin()
        path = fluss.TablePath("scenarios", table_name)

        async def offset(spec):
            return (await admin.list_offsets(path, [0], spec))[0]

        assert await offset(fluss.OffsetSpec.timestamp(0)) == 0
        assert await offset(fluss.OffsetSpec.timestamp(between)) == 10
        assert await offset(fluss.OffsetSpec.timestamp(int(time.time() * 1000))) == 15
        assert await offset(fluss.OffsetSpec.earliest()) == 0
        assert await offset(fluss.OffsetSpec.latest()) == 15
        with pytest.raises(fluss.FlussError) as refused:
            await offset(fluss.OffsetSpec.timestamp(int(time.time() * 1000) + 3_600_000))
        assert "larger than the current timestamp" in str(refused.value)
        scanner = await table.new_scan().create_log_scanner()
        scanner.subscribe(0, 10)
        assert [r.row["id"] for r in await poll_rows(scanner, 5)] == list(range(10, 15))
        await connection.close()

    run(body())


def test_reading_from_inside_a_batch_starts_at_the_offset(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS)
        await append(table, numbers(0, 100))
        scanner = await table.new_scan().create_log_scanner()
        scanner.subscribe(0, 37)
        records = await poll_rows(scanner, 63)
        assert [r.offset for r in records] == list(range(37, 100))
        assert [r.row["id"] for r in records] == list(range(37, 100))
        assert all(r.change_type == fluss.ChangeType.AppendOnly for r in records)
        await connection.close()

    run(body())


def test_polling_from_latest_sees_only_what_comes_after(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS)
        await append(table, numbers(0, 10))
        path = fluss.TablePath("scenarios", table_name)
        latest = (await connection.get_admin().list_offsets(path, [0], fluss.OffsetSpec.latest()))[0]
        scanner = await table.new_scan().create_log_scanner()
        scanner.subscribe(0, latest)
        assert (await scanner.poll(200)).is_empty()
        await append(table, numbers(10, 3))
        assert [r.row["id"] for r in await poll_rows(scanner, 3)] == [10, 11, 12]
        await connection.close()

    run(body())


def test_offset_beyond_the_end_is_refused_and_says_so(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS)
        await append(table, numbers(0, 5))
        scanner = await table.new_scan().create_log_scanner()
        scanner.subscribe(0, 1000)
        with pytest.raises(fluss.FlussError) as refused:
            for _ in range(20):
                await scanner.poll(500)
        assert "1000" in str(refused.value)
        await connection.close()

    run(body())


def test_limit_scan_returns_the_newest_rows(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS)
        await append(table, *(numbers(i * 10, 10) for i in range(5)))
        bucket = fluss.TableBucket(table.get_table_info().table_id, 0)
        for limit, expected in ((3, [47, 48, 49]), (25, list(range(25, 50))), (500, list(range(50)))):
            result = await table.new_scan().limit(limit).create_bucket_batch_scanner(bucket).to_arrow()
            assert result["id"].to_pylist() == expected
        await connection.close()

    run(body())


@pytest.mark.parametrize("log_format", ["INDEXED", "COMPACTED"])
def test_row_formats_are_created_and_described(shared_server, table_name, log_format):
    # The Python client writes Arrow only; the Java suite writes and reads these.
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS, properties={"table.log.format": log_format})
        assert table.get_table_info().get_properties()["table.log.format"].upper() == log_format
        await connection.close()

    run(body())


def test_acks_zero_one_and_all(shared_server, table_name):
    async def body():
        for number, acks in enumerate(("0", "1", "all")):
            connection = await connect(
                shared_server, **{"writer.acks": acks, "writer.enable-idempotence": "false"})
            table = await make_table(connection, f"{table_name}_{number}", NUMBERS)
            await append(table, numbers(0, 20))
            scanner = await table.new_scan().create_log_scanner()
            scanner.subscribe(0, fluss.EARLIEST_OFFSET)
            assert [r.row["id"] for r in await poll_rows(scanner, 20)] == list(range(20))
            await connection.close()

    run(body())


def test_databases_and_tables(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        admin = connection.get_admin()
        database = f"db_{table_name}"
        await admin.create_database(
            database, fluss.DatabaseDescriptor(comment="a comment", custom_properties={"k": "v"}))
        with pytest.raises(fluss.FlussError) as refused:
            await admin.create_database(database)
        assert refused.value.error_code == 6
        await admin.create_database(database, ignore_if_exists=True)
        assert database in await admin.list_databases()
        assert await admin.database_exists(database)
        info = await admin.get_database_info(database)
        assert info.get_database_descriptor().comment == "a comment"
        assert info.get_database_descriptor().get_custom_properties() == {"k": "v"}

        path = fluss.TablePath(database, "t")
        descriptor = fluss.TableDescriptor(
            fluss.Schema(NUMBERS), bucket_count=3, comment="rows", custom_properties={"team": "x"})
        await admin.create_table(path, descriptor)
        with pytest.raises(fluss.FlussError) as refused:
            await admin.create_table(path, descriptor)
        assert refused.value.error_code == 8
        await admin.create_table(path, descriptor, ignore_if_exists=True)
        assert await admin.list_tables(database) == ["t"]
        assert await admin.table_exists(path)
        table = await admin.get_table_info(path)
        assert (table.num_buckets, table.comment, table.schema_id) == (3, "rows", 1)
        assert table.get_custom_properties() == {"team": "x"}
        assert table.get_properties()["table.replication.factor"] == "1"

        with pytest.raises(fluss.FlussError) as refused:
            await admin.drop_database(database, cascade=False)
        assert refused.value.error_code == 5
        first_id = table.table_id
        await admin.drop_table(path)
        assert not await admin.table_exists(path)
        with pytest.raises(fluss.FlussError) as refused:
            await admin.drop_table(path)
        assert refused.value.error_code == 7
        await admin.drop_table(path, ignore_if_not_exists=True)
        await admin.create_table(path, descriptor)
        assert (await admin.get_table_info(path)).table_id > first_id
        await admin.drop_database(database, cascade=True)
        assert not await admin.database_exists(database)
        with pytest.raises(fluss.FlussError) as refused:
            await admin.list_tables(database)
        assert refused.value.error_code == 4
        await connection.close()

    run(body())


@pytest.mark.parametrize("problem, properties, code, text", [
    ("unknown property", {"table.no.such": "1"}, 39, "table.no.such"),
    ("bad compression", {"table.log.arrow.compression.type": "SNAPPY"}, 39, "SNAPPY"),
    ("bad ttl", {"table.log.ttl": "soon"}, 39, "table.log.ttl"),
    ("too many replicas", {"table.replication.factor": "3"}, 17, "3"),
])
def test_bad_table_properties_are_refused_by_name(shared_server, table_name, problem, properties, code, text):
    async def body():
        connection = await connect(shared_server)
        with pytest.raises(fluss.FlussError) as refused:
            await make_table(connection, table_name, NUMBERS, properties=properties)
        assert refused.value.error_code == code, (problem, str(refused.value))
        assert text in str(refused.value)
        await connection.close()

    run(body())


def test_missing_table_is_an_error_not_a_hang(shared_server):
    async def body():
        connection = await connect(shared_server)
        with pytest.raises(fluss.FlussError) as refused:
            await connection.get_table(fluss.TablePath("scenarios", "never_made"))
        assert refused.value.error_code == 7
        await connection.close()

    run(body())


@pytest.mark.parametrize("hard", [False, True])
def test_clients_go_on_after_a_server_restart(own_server, hard):
    async def body():
        connection = await connect(own_server)
        table = await make_table(connection, "t", NUMBERS, buckets=2)
        writer = table.new_append().create_writer()
        writer.write_arrow_batch(numbers(0, 100))
        await writer.flush()
        scanner = await batch_scanner(table)
        seen = []

        async def read_until(count):
            deadline = time.monotonic() + 60
            while len(seen) < count:
                assert time.monotonic() < deadline, f"{len(seen)} of {count}"
                try:
                    seen.extend((await scanner.poll_arrow(500))["id"].to_pylist())
                except fluss.FlussError:
                    await asyncio.sleep(0.1)

        await read_until(100)
        if hard:
            own_server.kill()
        else:
            assert own_server.stop() == 0
        writer.write_arrow_batch(numbers(100, 100))  # sent when the server is back
        own_server.start()
        await writer.flush()
        writer.write_arrow_batch(numbers(200, 50))
        await writer.flush()
        await read_until(250)
        assert sorted(seen) == list(range(250))
        assert sorted((await read_all(table))["id"].to_pylist()) == list(range(250))
        await connection.close()

    run(body())


def test_dropping_and_recreating_a_table_while_it_is_read(shared_server, table_name):
    async def body():
        connection = await connect(shared_server)
        table = await make_table(connection, table_name, NUMBERS)
        await append(table, numbers(0, 10))
        scanner = await table.new_scan().create_log_scanner()
        scanner.subscribe(0, fluss.EARLIEST_OFFSET)
        assert len(await poll_rows(scanner, 10)) == 10
        polling = asyncio.ensure_future(scanner.poll(2000))
        await asyncio.sleep(0.1)
        admin = connection.get_admin()
        await admin.drop_table(fluss.TablePath("scenarios", table_name))
        again = await make_table(await connect(shared_server), table_name, NUMBERS)
        try:
            assert (await polling).is_empty()
        except fluss.FlussError as error:
            assert error.error_code != -2  # a server's answer, not a broken connection
        assert again.get_table_info().table_id > table.get_table_info().table_id
        await append(again, numbers(100, 7))
        assert (await read_all(again))["id"].to_pylist() == list(range(100, 107))
        await connection.close()

    run(body())


def test_an_append_wakes_a_waiting_reader(shared_server, table_name):
    """Latency of append to arrival at a reader that long-polls; printed, not asserted as a time."""

    async def body():
        connection = await connect(shared_server, **{"writer.batch-timeout-ms": "0"})
        reading = await connect(shared_server, **{"scanner.log.fetch.wait-max-time-ms": "10000"})
        table = await make_table(connection, table_name, NUMBERS)
        reader = await reading.get_table(fluss.TablePath("scenarios", table_name))
        scanner = await reader.new_scan().create_log_scanner()
        scanner.subscribe(0, fluss.EARLIEST_OFFSET)
        writer = table.new_append().create_writer()
        waits = []
        for i in range(40):
            polling = asyncio.create_task(poll_rows(scanner, 1))
            await asyncio.sleep(0.03)  # the reader is parked by now
            started = time.perf_counter()
            writer.append({"id": i, "name": "x"})
            await writer.flush()
            records = await polling
            waits.append((time.perf_counter() - started) * 1000)
            assert [r.row["id"] for r in records] == [i]
        waits.sort()
        print(f"\nappend to arrival: median {waits[20]:.2f} ms, p95 {waits[37]:.2f} ms")
        await connection.close()
        await reading.close()

    run(body())
